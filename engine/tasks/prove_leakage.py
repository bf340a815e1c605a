"""Leakage between a data file and a held-out file, before either is imported: which prompts stand in both, or near."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.places import refuse_elsewhere
from engine.data.proof.leakage import leakage
from engine.store.database import Store
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.prove_data import ProveData


@TASKS.register
class ProveLeakage(Task):
    """Read two files and count the prompts of the second that stand in the first, or are near one of it."""

    name: ClassVar[str] = "prove_leakage"
    title: ClassVar[str] = "leakage"

    path: str = Field(description="the pool: a file, a folder saved by `datasets`, or a hub id")
    held_out: str = Field(description="the held-out file, likewise")
    format: str | None = Field(None, description="the data format of both, or a mapping's path; default: found out")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """What `leakage` says, and the stamps of both files."""
        stamps = self._stamps()  # before reading: a file that is changed meanwhile is read again
        for path in (self.path, self.held_out):
            refuse_elsewhere(store.folder, path, self.format)
        return {**leakage(self.path, self.held_out, self.format, say=say), "stamps": stamps}

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """Both files and the mapping are as they were. Of a hub id nobody knows."""
        return None not in answer["stamps"] and bool(answer["stamps"] == self._stamps())

    def _stamps(self) -> list[list[int] | None]:
        return [ProveData(path=path, format=self.format).stamp() for path in (self.path, self.held_out)]
