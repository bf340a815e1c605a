"""The proof of a data file before it is imported: what it is read as, and what one should know of it."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from pydantic import Field

from engine.data.formats.mapped import is_mapping
from engine.data.places import refuse_elsewhere, stamp_of
from engine.data.proof.prove import near_duplicates, prove
from engine.data.read import Refused, Report
from engine.store.database import Store
from engine.store.files import write_bytes
from engine.tasks.base import TASKS, Say, Task

LISTED = 2000
"""Refused rows that stand in the answer itself; the file beside it has all."""


@TASKS.register
class ProveData(Task):
    """Read a file, import nothing, and say what it is understood as. Near-duplicates are a stage of their own."""

    name: ClassVar[str] = "prove_data"
    title: ClassVar[str] = "proof"

    path: str = Field(description="a file, a folder saved by `datasets`, or a hub id")
    format: str | None = Field(None, description="the data format, or a mapping's path; default: found out")
    near_duplicates: bool = Field(False, description="only the stage of near-duplicates")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`findings` and, but for the stage of near-duplicates, all of `Proof.summary`; refused rows also as a file."""
        stamp = self.stamp()  # before reading: a file that is changed meanwhile is read again
        refuse_elsewhere(store.folder, self.path, self.format)
        say("opening the file")
        if self.near_duplicates:
            found = near_duplicates(self.path, self.format, say)
            return {"stamp": stamp, "findings": [asdict(finding) for finding in found]}
        proof = prove(self.path, self.format, say=say)
        return {**proof.summary(), "stamp": stamp, **refused_rows(store, proof.report)}

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """The file is as it was, and so is the mapping. Of a hub id nobody knows."""
        return answer.get("stamp") is not None and answer["stamp"] == self.stamp()

    def stamp(self) -> list[int] | None:
        """What `stamp_of` says of the file or files, and of the mapping; None for what is no file here."""
        paths = [self.path, *([self.format] if self.format and is_mapping(self.format) else [])]
        stamps = [found for path in paths if (found := stamp_of(path)) is not None]
        return [number for found in stamps for number in found] if len(stamps) == len(paths) else None


def refused_csv(refused: Sequence[Refused]) -> bytes:
    """Every refused row with number, reason and what was found, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row", "reason", "what was found"])
    writer.writerows([item.row, item.reason, item.detail] for item in refused)
    return text.getvalue().encode("utf-8", "backslashreplace")


def refused_rows(store: Store, report: Report) -> dict[str, Any]:
    """How many rows were refused, why, the first of them, and the file that lists all: one for each way to read."""
    refused = report.refused
    found: dict[str, Any] = {"refused": len(refused), "reasons": report.reasons(), "listed": [], "file": None}
    if refused:
        path = f"files/imports/refused-{report.sha256[:16]}-{report.format}.csv"
        written = write_bytes(store.folder, path, refused_csv(refused))
        found["listed"] = [[item.row, item.reason, _clean(item.detail)] for item in refused[:LISTED]]
        found["file"] = {"path": written.path, "bytes": written.bytes, "sha256": written.sha256}
    return found


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which no store takes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
