"""What flows through the engine: texts, pairs, labels, and the six events of a round.

Ids are hashes of content, so the same text has the same id in every file, run and store. A pair is unordered:
its sides a and b follow the hashes of its responses, so that "chosen" is never a side.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring as _quoted
from typing import Any, Literal

import numpy as np

Answer = Literal["a", "b", "tie", "both_bad", "skip"]
Axis = Literal["response", "pair", "prompt"]
PrimaryMetric = Literal["accuracy", "log_likelihood"]
"""What a referee can decide on: a figure that every held-out pair has in every round."""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """The conversation up to the response. A plain prompt is one user turn."""

    id: str
    messages: tuple[Message, ...]
    topic: str = ""

    @classmethod
    def of(cls, messages: Sequence[Message], topic: str = "") -> "Prompt":
        """A prompt with the id of its text."""
        # What json.dumps(…, ensure_ascii=False) gives for these pairs of texts; files have millions of them.
        text = f"[{', '.join(f'[{_quoted(m.role)}, {_quoted(m.content)}]' for m in messages)}]"
        return cls("p" + _digest(text), tuple(messages), topic)

    @property
    def text(self) -> str:
        """The last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


@dataclass(frozen=True)
class Response:
    """One answer to a prompt. `source` is the model or file it comes from."""

    id: str
    prompt_id: str
    text: str
    source: str = ""

    @classmethod
    def of(cls, prompt_id: str, text: str, source: str = "") -> "Response":
        """A response with the id of prompt and text."""
        return cls("r" + _digest(prompt_id, text), prompt_id, text, source)


@dataclass(frozen=True)
class Pair:
    """One prompt and two responses, unordered: `a` and `b` are response ids in hash order."""

    id: str
    prompt_id: str
    a: str
    b: str

    @classmethod
    def of(cls, prompt_id: str, one: str, other: str) -> "Pair":
        """The pair of two response ids, whatever their order; ValueError if they are the same."""
        if one == other:
            raise ValueError(f"A pair needs two different responses, got {one!r} twice.")
        a, b = sorted((one, other))
        return cls("x" + _digest(prompt_id, a, b), prompt_id, a, b)


@dataclass(frozen=True)
class Label:
    """One answer to one pair. It belongs to the pair, not to the run that bought it."""

    pair_id: str
    answer: Answer
    oracle: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Only a and b train (DESIGN section 2, "What an answer does")."""
        return self.answer in ("a", "b")


@dataclass(frozen=True)
class SignalArray:
    """A named array that a model pass gave. `ids` name its rows; values are (n,) or (n, d).

    `made_on` says in words what it was made on: model, adapter round, layer, pooling, unit.
    """

    name: str
    axis: Axis
    ids: tuple[str, ...]
    values: np.ndarray
    unit: str
    made_on: str = ""


@dataclass(frozen=True)
class Pick:
    """One pair of a batch and the numbers that explain it. `rank` starts at 1.

    `score` is what the strategy gave it before the batch (None: the strategy gives none, random), `gain` its worth
    given the picks before it, `why` further numbers by name.
    """

    pair_id: str
    rank: int
    score: float | None = None
    gain: float | None = None
    why: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spent:
    """What a stage cost: wall seconds and tokens put through the model (forward passes, padding not counted)."""

    seconds: float = 0.0
    tokens: int = 0
    peak_bytes: int = 0


@dataclass(frozen=True)
class Pooled:
    """The candidate pairs of a round. `made` holds responses that were generated for it; saved before use."""

    round: int
    pair_ids: tuple[str, ...]
    made: tuple[Response, ...] = ()
    made_pairs: tuple[Pair, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    spent: Spent = Spent()


@dataclass(frozen=True)
class Scored:
    """The signals of a round's pool, and the score each pair got from the run's strategy (None for a design)."""

    round: int
    signals: tuple[SignalArray, ...]
    scores: np.ndarray | None
    notes: tuple[str, ...] = ()
    spent: Spent = Spent()


@dataclass(frozen=True)
class Picked:
    """The batch, best first. `warm_up` marks the shared random first batch.

    `features` keeps the strategy's signals of the picks for later rounds: name → (k, 2, d) or (k, 2) for a response
    signal (sides a and b), (k, d) or (k,) for a pair or prompt signal. `pseudo`: pair id → the answer that the
    strategy gave itself; such pairs train in this round, but they were not asked about and are no labels. `own`: where
    a person has changed the batch, the strategy's own list; else empty. `shadow`: of a campaign, strategy → the pairs
    it would have picked, best first; `shadow_ranks`, for those that score every pair: strategy → pair id of a pick →
    the percentile of its score in the round's pool (0 to 100, higher = it would label it sooner).
    """

    round: int
    picks: tuple[Pick, ...]
    warm_up: bool = False
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    spent: Spent = Spent()
    pseudo: Mapping[str, Answer] = field(default_factory=dict)
    own: tuple[Pick, ...] = ()
    shadow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shadow_ranks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Labelled:
    """The answers to the batch. `reused` of them were bought before in this study and cost nothing again."""

    round: int
    labels: tuple[Label, ...]
    reused: int = 0
    spent: Spent = Spent()


@dataclass(frozen=True)
class Trained:
    """The adapter after the round (tensor name → float32 array) and one row of metrics a step.

    `dropped`: filter → how many labels of the round's training set it left out; they stay bought. `pseudo`: how many
    pairs trained on the strategy's own answer, beside the `labels_used`.
    """

    round: int
    adapter: Mapping[str, np.ndarray]
    steps: tuple[Mapping[str, float], ...]
    labels_used: int
    adapter_hash: str
    spent: Spent = Spent()
    dropped: Mapping[str, int] = field(default_factory=dict)
    pseudo: int = 0


@dataclass(frozen=True)
class Metric:
    """One figure of a round: `split` is a held-out set's name or "" where none is meant; n is what it is a mean of."""

    name: str
    split: str
    value: float
    n: int
    unit: str = ""


@dataclass(frozen=True)
class Evaluated:
    """The figures of a round; round 0 is the evaluation before any label.

    `outcomes` keeps each held-out pair's margin, a minus b: held-out set → (n,) in reward units. Round 0 also says
    which pairs these are: `measured` has, in the same order, (pair id, prompt id, answer) of each; they stay the same.
    And it says what no round measures: `left_out`, held-out set → reason → pairs. `probed` keeps the probe panel's
    margins (pair id → a minus b, reward units): of pairs of the pool and all picks so far, where the study asks for it.
    """

    round: int
    metrics: tuple[Metric, ...]
    outcomes: Mapping[str, np.ndarray] = field(default_factory=dict)
    generations: tuple[Response, ...] = ()
    spent: Spent = Spent()
    measured: Mapping[str, tuple[tuple[str, str, Answer], ...]] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    probed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcomes:
    """How well every pair of one held-out set was judged: what a referee needs of a study.

    `labels` are those bought up to each round (rounds,), round 0 first; `prompt_ids` has one id a pair; `values` maps a
    strategy to its seeds, each (rounds, pairs), higher is better; its mean over pairs is the figure that decides. Of
    accuracy a value is 1 where the implicit reward prefers the response that was preferred, 0 where the other, 1/2
    where neither; of log-likelihood it is log σ(margin of the preferred response), nats. All runs have the same rounds
    and pairs. `sides` has one number a pair, or none: 1 where side a was preferred, −1 where b, so that what was
    predicted can be told from what was right.
    """

    labels: tuple[float, ...]
    prompt_ids: tuple[str, ...]
    values: Mapping[str, Mapping[int, np.ndarray]]
    sides: tuple[float, ...] = ()


Event = Pooled | Scored | Picked | Labelled | Trained | Evaluated
STAGES: tuple[str, ...] = ("pooled", "scored", "picked", "labelled", "trained", "evaluated")


def stage_of(event: Event) -> str:
    """The stage's name: the event's class in lower case."""
    return type(event).__name__.lower()


@dataclass(frozen=True)
class RoundRecord:
    """A finished round: its six events together (round 0 has only `evaluated`)."""

    round: int
    evaluated: Evaluated
    pooled: Pooled | None = None
    scored: Scored | None = None
    picked: Picked | None = None
    labelled: Labelled | None = None
    trained: Trained | None = None


def records(events: Sequence[Event]) -> list[RoundRecord]:
    """Assemble the rounds whose evaluation is among the events, in order."""
    by_round: dict[int, dict[str, Any]] = {}
    for event in events:
        by_round.setdefault(event.round, {})[stage_of(event)] = event
    return [RoundRecord(round=n, **parts) for n, parts in sorted(by_round.items()) if "evaluated" in parts]
