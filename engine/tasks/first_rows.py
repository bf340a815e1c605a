"""The first rows of a file as they stand, for mapping its columns by hand."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.containers import NotARow, open_rows
from engine.data.places import refuse_outside
from engine.errors import DataError
from engine.store.database import Store
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.prove_data import ProveData

ROWS = 20
CUT = 2000
"""Characters of a text, and of all items of a list that are shown."""


@TASKS.register
class FirstRows(Task):
    """Show the first rows of a file, whatever their columns mean."""

    name: ClassVar[str] = "first_rows"
    title: ClassVar[str] = "first rows"

    path: str = Field(description="a file, a folder saved by `datasets`, or a hub id")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`rows`: up to ROWS mappings, long texts cut; DataError if none of the first can be read."""
        stamp = ProveData(path=self.path).stamp()
        refuse_outside(self.path, store.folder / "uploads")
        say("opening the file")
        found = [row for row in itertools.islice(open_rows(self.path), ROWS) if not isinstance(row, NotARow)]
        if not found:
            raise DataError(f"{self.path}: none of its first rows can be read.", "Is it what its ending says?")
        return {"rows": [json.loads(json.dumps(cut(row), default=str)) for row in found], "stamp": stamp}

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """The file is as it was."""
        return answer.get("stamp") is not None and answer["stamp"] == ProveData(path=self.path).stamp()


def cut(value: Any, depth: int = 0) -> Any:
    """The value with long texts, lists and nests cut, and no half of a surrogate pair, which no store takes."""
    if isinstance(value, str):
        return value[:CUT].encode("utf-8", "backslashreplace").decode("utf-8")
    if depth > 8:
        return "…"
    if isinstance(value, Mapping):
        return {cut(str(key), depth + 1): cut(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, list | tuple):
        return [cut(inner, depth + 1) for inner in value[:20]]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
