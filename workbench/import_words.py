"""A file that is brought in, in words: as the commands that prove and import it, and as lines of a study file."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from engine.data.formats.mapped import is_mapping
from engine.tasks.prove_data import ProveData


@dataclass(frozen=True)
class Said:
    """What the form holds: the file and how it is read, and what is asked about it besides.

    `near`: near-duplicates were looked for; `refused`: it has rows that are left out.
    """

    task: ProveData
    held_out: str = ""
    model: str = ""
    near: bool = False
    refused: bool = False


def check_command(said: Said) -> str:
    """The command that proves the same; of near-duplicates it looks for what the form does, or for a little more."""
    parts = [
        f" --held-out {shlex.quote(said.held_out)}" if said.held_out else "",
        f" --model {shlex.quote(said.model)}" if said.model else "",
        "" if said.near or said.held_out else " --no-near-duplicates",
    ]
    return f"workbench data check {_read(said.task)}{''.join(parts)}"


def import_command(said: Said) -> str:
    """The command that brings in the same rows."""
    return f"workbench data import {_read(said.task)}{' --skip-refused' if said.refused else ''}"


def lines_of(said: Said) -> str:
    """The same file as the pool of a study; JSON in strings, which is YAML, too."""
    data: dict[str, Any] = {"pool": said.task.path}
    data |= {"format": said.task.format} if said.task.format else {}
    data |= {"skip_refused": True} if said.refused else {}
    data |= {"held_out": {"held_out": said.held_out}} if said.held_out else {}
    parts = {"data": data} | ({"model": {"path": said.model}} if said.model else {})
    lines = []
    for name, fields in parts.items():
        lines += [f"{name}:", *(f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())]
    return "\n".join(lines)


def _read(task: ProveData) -> str:
    how = "--mapping" if is_mapping(task.format or "") else "--format"
    return shlex.quote(task.path) + (f" {how} {shlex.quote(task.format)}" if task.format else "")
