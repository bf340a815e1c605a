"""The contract of a signal: one named array that a model pass gives.

A file in this room registers one class. Its fields are its parameters and are all part of the cache key. `compute`
runs in a worker; torch and `engine.models` are imported inside it.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from engine.cache import ArrayCache
from engine.records import Answer, Axis, Label, Pair, Prompt, Response
from engine.registry import Plugin, Registry
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.models.policy import Policy


GOLD = "gold_score"
"""The one signal that is part of the answer: only a strategy declared an oracle control may need it."""


@dataclass(frozen=True)
class Texts:
    """What a signal is computed on: pairs with their prompts and responses, in one fixed order."""

    prompts: tuple[Prompt, ...]
    responses: tuple[Response, ...]
    pairs: tuple[Pair, ...]

    def ids(self, axis: Axis) -> tuple[str, ...]:
        """The ids of that axis, in order."""
        rows: Sequence[Any] = {"prompt": self.prompts, "response": self.responses, "pair": self.pairs}[axis]
        return tuple(row.id for row in rows)

    def blocks(self, size: int) -> "list[Texts]":
        """Whole prompts with all that is theirs, some `size` responses together; which depends on the texts alone.

        A signal is computed and kept block by block, so that a stop loses one block and a resumed run gives the same
        bits: rows computed in other company are not the same value.
        """
        count = Counter(response.prompt_id for response in self.responses)
        blocks: list[tuple[list[Prompt], list[Response], list[Pair]]] = [([], [], [])]
        block_of: dict[str, int] = {}
        held = 0
        for prompt in self.prompts:
            if held and held + count[prompt.id] > size:
                blocks.append(([], [], []))
                held = 0
            block_of[prompt.id] = len(blocks) - 1
            blocks[-1][0].append(prompt)
            held += count[prompt.id]
        for response in self.responses:
            blocks[block_of[response.prompt_id]][1].append(response)
        for pair in self.pairs:
            blocks[block_of[pair.prompt_id]][2].append(pair)
        return [Texts(tuple(prompts), tuple(responses), tuple(pairs)) for prompts, responses, pairs in blocks]


@dataclass(frozen=True)
class Reads:
    """What a signal is made of, of a pass of the policy over responses behind their prompts.

    *scores*: log-probs and entropies. *hidden*: last hidden states, pooled. *gradients*: of the log-probs, projected;
    *differences*: those of side a minus side b, one row a pair.
    """

    what: Literal["scores", "hidden", "gradients", "differences"]
    pooling: Literal["", "mean", "last"] = ""
    dimension: int | None = None
    seed: int = 0

    @property
    def whole(self) -> bool:
        """Whether it is gradients that are not projected."""
        return self.backward and self.dimension is None

    @property
    def backward(self) -> bool:
        """Whether it takes a backward pass."""
        return self.what in ("gradients", "differences")


@dataclass(frozen=True)
class Bought:
    """The labels that a run bought in one round, in pair id order, with the texts that they are about."""

    round: int
    labels: tuple[Label, ...]
    texts: Texts


@dataclass(frozen=True)
class Pass:
    """What a model pass may use: the policy (its adapter off is the reference), β, and where draws are keyed.

    `reference_logps` maps response ids to summed log-probs in nats under the reference, computed once per study.
    `cache` keeps arrays that several signals share (policy log-probs, say), and `reads` says what the signals of the
    round are made of, so that one pass serves them all. `check` is to be called between the passes
    of a model other than the policy, and may raise to end the stage; the policy's own passes do so by themselves.
    `gold` gives responses their gold scores, (n,).

    What a run has bought so far is there for a signal that `learns`, and for no other: `bought`, round by round. It may
    read other signals through `signal`, each from the cache where it lies there, and train an adapter of its own:
    `tune` does so from a fresh start, by DPO with the settings of the study, on (pair, answer), keyed by a seed; it
    gives the weights, and the policy stays as it is.
    """

    policy: "Policy"
    beta: float
    seed: int
    round: int
    reference_logps: Mapping[str, float]
    cache: ArrayCache
    check: Callable[[], None] = unasked
    gold: "Callable[[Sequence[Response]], np.ndarray] | None" = None
    bought: tuple[Bought, ...] = ()
    reads: "frozenset[Reads]" = frozenset()
    signal: "Callable[[Signal, Texts], np.ndarray] | None" = None
    tune: "Callable[[Sequence[tuple[Pair, Answer]], int], Mapping[str, np.ndarray]] | None" = None

    def read(self, signal: "Signal", texts: Texts) -> np.ndarray:
        """The values of another signal for `texts.ids(signal.axis)`."""
        return signal.compute(texts, self) if self.signal is None else self.signal(signal, texts)


class Signal(Plugin):
    """A named array, one row per response, pair or prompt."""

    axis: ClassVar[Axis]
    unit: ClassVar[str]
    vector: ClassVar[bool] = False
    """Whether a row holds several numbers."""
    signed: ClassVar[bool] = False
    """Whether it is about side a against side b, so that it changes its sign when they change places."""
    like: ClassVar[str] = ""
    """The signal whose parameters it takes where a study sets those and not its own."""
    model: Literal["policy", "reference", "other"] = "policy"
    """Whose pass it is. "reference" and "other" do not change from round to round: computed once for the whole pool."""

    @abstractmethod
    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Values (n,) or (n, d) float32 for `texts.ids(self.axis)`. Batch size, padding and order change nothing."""

    @property
    def reads(self) -> Reads | None:
        """What of one pass over the responses it is made of, if that is all it needs of the policy."""
        return None

    @property
    def learns(self) -> bool:
        """Whether it is trained on the labels that the run has bought so far: computed anew every round, in one go."""
        return False

    def width(self, policy: "Policy") -> int:
        """Numbers a row, as far as it matters: a signal of very many is computed and kept in fewer rows at a time."""
        return 1

    @property
    def adapters(self) -> int:
        """How many adapters of its own it trains a round, on about all labels so far, each with its own pass."""
        return 0

    def with_fixed(self, parameters: Mapping[str, Any]) -> "Signal":
        """The same with some of its parameters set."""
        return type(self)(**{**self.model_dump(), **parameters}) if parameters else self

    def made_on(self) -> str:
        """In words, for stamps: layer, pooling, projection."""
        return ""


def reads_of(signals: Iterable[Signal]) -> frozenset[Reads]:
    """What they read of one pass over the responses. Whole gradients go by themselves: so few fit in memory that the
    other signals would be read in the same small blocks."""
    return frozenset(read for signal in signals if (read := signal.reads) is not None and not read.whole)


SIGNALS: Registry[Signal] = Registry("signal", "engine.signals")


def as_known(name: str, known: Iterable[Signal]) -> Signal:
    """The signal of that name with the parameters that are known; else with those of the one it is `like`."""
    there = {signal.name: signal for signal in known}
    if name in there:
        return there[name]
    kind = SIGNALS.get(name)
    like = there.get(kind.like)
    shared = kind.model_fields.keys() & (type(like).model_fields.keys() if like else set())
    return kind(**{field: getattr(like, field) for field in shared})
