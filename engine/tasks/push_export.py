"""A checked export sent to the hub by the tools worker, whose token stands in no request, row, file or log."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.export.push import TOKENS, push_to_hub, token_of_environment
from engine.errors import DataError
from engine.store.database import Store
from engine.store.labelled import state_of
from engine.tasks.base import TASKS, Say, Task, asked
from engine.tasks.check_export import CheckExport, packed


@TASKS.register
class PushExport(Task):
    """Send the files of an export whose contract holds to a repository on the hub, in one commit."""

    name: ClassVar[str] = "push_export"
    title: ClassVar[str] = "push to the hub"

    export: CheckExport = Field(description="the export as it was checked")
    repository: str = Field(description="owner/name")
    public: bool = Field(False, description="all may read it")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`address` of the repository, `files` sent. What is sent is the archive that was checked, to the byte.

        A request is kept in the store, so a token never is part of one. DataError: no token in this worker's
        environment, nothing checked that holds, or what `push_to_hub` says.
        """
        token = token_of_environment()
        if not token:
            raise DataError(
                f"The tools worker has no token: neither {' nor '.join(TOKENS)} is set where it was started.",
                f"Start it with {TOKENS[0]} set, or push from the command line, which asks for one.",
            )
        say("reading the archive")
        state = state_of(store, self.export.subset.study_id)
        with zipfile.ZipFile(io.BytesIO(packed(store, self._checked(store)))) as folder:
            files: dict[str, Any] = {name: folder.read(name) for name in folder.namelist()}
        address = push_to_hub(files, self.repository, token, private=not self.public, say=say)
        return {"address": address, "files": len(files), "state": state}

    def _checked(self, store: Store) -> Mapping[str, Any]:
        """The answer of the check."""
        found = asked(store, self.export)
        answer = found.answer if found is not None else None
        if answer is None or not self.export.still_holds(store, answer):
            raise DataError("What was checked is not what is there now.", "Check and pack it again, then push.")
        if answer["file"] is None:
            raise DataError("A tick of its contract does not hold, so it is not sent.", "Mend what the tick says.")
        return answer

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """Nothing was answered or finished in the study since it was sent."""
        return bool(answer["state"] == state_of(store, self.export.subset.study_id))
