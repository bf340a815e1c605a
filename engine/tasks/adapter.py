"""The adapter of any round, packed to be taken home: a PEFT folder with a card, or weights merged into the model."""

import hashlib
import json
import os
import tempfile
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from engine.data.export.adapter_card import adapter_card, name_of_base
from engine.errors import StoreError
from engine.records import Trained
from engine.store import queries
from engine.store.database import Store
from engine.store.files import keep_room
from engine.store.history import load_event
from engine.store.pool_texts import study_config
from engine.tasks.base import TASKS, Say, Task


@TASKS.register
class TakeAdapter(Task):
    """Pack what a run had learned after a round."""

    name: ClassVar[str] = "take_adapter"
    title: ClassVar[str] = "adapter"

    run_id: str = Field(description="the run")
    round: int = Field(ge=1, description="after which round")
    merged: bool = Field(False, description="weights merged into the model instead of a PEFT folder")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`file`: path below the store, bytes, sha256 of a zip; it is made from what the round saved, never again."""
        with tempfile.TemporaryDirectory() as scratch:
            self.write(store, Path(scratch), say)
            say("packing")
            return {"file": _packed(store, Path(scratch))}

    def write(self, store: Store, folder: Path, say: Say) -> None:
        """The files, into a folder that is there."""
        from engine.models.take_home import write_adapter, write_merged

        run = queries.run(store, self.run_id)
        trained = load_event(store, self.run_id, self.round, "trained")
        if not isinstance(trained, Trained):
            raise StoreError(f"Run {self.run_id} has no adapter of round {self.round} yet.", "Wait for the round.")
        config = study_config(store, run.study_id)
        say("loading the model")
        write = write_merged if self.merged else write_adapter
        write(config.model, trained.adapter, folder)
        text = adapter_card(store, self.run_id, self.round, trained, merged=self.merged)
        (folder / "README.md").write_text(text, encoding="utf-8")

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """Its file is there; a finished round never changes."""
        return Path(store.folder, answer["file"]["path"]).is_file()


def adapter_of(store: Store, answer: Mapping[str, Any]) -> bytes:
    """The archive; StoreError if it is gone."""
    try:
        return Path(store.folder, answer["file"]["path"]).read_bytes()
    except OSError as error:
        raise StoreError(f"The packed adapter is gone: {error.strerror}.", "Pack it again.") from error


def files_for_a_hub(folder: Path) -> dict[str, bytes | Path]:
    """Every file of a written adapter by its path below the folder; none names a place on this machine."""
    files: dict[str, bytes | Path] = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    config = folder / "adapter_config.json"
    if config.is_file():
        found: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        found["base_model_name_or_path"] = name_of_base(found["base_model_name_or_path"])
        files[config.name] = (json.dumps(found, indent=2, sort_keys=True) + "\n").encode()
    return files


def _packed(store: Store, folder: Path) -> dict[str, Any]:
    """The folder as one zip in the store, written straight to disk: a model may be larger than memory."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    target = store.folder / "files" / "exports"
    target.mkdir(parents=True, exist_ok=True)
    temporary = target / f".{uuid.uuid4().hex}.zip"
    keep_room(temporary, sum(path.stat().st_size for path in files))
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:
            for path in files:
                packed.write(path, path.relative_to(folder).as_posix())
        with temporary.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        place = target / f"adapter.{digest[:16]}.zip"
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
    return {"path": place.relative_to(store.folder).as_posix(), "bytes": place.stat().st_size, "sha256": digest}
