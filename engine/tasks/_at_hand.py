"""The loaded signals of a pool, kept in the worker's memory between two dry runs, and what strategies made of them."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from engine.analysis.agreement import Correlation
from engine.analysis.redundancy import Vectors, word_vectors
from engine.cache import key_of
from engine.data.pool import PoolView, rows_of
from engine.errors import EngineError, StoreError
from engine.oracles.recorded import majority
from engine.records import SignalArray
from engine.resume import unasked
from engine.selection.execute import executed
from engine.signals.base import Signal
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.pool_texts import texts_of
from engine.store.recorded import file_scores, votes
from engine.strategies.base import Strategy
from engine.tasks._laboratory import PARTS, Laboratory, Pool, ids_of, kept_pool, read_by, slot_of

POOLS = 2
"""Pools that are held at once."""
BYTES = 1 << 30
"""Bytes of all pools together; the newest is held whatever it takes."""
OUTCOMES = 64
"""Strategies with parameters that are remembered a pool."""
DIFFERENCES = 2
"""Arrays of pairs' differences that are remembered a pool: they are the largest that strategies read."""
GONE = "Score the pool again."
UNTAUGHT = "It learns from the labels of a run, and none was bought yet here."


@dataclass(frozen=True)
class Batch:
    """How many pairs are to be picked, and whether a prompt gives one before any gives its second."""

    k: int
    one_a_prompt: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a strategy made of the pool: picks best first, scores (n,) or None, or the sentence why it could not."""

    picks: tuple[str, ...]
    scores: np.ndarray | None
    note: str = ""
    error: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of each pair (n,), apart from any strategy: numbers and shares NaN where nothing is known.

    `numbers` are name → (unit, values); `kinds` name → a word a pair; `words` a vector a pair, `prompts` one a prompt.
    """

    numbers: dict[str, tuple[str, np.ndarray]]
    kinds: dict[str, list[str]]
    shares: dict[str, np.ndarray]
    words: Vectors
    prompts: Vectors
    prompt_row: dict[str, int]


class HeldView(PoolView):
    """A view that reads what it has read before from memory: the newest differences, whatever the strategy's ridge."""

    remembered: "OrderedDict[tuple[str, str], np.ndarray]"
    slots: Mapping[str, str]

    def difference(self, name: str, unit_norm: Literal["response", "difference", "off"] = "response") -> np.ndarray:
        """As `PoolView.difference`; it may be read only."""
        key = (self.slots.get(name, name), unit_norm)
        if key not in self.remembered:
            self.remembered[key] = super().difference(name, unit_norm)
            self.remembered[key].flags.writeable = False
            while len(self.remembered) > DIFFERENCES:
                self.remembered.popitem(last=False)
        self.remembered.move_to_end(key)
        return self.remembered[key]


@dataclass
class AtHand:
    """One pool with what was read of it so far; signals by slot, `past` as their rounds saw them, `now` as of now."""

    pool: Pool
    row: dict[str, int]
    signals: dict[str, SignalArray] = field(default_factory=dict)
    past: dict[str, np.ndarray] = field(default_factory=dict)
    now: dict[str, np.ndarray] = field(default_factory=dict)
    differences: "OrderedDict[tuple[str, str], np.ndarray]" = field(default_factory=OrderedDict)
    facts: Facts | None = None
    margin: bool = False
    outcomes: "OrderedDict[str, Outcome]" = field(default_factory=OrderedDict)
    redundant: "OrderedDict[str, dict[str, Any]]" = field(default_factory=OrderedDict)
    correlations: "OrderedDict[tuple[str, str], Correlation]" = field(default_factory=OrderedDict)

    def bytes(self) -> int:
        """What its arrays take, about."""
        words = 0 if self.facts is None else self.facts.words.data.nbytes * 2
        kept = sum(a.values.nbytes for a in self.signals.values())
        kept += sum(a.nbytes for part in (self.past, self.now, self.differences) for a in part.values())
        return kept + words + len(self.outcomes) * 8 * len(self.pool.pairs)

    def named(self, name: str) -> SignalArray | None:
        """The first signal at hand of that name."""
        return next((signal for signal in self.signals.values() if signal.name == name), None)

    def view(self, strategy: Strategy, slots: Mapping[str, str], k: int) -> PoolView:
        """What the strategy sees: the signals that it declares, the picks so far with theirs, the labels bought.

        `slots` say which array stands for each name that it reads.
        """
        anew = strategy.recomputed()
        past = {name: (self.now if name in anew else self.past)[slot] for name, slot in slots.items()}
        view = HeldView(
            self.pool.pairs,
            {name: self.signals[slot] for name, slot in slots.items()},
            k=len(self.pool.pairs) if strategy.whole_pool else k,
            seed=self.pool.seed,
            round_number=self.pool.round,
            reader=f"Strategy {strategy.name!r}",
            picked=self.pool.past,
            picked_values=past if self.pool.past else None,
            labels=self.pool.labels,
        )
        view.remembered, view.slots = self.differences, slots
        return view


_HELD: "OrderedDict[str, AtHand]" = OrderedDict()


def at_hand(store: Store, task: Laboratory, signals: Sequence[Signal]) -> AtHand:
    """The pool with these signals, from memory or from the cache; StoreError if they were never computed."""
    key = key_of({"folder": str(store.folder)}, [task.pool_key()])
    cache = FileCache(store.folder / "cache")
    pool = kept_pool(cache, task.pool_key())
    if pool is None:
        raise StoreError("The scores of this pool are not, or no longer, in the cache.", GONE)
    held = _HELD.get(key)
    if held is None or held.pool.pairs != pool.pairs or held.pool.past != pool.past:
        held = AtHand(pool, {pair.id: n for n, pair in enumerate(pool.pairs)})
    held.pool = pool
    for signal in signals:
        _load(held, cache, task, signal)
    _HELD[key] = held
    _HELD.move_to_end(key)
    while len(_HELD) > POOLS or (len(_HELD) > 1 and sum(x.bytes() for x in _HELD.values()) > BYTES):
        _HELD.popitem(last=False)
    return held


def _load(held: AtHand, cache: FileCache, task: Laboratory, signal: Signal) -> None:
    """Take a signal from the cache unless it is at hand."""
    slot = slot_of(signal)
    made = held.pool.made.get(slot)
    if made is None:
        raise StoreError(f"Signal {signal.name!r} was not computed over this pool.", GONE)
    if made.failed or slot in held.signals:
        return
    values, past, now = (cache.get(task.signal_key(signal, part)) for part in PARTS)
    if values is None or past is None or now is None:
        raise StoreError(f"Signal {signal.name!r} is no longer in the cache.", GONE)
    ids = ids_of(held.pool.pairs, made.axis)
    held.signals[slot] = SignalArray(signal.name, made.axis, ids, values, made.unit, made.made_on)
    held.past[slot], held.now[slot] = past, now


def outcome_of(
    held: AtHand, strategy: Strategy, known: Sequence[Signal], batch: Batch, check: Callable[[], None] = unasked
) -> tuple[str, Outcome]:
    """What the strategy picks, and the key under which that is remembered; a strategy that cannot says why."""
    reads = read_by(strategy, known)
    slots = {name: slot_of(signal) for name, signal in reads.items()}
    key = key_of({"strategy": strategy.spec(), "k": batch.k, "one a prompt": batch.one_a_prompt}, slots.values())
    if key not in held.outcomes:
        found = _outcome(held, strategy, slots, batch, check)
        learns = strategy.learns or any(signal.learns for signal in reads.values())
        held.outcomes[key] = replace(found, note=UNTAUGHT) if learns and not held.pool.labels else found
        while len(held.outcomes) > OUTCOMES:
            held.outcomes.popitem(last=False)
    held.outcomes.move_to_end(key)
    return key, held.outcomes[key]


def _outcome(
    held: AtHand, strategy: Strategy, slots: Mapping[str, str], batch: Batch, check: Callable[[], None]
) -> Outcome:
    for slot in slots.values():
        if failed := held.pool.made[slot].failed:
            return Outcome((), None, error=failed)
    try:
        view = held.view(strategy, slots, batch.k)
        view.one_per_prompt = batch.one_a_prompt
        picks, scores = executed(strategy.recipe(view), view, check)
    except EngineError as error:
        return Outcome((), None, error=str(error))
    note = ""
    if scores is not None and len(scores) > 1 and scores.min() == scores.max():
        note = "All its scores are equal here, so its picks are a seeded draw."
    return Outcome(tuple(pick.pair_id for pick in picks), scores, note)


def facts_of(held: AtHand, store: Store) -> Facts:
    """Lengths, margins, topics, sources, recorded answers and word vectors of the pool; read once."""
    if held.facts is None:
        held.facts = _facts(held, store)
    margin = held.named("reward_margin")
    if margin is not None and not held.margin:
        held.margin = True
        signed = margin.values[rows_of(margin, held.pool.pairs)].astype(np.float64)
        held.facts.numbers["size of the margin"] = ("reward units", np.abs(signed))
        held.facts.shares["policy prefers the recorded side"] = _right(held, store, signed)
    return held.facts


def _facts(held: AtHand, store: Store) -> Facts:
    pairs = held.pool.pairs
    prompts, responses = texts_of(store, {side for pair in pairs for side in (pair.a, pair.b)})
    words = {i: len(response.text.split()) for i, response in responses.items()}
    a, b = (np.array([words[getattr(p, side)] for p in pairs], dtype=np.float64) for side in ("a", "b"))
    numbers = {
        "length of a response": ("words, mean of both", (a + b) / 2),
        "difference in length": ("words", abs(a - b)),
    }
    scores = file_scores(store, held.pool.datasets)
    gap = np.array([scores.get(p.a, np.nan) - scores.get(p.b, np.nan) for p in pairs], dtype=np.float64)
    if np.isfinite(gap).any():
        numbers["gap of the file's scores"] = ("score units", np.abs(gap))
    kinds = {"topic": [prompts[p.prompt_id].topic or "no topic" for p in pairs]}
    kinds["source"] = [
        " / ".join(sorted({responses[side].source or "no source" for side in (p.a, p.b)})) for p in pairs
    ]
    cast = votes(store, held.pool.datasets)
    shares = {
        "recorded answers that follow the file's scores": np.array(
            [_follows(cast.get(p.id, ()), g) for p, g in zip(pairs, gap, strict=True)]
        ),
        "recorded answers that follow their majority": np.array([_agree(cast.get(p.id, ())) for p in pairs]),
    }
    told = {i: " ".join(message.content for message in prompt.messages) for i, prompt in prompts.items()}
    row = {i: n for n, i in enumerate(told)}
    whole = [f"{told[p.prompt_id]} {responses[p.a].text} {responses[p.b].text}" for p in pairs]
    return Facts(
        numbers,
        {name: words for name, words in kinds.items() if len(set(words)) > 1},
        shares,
        word_vectors(whole),
        word_vectors(list(told.values())),
        row,
    )


def _follows(cast: "tuple[str, ...] | list[str]", gap: float) -> float:
    """Share of decided answers that prefer the side of the higher score; NaN without one, or without a gap."""
    decided = [answer for answer in cast if answer in ("a", "b")]
    if not decided or not np.isfinite(gap) or gap == 0:
        return float("nan")
    return sum((answer == "a") == (gap > 0) for answer in decided) / len(decided)


def _agree(cast: "tuple[str, ...] | list[str]") -> float:
    """Share of answers that are the most frequent one; NaN below two."""
    return max(cast.count(answer) for answer in cast) / len(cast) if len(cast) > 1 else float("nan")


def _right(held: AtHand, store: Store, signed: np.ndarray) -> np.ndarray:
    """1 where the margin's sign is that of the recorded answer, 0 where not, NaN where either says nothing."""
    cast = votes(store, held.pool.datasets)
    found = np.full(len(signed), np.nan)
    for n, pair in enumerate(held.pool.pairs):
        answer = majority(cast[pair.id]) if pair.id in cast else "tie"  # type: ignore[arg-type]
        if answer in ("a", "b") and signed[n] != 0:
            found[n] = float((answer == "a") == (signed[n] > 0))
    return found
