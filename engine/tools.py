"""The tools worker: does what pages ask for in `tasks`, on the CPU, with one thread and bounded memory.

Memory is bounded twice: a task works in blocks of rows, and the process may not take more than `memory_bound()` bytes;
a task that needs more fails with a sentence, and the machine and the runs beside it stay as they are.
"""

import contextlib
import os
import resource
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.claiming import IDLE_S, Claiming
from engine.errors import ConfigError
from engine.findings import findings
from engine.store import queries, tasks
from engine.store.claims import TaskClaim, heartbeat
from engine.store.database import open_store
from engine.store.plugins import describe
from engine.tasks.base import TASKS, Task

GIB = 1024**3
GLANCE_S = 0.1
"""Between two glances at the number that rises when somebody asks; it takes no lock."""


class ToolsWorker(Claiming[TaskClaim]):
    """Claims tasks that want "tools", oldest first."""

    kind = "tools"
    out_of_memory = (
        "Memory ran out: the tools worker may take no more than it was given. Ask for a smaller part, or start it on a "
        "larger machine."
    )

    _seen = 0

    def _claim(self) -> TaskClaim | None:
        self._seen = queries.revision(self.store, "tasks")
        return tasks.claim_task(self.store, self.id, self.kind, self.lease_s)

    def _rest(self) -> None:
        """As any worker, but up at once when somebody asks: a reader waits for a dry run."""
        for _ in range(round(IDLE_S / GLANCE_S)):
            if self._stop.wait(GLANCE_S) or self._lasting(lambda: queries.revision(self.store, "tasks")) != self._seen:
                return

    def _carry_out(self, claim: TaskClaim) -> bool:
        self._doing = "begins"
        describe(self.store)  # a plugin may have been saved since the worker was started
        answer = task_of(claim).do(self.store, self._say)
        self._lasting(lambda: tasks.end_task(self.store, claim, "done", answer=answer))
        return True

    def _end(self, claim: TaskClaim, state: str, error: str = "") -> None:
        tasks.end_task(self.store, claim, state, error=error)

    def _word(self, claim: TaskClaim | None) -> bool:
        if claim is None:
            return heartbeat(self.store, self.id, None, self._doing, self.lease_s)
        return tasks.task_word(self.store, claim, self._doing, self.lease_s)


def task_of(claim: TaskClaim) -> Task:
    """The plugin with the request's fields; ConfigError or UnknownName if this program cannot read it."""
    plugin = TASKS.get(claim.kind)
    fields: dict[str, Any] = claim.request
    try:
        return plugin(**fields)
    except ValidationError as error:
        raise ConfigError(f"Task {claim.task_id}, {claim.kind}", findings(error), "Ask for it again.") from error


def memory_bound() -> int:
    """Half the machine's memory, at least 2 GiB and at most 8, in bytes."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(min(max(there // 2, 2 * GIB), 8 * GIB))


def work(folder: Path, until_idle: bool = False) -> int:
    """Run a tools worker on a store until SIGTERM or Ctrl-C (or until nothing is left to do), beside others' work."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when a task first loads it
    with contextlib.suppress(OSError, ValueError):  # a system that knows no such bound, or has a lower one
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bound = memory_bound() if hard == resource.RLIM_INFINITY else min(memory_bound(), hard)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    os.nice(10)
    worker = ToolsWorker(open_store(folder))
    worker.stop_when_asked()
    return worker.work(until_idle)
