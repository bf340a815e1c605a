"""An evaluator whose scores are what a function says."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from engine.oracles.base import Desk, Oracle
from engine.records import Label, Prompt


class Scores(Oracle):
    """Scores texts as it is told."""

    name: ClassVar[str] = "told"
    score: Any

    def label(self, question: Any) -> Sequence[Label | None]:
        raise AssertionError("it only scores")

    def score_texts(self, prompts: Sequence[Prompt], texts: Sequence[str], desk: Desk | None = None) -> Sequence[float]:
        return self.score(prompts, texts)

    def scores_texts(self) -> bool:
        return True


def scorer(score: Callable[..., Sequence[float]]) -> Scores:
    return Scores(score=score)
