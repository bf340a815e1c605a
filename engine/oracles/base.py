"""The contract of an oracle: who answers.

`label` gets pairs with their texts and what the data file knows about them. None means "not yet" (a person has to
answer), never "don't know": that is a tie or a skip. Answers do not depend on the order of the pairs, on the round,
or on which side is shown first.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from engine.cache import ArrayCache, MemoryCache
from engine.data.pool import PreferenceData
from engine.errors import OracleError
from engine.records import Label, Pair, Prompt
from engine.registry import Plugin, Registry
from engine.resume import unasked


def nothing_spent() -> Mapping[str, float]:
    """Nothing was asked before."""
    return {}


@dataclass(frozen=True)
class Desk:
    """What an oracle works with beside the texts.

    `check` is to be called from text to text by an oracle that takes long, and may raise to end it there. `cache` keeps
    what models said of a text, by content. `spent` says what the study has spent on asked models: "tokens", "cost".
    `payer` stands for who pays: an answer that the same one asked for, in a stage that was lost, counts once more.
    """

    check: Callable[[], None] = unasked
    cache: ArrayCache = field(default_factory=MemoryCache)
    spent: Callable[[], Mapping[str, float]] = nothing_spent
    payer: str = ""


@dataclass(frozen=True)
class Question:
    """Pairs to answer. `data` holds their texts and recorded answers, generated responses included.

    `check` is to be called from pair to pair by an oracle that takes long, and may raise to end it there.
    """

    pairs: tuple[Pair, ...]
    data: PreferenceData
    seed: int
    check: Callable[[], None] = unasked
    cache: ArrayCache = field(default_factory=MemoryCache)
    spent: Callable[[], Mapping[str, float]] = nothing_spent
    payer: str = ""

    @property
    def desk(self) -> Desk:
        """What the oracle works with."""
        return Desk(self.check, self.cache, self.spent, self.payer)

    def only(self, pairs: Sequence[Pair]) -> "Question":
        """The same about these pairs."""
        return replace(self, pairs=tuple(pairs))


@dataclass(frozen=True)
class Verdicts:
    """What an evaluator says of two texts a prompt: 1 where the first is better, 0 where the second, 1/2 for a tie.

    `wins` (n,), NaN where it said nothing that can be used. `facts` are figures of the asking, by name: value, unit,
    and of how many.
    """

    wins: np.ndarray
    facts: Mapping[str, tuple[float, str, int]] = field(default_factory=dict)


class Oracle(Plugin):
    """One source of labels."""

    simulated: ClassVar[bool] = True
    """True: bought once per study and seed; False (people, recorded): once per study."""

    by_model: ClassVar[bool] = False
    """True: a model answers, though its answers do not vary with the seed."""

    people: ClassVar[bool] = False
    """True: people answer, so that a study is a campaign: one run, neither twin nor second random arm, no verdict."""

    @abstractmethod
    def label(self, question: Question) -> Sequence[Label | None]:
        """One answer a pair, in order."""

    def can_answer(self, data: PreferenceData) -> frozenset[str] | None:
        """The pairs it can answer, or None for any pair. The pool is cut down to them and the rest counted."""
        return None

    def reads_of_file(self) -> str:
        """What of the data file its answers are made of: "answers", "scores", or "" where it can answer any text."""
        return ""

    def aside(self, budget: int) -> int:
        """Pairs of the pool that are answered beside the budget and never picked."""
        return 0

    def asks(self, budget: int) -> int:
        """Answers that a study with this budget asks for, what is asked beside it included."""
        return budget

    def noted(self, question: Question, labels: Sequence[Label]) -> Sequence[Label]:
        """The labels of a whole batch as they are saved, once all are there: the place to note how they came about."""
        return labels

    def forecast(self, labels: int, what: str = "labels") -> list[str]:
        """Sentences about so many labels before any is bought: requests, who answers.

        Where people answer, `labels` are those of the batches alone; of an evaluator comparisons are asked (`what`).
        """
        return []

    def answers_by(self) -> Mapping[str, Any]:
        """The parameters that decide an answer: labels may be lent to a study whose oracle has the same."""
        return self.spec()

    def score_texts(self, prompts: Sequence[Prompt], texts: Sequence[str], desk: Desk | None = None) -> Sequence[float]:
        """A number for each text, higher = better, as the evaluator of generations; not every oracle has one."""
        raise OracleError(
            f"Oracle {self.name!r} gives no number for a text.", "Take another as evaluator, e.g. 'gold'."
        )

    def scores_texts(self) -> bool:
        """Whether `score_texts` answers."""
        return False

    def compare_texts(
        self, prompts: Sequence[Prompt], ours: Sequence[str], theirs: Sequence[str], desk: Desk | None = None
    ) -> Verdicts:
        """Which of two texts is better, as the evaluator of generations: by their scores, or by its own judgement."""
        one, other = (np.asarray(self.score_texts(prompts, texts, desk), np.float64) for texts in (ours, theirs))
        known = np.isfinite(one) & np.isfinite(other)
        return Verdicts(np.where(known, (one > other) + 0.5 * (one == other), np.nan))

    def compares_texts(self) -> bool:
        """Whether `compare_texts` answers."""
        return self.scores_texts()


ORACLES: Registry[Oracle] = Registry("oracle", "engine.oracles")
