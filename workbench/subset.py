"""Which labelled pairs to take home, in words, and the command that does the same."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.answers import Subset
from engine.data.export.make import Export
from engine.store.summaries import RunSummary

OPTIONS = {
    "strategy": "strategy",
    "seed": "seed",
    "upto_round": "round",
    "from_round": "from-round",
    "selection": "selection",
    "score_at_least": "score-at-least",
    "score_at_most": "score-at-most",
    "labeller": "labeller",
    "agreement_at_least": "agreement",
}
"""Field of a subset → its option on the command line."""


FIRST = 5


@dataclass(frozen=True)
class Preview:
    """What the page shows of an export: its beginning, its counts and its card, without the rows themselves."""

    file: str
    first: Sequence[Mapping[str, Any]]
    rows: int
    counts: Mapping[str, int]
    excluded: Mapping[str, int]
    skips: int
    card: str
    beside: tuple[str, ...]


def preview_of(made: Export) -> Preview:
    """The first rows stand for all."""
    settled, first = made.settled, list(made.rows[:FIRST])
    return Preview(
        made.file, first, len(made.rows), made.counts, settled.excluded, settled.skips, made.card, tuple(made.beside)
    )


def words_of(subset: Subset) -> str:
    """A name for files: "activedpo-seed1-round6", or "all"; it names no labeller."""
    short = {"strategy": "", "upto_round": "round", "selection": ""}
    values = subset.model_dump() | ({"labeller": "-one"} if subset.labeller else {})
    parts = [
        re.sub(r"\W+", "-", f"{short.get(name, name)}{values[name]}")
        for name in OPTIONS
        if values[name] not in (None, "")
    ]
    return "-".join(parts) or "all"


def command_of(subset: Subset, profile: str, container: str, *, names: bool = False, licence: str = "") -> str:
    """The command that writes the same files."""
    words = ["workbench export", subset.study_id]
    for name, option in OPTIONS.items():
        if (value := getattr(subset, name)) not in (None, ""):
            words.append(f"--{option} {shlex.quote(str(value))}")  # the key of an arm can hold a space
    words += [f"--profile {profile}", f"--format {container}", *(["--names"] if names else [])]
    words += [*([f"--licence {shlex.quote(licence)}"] if licence else []), "--out ./export"]
    return " ".join(words)


def pushed(command: str, repository: str, *, public: bool) -> str:
    """The same command, which sends what it has written to the hub, too."""
    return f"{command} --push {shlex.quote(repository)}{' --public' if public else ''}"


def in_lines(command: str, width: int = 26) -> str:
    """The same command as a shell takes it, in lines of about so many characters, no option apart from its value."""
    parts: list[str] = []
    for word in shlex.split(command):
        if word.startswith("--") or not parts:
            parts.append(shlex.quote(word))
        else:
            parts[-1] += f" {shlex.quote(word)}"
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines) > 1 and len(lines[-1]) + len(part) < width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return " \\\n  ".join(lines)


def adapter_command(run: RunSummary, number: int, *, merged: bool) -> str:
    """The command that writes the adapter of the run after that round."""
    words = ["workbench export", run.study_id, "--adapter", f"--strategy {shlex.quote(run.strategy.name)}"]
    words += [f"--seed {run.seed}", f"--round {number}", *(["--merged"] if merged else []), "--out ./adapter"]
    return " ".join(words)
