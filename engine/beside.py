"""Tasks that need a model, as a device worker does them: between two runs, or between two stages of the one in hand."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.loop import Stopped
from engine.resume import ran_out
from engine.store import tasks
from engine.store.claims import TaskClaim
from engine.store.database import Store
from engine.tools import task_of

if TYPE_CHECKING:
    from engine.models.policy import Policy

_log = logging.getLogger(__name__)
OUT_OF_MEMORY = "Memory ran out beside what the worker holds. Ask for fewer prompts, or when no run is under way."
Lend = Callable[[Any, int], "AbstractContextManager[Policy]"]
"""Model settings and a seed → a policy for as long as the context lasts; it is put back as it was."""


class Beside:
    """What a device worker does beside its runs. `check` raises where the worker is to stop or its run is lost."""

    def __init__(self, store: Store, worker_id: str, lease_s: float, check: Callable[[], None]) -> None:
        self.store, self.worker_id, self.lease_s, self.check = store, worker_id, lease_s, check
        self.claim: TaskClaim | None = None
        self._doing, self._lost = "", False

    def do_all(self, lend: Lend) -> None:
        """Every task that waits for a device, oldest first; a fault ends the task, not the worker or its run."""
        while (claim := tasks.claim_task(self.store, self.worker_id, "device", self.lease_s)) is not None:
            self.claim, self._doing, self._lost = claim, "begins", False
            try:
                self._do(claim, lend)
            finally:
                self.claim = None

    def word(self) -> None:
        """Renew the lease of the task in hand, from beside the work; one that was taken or cancelled ends soon."""
        if (claim := self.claim) is not None and not tasks.task_word(self.store, claim, self._doing, self.lease_s):
            self._lost = True

    def _do(self, claim: TaskClaim, lend: Lend) -> None:
        try:
            with ExitStack() as lent:
                answer = task_of(claim).do_with(
                    self.store, self._say, lambda settings, seed: lent.enter_context(lend(settings, seed))
                )
            tasks.end_task(self.store, claim, "done", answer=answer)
        except Stopped:
            if not self._lost:
                tasks.end_task(self.store, claim, "queued")
                raise
        except EngineError as error:
            _log.error("%s: %s", claim, error)
            tasks.end_task(self.store, claim, "failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - memory or a fault: it ends this task, not the run in hand
            _log.exception("%s", claim)
            fault = f"{type(error).__name__}: {error}. This is a fault of the program; its trace is in the log."
            tasks.end_task(self.store, claim, "failed", error=OUT_OF_MEMORY if ran_out(error) else fault)

    def _say(self, sentence: str) -> None:
        self._doing = sentence or self._doing
        if self._lost:
            raise Stopped
        self.check()
