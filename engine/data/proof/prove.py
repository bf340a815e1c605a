"""The proof of a reading: what a file was understood as, and what one should know about it before it is used.

One pass over the rows; what is kept of each are some numbers, so that a large file takes tens of bytes a row. Near-
duplicates take a pass of their own (`near`), which can be left out.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.data.formats.base import ParsedRow
from engine.data.proof.banks import Banks
from engine.data.proof.copies import Copies
from engine.data.proof.finding import Check, Finding
from engine.data.proof.labels import Labels
from engine.data.proof.languages import Languages
from engine.data.proof.lengths import Lengths
from engine.data.proof.markers import Markers
from engine.data.proof.near import NearDuplicates
from engine.data.proof.refusals import refusals
from engine.data.proof.scores import Scores
from engine.data.read import Report, open_data

Say = Callable[[str], None]
AT_ONCE = 5_000
"""Rows whose texts are in memory at a time."""
SHOWN = 3
"""Rows that are shown as chat."""
CUT = 4000
"""Characters of a text that is shown."""


@dataclass(frozen=True)
class Proof:
    """The report, what the checks found, lengths in characters, and the first rows as they were understood."""

    report: Report
    findings: list[Finding]
    lengths: dict[str, Any]
    languages: dict[str, int]
    first: list[dict[str, Any]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """All of it as JSON, refused rows included."""
        report = self.report
        return {
            "path": report.path,
            "format": report.format,
            "why": report.why_format,
            "sha256": report.sha256,
            "rows": report.rows,
            "prompts": report.counts.prompts,
            "responses": report.counts.responses,
            "pairs": report.counts.pairs,
            "recorded_answers": dict(report.counts.recorded),
            "turns_of_prompts": {int(k): n for k, n in self.lengths["turns"].items()},
            "dropped": {what: n for what, n in report.dropped.items() if n},
            "repeated_rows": report.repeated,
            "refused": [vars(item) for item in report.refused],
            "findings": [asdict(finding) for finding in self.findings],
            "lengths": self.lengths,
            "languages": self.languages,
            "first": self.first,
        }


def prove(path: Path | str, format_name: str | None = None, *, near: bool = False, say: Say | None = None) -> Proof:
    """Read all there is and look at it; with `near` the near-duplicates too. DataError where `examine` has one.

    `say` hears how far it is, every thousand rows, and may raise to stop it.
    """
    lengths, languages = Lengths(), Languages()
    checks: list[Check] = [Labels(), Banks(), Scores(), Copies(), lengths, Markers(), languages]
    checks += [NearDuplicates()] if near else []
    first: list[dict[str, Any]] = []

    def watch(number: int, row: ParsedRow) -> None:
        for check in checks:
            check.take(number, row)
        if len(first) < SHOWN:
            first.append(shown(number, row))

    report = pass_over(path, format_name, watch, say)
    if say is not None:
        say(f"looking at {report.rows:,} rows")
    found = [finding for check in checks for finding in check.findings()]
    return Proof(report, [*refusals(report), *found], lengths.figures(), languages.figures(), first)


def near_duplicates(path: Path | str, format_name: str | None, say: Say) -> list[Finding]:
    """The stage of near-duplicates alone."""
    check = NearDuplicates()
    report = pass_over(path, format_name, check.take, say)
    say(f"comparing the prompts of {report.rows:,} rows")
    return check.findings()


def pass_over(
    path: Path | str, format_name: str | None, watch: Callable[[int, ParsedRow], None], say: Say | None
) -> Report:
    """Every row that can be used goes through `watch` once, and its text is let go; the report of the whole."""
    opened = open_data(path, format_name)
    told = None if say is None else lambda n: say(f"{n:,} rows read")
    for _ in opened.parts(AT_ONCE, on_progress=told, watch=watch):
        pass
    return opened.report


def shown(number: int, row: ParsedRow) -> dict[str, Any]:
    """A row as it was understood, long texts cut: its turns, its responses, and each answer by their places."""
    return {
        "row": number,
        "messages": [[message.role, message.content[:CUT]] for message in row.messages],
        "responses": [[response.text[:CUT], response.source, response.score] for response in row.responses],
        "answers": [[c.first, c.second, c.answer, c.labeller] for c in row.comparisons[:20]],
        "topic": row.topic,
    }
