"""The signals of a pool for a dry run, computed once; whatever strategies then read of them costs no pass."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from engine.store.database import Store
from engine.tasks._laboratory import Laboratory
from engine.tasks.base import TASKS, Say

if TYPE_CHECKING:
    from engine.models.policy import Policy


@TASKS.register
class ScorePool(Laboratory):
    """Compute signals over a pool with a model as it stands, through the same code as a study. It trains nothing."""

    name: ClassVar[str] = "score_pool"
    title: ClassVar[str] = "scores for a dry run"
    wants: ClassVar[Literal["tools", "device"]] = "device"

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """With a policy of its own."""
        from engine.laboratory import loaded

        return self.do_with(store, say, loaded)

    def do_with(self, store: Store, say: Say, policy_of: Callable[[Any, int], "Policy"]) -> dict[str, Any]:
        """How many pairs, what was left out, what it took; the arrays lie in the cache."""
        from engine.laboratory import score

        return score(store, self, say, policy_of)

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """While all arrays lie in the cache."""
        return self.is_kept(store, self.signals)
