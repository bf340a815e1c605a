"""Tasks that need a model, as a device worker does them: between two runs, or between two stages of the one in hand."""

import logging
from collections.abc import Callable, Mapping
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
    """What a device worker does beside its runs.

    `check` raises where the worker is to stop or its run is lost; `lasting` does a write again until the database takes
    it, or gives None where the worker is told to stop.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        lease_s: float,
        check: Callable[[], None],
        lasting: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self.store, self.worker_id, self.lease_s = store, worker_id, lease_s
        self.check, self.lasting = check, lasting
        self.claim: TaskClaim | None = None
        self._doing, self._lost = "", False

    def do_all(self, lend: Lend) -> None:
        """Every task that waits for a device, oldest first; a fault ends the task, not the worker or its run."""
        while (claim := self._claim()) is not None:
            self.claim, self._doing, self._lost = claim, "begins", False
            try:
                self._do(claim, lend)
            finally:
                self.claim = None

    def _claim(self) -> TaskClaim | None:
        found: TaskClaim | None = self.lasting(
            lambda: tasks.claim_task(self.store, self.worker_id, "device", self.lease_s)
        )
        return found

    def word(self) -> None:
        """Renew the lease of the task in hand, from beside the work; one that was taken or cancelled ends soon."""
        if (claim := self.claim) is not None and not tasks.task_word(self.store, claim, self._doing, self.lease_s):
            self._lost = True

    def _do(self, claim: TaskClaim, lend: Lend) -> None:
        answer, error = None, ""
        try:
            with ExitStack() as lent:
                answer = task_of(claim).do_with(
                    self.store, self._say, lambda settings, seed: lent.enter_context(lend(settings, seed))
                )
        except Stopped:
            if self._lost:
                return
            self._end(claim, "queued")
            raise
        except EngineError as fault:
            _log.error("%s: %s", claim, fault)
            error = str(fault)
        except Exception as fault:  # noqa: BLE001 - memory or a fault: it ends this task, not the run in hand
            _log.exception("%s", claim)
            error = f"{type(fault).__name__}: {fault}. This is a fault of the program; its trace is in the log."
            error = OUT_OF_MEMORY if ran_out(fault) else error
        self._end(claim, "failed" if error else "done", answer, error)

    def _end(self, claim: TaskClaim, state: str, answer: Mapping[str, Any] | None = None, error: str = "") -> None:
        self.lasting(lambda: tasks.end_task(self.store, claim, state, answer=answer, error=error))

    def _say(self, sentence: str) -> None:
        self._doing = sentence or self._doing
        if self._lost:
            raise Stopped
        self.check()
