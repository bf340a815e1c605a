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

BYTES_A_TOKEN = 4
"""For an estimate before the start: a rule of thumb for English; other languages and code take more tokens."""


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


@dataclass(frozen=True)
class Texts:
    """What is to be answered, on average: UTF-8 bytes of a prompt's messages and of a response. `of`: whose texts."""

    prompt: float
    response: float
    of: str

    @classmethod
    def mean_of(cls, data: PreferenceData, of: str) -> "Texts":
        """Over all prompts and all responses of data at hand; nothing of no data."""
        prompts = [sum(_bytes(message.content) for message in prompt.messages) for prompt in data.prompts.values()]
        responses = [_bytes(response.text) for response in data.responses.values()]
        mean, other = (sum(sizes) / len(sizes) if sizes else 0.0 for sizes in (prompts, responses))
        return cls(mean, other, of)


@dataclass(frozen=True)
class Bill:
    """What a model behind a server will be asked, estimated before the start; answers that are kept cost nothing.

    `read`: tokens of all requests, an estimate whose `basis` is told. `written`: tokens of all answers at most. Prices
    are of a million tokens in the currency of who gave them; None where none is given, and then nobody knows the money.
    `tokens_at_most` and `cost_at_most` are the limits that were set.
    """

    who: str
    requests: int
    read: int
    written: int
    basis: str
    prices: tuple[float, float] | None = None
    tokens_at_most: int | None = None
    cost_at_most: float | None = None

    @property
    def money(self) -> tuple[float, float] | None:
        """For what is read, about, and for what is written, at most."""
        if self.prices is None:
            return None
        return self.read * self.prices[0] / 1e6, self.written * self.prices[1] / 1e6


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

    def bills(self, labels: int, texts: Texts) -> list[Bill]:
        """What so many labels of such texts will take of models that are paid by the token; none where none is."""
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


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


ORACLES: Registry[Oracle] = Registry("oracle", "engine.oracles")
