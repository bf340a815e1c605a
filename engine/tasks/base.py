"""The contract of a task; read this before adding one.

A page never computes what needs torch, a tokenizer or heavy numerics: it asks by a row in `tasks` and shows queued,
running, done. A file in this room registers one class; its fields are the request. `do` runs in a worker, may take
long, says now and then how far it is, and answers with JSON; large arrays go into a file of the store, and the answer
names it. torch, scikit-learn and `engine.models` are imported inside functions.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from engine.registry import Plugin, Registry
from engine.store import inbox
from engine.store.database import Store
from engine.store.summaries import TaskSummary
from engine.store.tasks import find_task

if TYPE_CHECKING:
    from engine.models.policy import Policy

Say = Callable[[str], None]
"""Say where the task is, one sentence. It raises `engine.loop.Stopped` when the task is no longer this worker's."""


class Task(Plugin):
    """Something a page needs done by a worker. The same request twice is done once while its answer holds."""

    wants: ClassVar[Literal["tools", "device"]] = "tools"
    """Which worker does it: "tools" (CPU, bounded memory), or "device" for a pass of a run's model."""

    @abstractmethod
    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """The answer, as JSON. An EngineError makes the task fail with its sentence."""

    def do_with(self, store: Store, say: Say, policy_of: "Callable[[Any, int], Policy]") -> dict[str, Any]:
        """`do` with a model that a device worker lends; `policy_of` takes model settings and a seed."""
        return self.do(store, say)

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """Whether an answer that was given before may be shown again; read rows and files only, fast."""
        return True

    def request(self) -> dict[str, Any]:
        """The fields as JSON, defaults included: what stands in the task's row."""
        return self.model_dump(mode="json")


TASKS: Registry[Task] = Registry("task", "engine.tasks")


def ask(store: Store, task: Task) -> int:
    """Ask for it; its number. One that waits, runs, or is done and holds is reused; a failed one is asked anew."""
    return inbox.request_task(
        store, task.name, task.request(), task.wants, still_holds=lambda answer: task.still_holds(store, answer)
    )


def asked(store: Store, task: Task) -> TaskSummary | None:
    """The newest row of exactly this request, in whatever state; None if it was never asked."""
    return find_task(store, task.name, task.request())
