"""A labelled subset made ready to be taken home: its files in one archive, after every tick of the contract."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from engine.data.answers import Subset
from engine.data.export.checked import checked
from engine.data.export.contract import DryParse, as_rows, failed
from engine.data.export.files import archive
from engine.data.profiles.base import Container
from engine.store.database import Store
from engine.store.files import Written, read_bytes, write_bytes
from engine.store.labelled import state_of
from engine.store.pool_texts import study_config
from engine.tasks.base import TASKS, Say, Task


@TASKS.register
class CheckExport(Task):
    """Make the files of a labelled subset and check them: only what holds can be downloaded."""

    name: ClassVar[str] = "check_export"
    title: ClassVar[str] = "export check"

    subset: Subset = Field(description="which pairs")
    profile: str = Field("trl", description="for which trainer or tool")
    container: Container = Field("jsonl", description="in which kind of file")
    names: bool = Field(False, description="real names and notes of labellers")
    licence: str = Field("", description="licence of the data, for the card")
    verdict: tuple[str, ...] = Field((), description="what the referee says, for the card")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`ticks` as {tone, what, finding}; `counts`; `card`; `file`, the archive: None where a tick does not hold."""
        state = state_of(store, self.subset.study_id)
        form = {"profile": self.profile, "container": self.container, "names": self.names, "licence": self.licence}
        parser = parsed_by_trl(store, self.subset.study_id)
        ready = checked(store, self.subset, form, self.verdict, parser, say)
        found: dict[str, Any] = {
            "ticks": as_rows(ready.ticks),
            "counts": dict(ready.made.counts),
            "card": ready.made.card,
            "state": state,
            "file": None,
        }
        if not failed(ready.ticks):
            say("packing the archive")
            content = archive(ready.files)
            path = f"files/exports/{self.subset.study_id}.{hashlib.sha256(content).hexdigest()[:16]}.zip"
            found["file"] = vars(write_bytes(store.folder, path, content))
        return found

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """Nothing was answered or finished in the study since, and the archive is there."""
        if answer["state"] != state_of(store, self.subset.study_id):
            return False
        file = answer["file"]
        return file is None or Path(store.folder, file["path"]).is_file()


def parsed_by_trl(store: Store, study_id: str) -> DryParse:
    """Gives rows to TRL with the study's tokenizer and template; torch is loaded when it is called."""

    def parsed(rows: list[dict[str, Any]]) -> tuple[bool, str]:
        from engine.models.dry_parse import dry_parse

        return dry_parse(study_config(store, study_id).model, rows)

    return parsed


def packed(store: Store, answer: Mapping[str, Any]) -> bytes:
    """The archive; StoreError if it is gone or changed."""
    return read_bytes(store.folder, Written(**answer["file"]))
