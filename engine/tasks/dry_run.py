"""What strategies would pick from a scored pool: their batches side by side, without a label, a training or a model."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.analysis.agreement import correlation, shared
from engine.analysis.redundancy import near_duplicates, redundancy
from engine.analysis.skew import kind_skew, number_skew, share_skew
from engine.cache import key_of
from engine.config import AnyStrategy, StudyConfig, share_of
from engine.data.pool import rows_of
from engine.signals.base import Signal
from engine.store.as_queued import settings_of
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.plugins import runnable
from engine.strategies.base import Strategy
from engine.tasks._at_hand import OUTCOMES, AtHand, Batch, Facts, Outcome, at_hand, facts_of, outcome_of
from engine.tasks._laboratory import Laboratory, signals_for
from engine.tasks.base import TASKS, Say

LABELS_PER_ROUND: int = StudyConfig.model_fields["labels_per_round"].default
"""Pairs in a batch where no study says so."""
CORRELATIONS = 2048
"""Rank correlations that are remembered a pool."""
SPACES = {"embedding": True, "reward_gradient": False}
"""Signals whose vectors tell how alike two picks are, beside their words; False: φ and −φ say the same. Of gradients
their difference will do."""


@TASKS.register
class DryRun(Laboratory):
    """Let strategies pick from a scored pool, and compare what they picked with each other and with the pool."""

    name: ClassVar[str] = "dry_run"
    title: ClassVar[str] = "dry run"
    source: ClassVar[str] = "Friedman & Dieng 2022, arXiv:2210.02410 (effective number)"

    strategies: tuple[AnyStrategy, ...] = Field(
        min_length=1, max_length=24, description="strategies with their parameters; one may stand there twice"
    )
    k: int | None = Field(
        None, ge=1, description="pairs in a batch; default: what the run, or the study, labels out of such a pool"
    )
    one_per_prompt: bool | None = Field(
        None, description="a batch has at most one pair of a prompt; default: as the run, or the study, has it"
    )

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """Picks, overlaps, correlations, skew and redundancy; scores lie in the cache as (pairs, strategies)."""
        began = time.perf_counter()
        say("reading the scored pool")
        strategies = [runnable(store, strategy) for strategy in self.strategies]
        held = at_hand(store, self, self.wanted())
        facts = facts_of(held, store)
        read = time.perf_counter()
        outcomes, spent, batch = [], [], self.batch(store, held)
        for n, strategy in enumerate(strategies):
            say(f"picking, {n:,} of {len(strategies):,} strategies")
            start = time.perf_counter()
            outcomes.append(outcome_of(held, strategy, self.signals, batch, lambda: say("picking")))
            spent.append(time.perf_counter() - start)
        picked = time.perf_counter()
        say("comparing")
        answer = {
            "pool": _of_pool(held),
            "k": batch.k,
            "one_per_prompt": batch.one_a_prompt,
            "strategies": [
                {**_strategy(strategy), "picks": list(found.picks), "scored": found.scores is not None,
                 "note": found.note, "error": found.error, "seconds": seconds}
                for strategy, (_, found), seconds in zip(self.strategies, outcomes, spent, strict=True)
            ],
            "shared": _shared(held, [found for _, found in outcomes]),
            "ranks": _ranks(held, outcomes),
            "measures": _measures(held, facts, [found for _, found in outcomes]),
            "redundancy": [_remembered(held, facts, key, found) for key, found in outcomes],
        }  # fmt: skip
        answer["scores"] = self._keep_scores(store, held, [found for _, found in outcomes])
        ended = time.perf_counter()
        answer["seconds"] = {"reading": read - began, "picking": picked - read, "comparing": ended - picked}
        return answer

    def wanted(self) -> tuple[Signal, ...]:
        """All signals that its strategies read; `signals` are those whose parameters are not the defaults."""
        return signals_for(self.strategies, self.signals)

    def batch(self, store: Store, held: AtHand) -> Batch:
        """The batch as asked for; what is not asked for is as the run is queued, its share one of this pool."""
        own = settings_of(store, self.study_id, self.run_id)
        one_a_prompt = bool(own.get("one_per_prompt")) if self.one_per_prompt is None else self.one_per_prompt
        if self.k is not None:
            return Batch(self.k, one_a_prompt)
        if (share := own.get("label_share")) is None:
            return Batch(int(own.get("labels_per_round", LABELS_PER_ROUND)), one_a_prompt)
        pairs = held.pool.pairs
        return Batch(share_of(share, len({pair.prompt_id for pair in pairs} if one_a_prompt else pairs)), one_a_prompt)

    def scores_key(self) -> str:
        """Where the scores are kept."""
        what = {"laboratory": "scores", "strategies": [s.spec() for s in self.strategies], "k": self.k}
        what |= {} if self.one_per_prompt is None else {"one_per_prompt": self.one_per_prompt}
        return key_of(what | self.subject(), [self.signal_key(signal, "pool") for signal in self.wanted()])

    def _keep_scores(self, store: Store, held: AtHand, outcomes: list[Outcome]) -> str:
        none = np.full(len(held.pool.pairs), np.nan)
        columns = [none if found.scores is None else found.scores for found in outcomes]
        key = self.scores_key()
        FileCache(store.folder / "cache").put(key, np.stack(columns, axis=1).astype(np.float64))
        return key

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """While the pool, its signals and the scores lie in the cache."""
        there = (store.folder / "cache" / f"{answer.get('scores')}.npy").is_file()
        return there and self.is_kept(store, self.wanted())


def _strategy(strategy: Strategy) -> dict[str, Any]:
    said = {name: value for name, value in strategy.model_dump(mode="json").items()
            if value != type(strategy).model_fields[name].get_default(call_default_factory=True)}  # fmt: skip
    return {"name": strategy.name, "title": strategy.heading(), "changed": said, "control": strategy.control}


def _of_pool(held: AtHand) -> dict[str, Any]:
    pool = held.pool
    return {
        "pairs": len(pool.pairs),
        "prompts": len({pair.prompt_id for pair in pool.pairs}),
        "past": len(pool.past),
        "labels": len(pool.labels),
        "seed": pool.seed,
        "round": pool.round,
        "stamp": dict(pool.stamp),
        "dropped": dict(pool.dropped),
    }


def _shared(held: AtHand, outcomes: list[Outcome]) -> list[dict[str, Any]]:
    n = len(held.pool.pairs)
    return [
        {"first": i, "second": j, **asdict(shared(outcomes[i].picks, outcomes[j].picks, n))}
        for i, j in combinations(range(len(outcomes)), 2)
        if outcomes[i].picks and outcomes[j].picks
    ]


def _ranks(held: AtHand, outcomes: list[tuple[str, Outcome]]) -> list[dict[str, Any]]:
    """Of every two that give scores, remembered while both stay as they are."""
    found = []
    for i, j in combinations(range(len(outcomes)), 2):
        (one, first), (other, second) = outcomes[i], outcomes[j]
        if first.scores is None or second.scores is None:
            continue
        key = (min(one, other), max(one, other))
        if key not in held.correlations:
            held.correlations[key] = correlation(first.scores, second.scores)
        held.correlations.move_to_end(key)
        found.append({"first": i, "second": j, **asdict(held.correlations[key])})
    while len(held.correlations) > CORRELATIONS:
        held.correlations.popitem(last=False)
    return found


def _measures(held: AtHand, facts: Facts, outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """A row a measure of which anything is known: of the whole pool, and of each batch."""
    batches = [np.array([held.row[i] for i in found.picks], dtype=int) for found in outcomes]
    every = np.arange(len(held.pool.pairs))
    seed = held.pool.seed
    rows: list[dict[str, Any]] = []
    for name, (unit, values) in facts.numbers.items():
        parts = [asdict(number_skew(values, rows_)) for rows_ in (every, *batches)]
        rows.append({"name": name, "kind": "number", "unit": unit, "pool": parts[0], "picks": parts[1:]})
    for name, words in facts.kinds.items():
        parts = [asdict(kind_skew(words, rows_.tolist(), seed=seed, what=name)) for rows_ in (every, *batches)]
        rows.append({"name": name, "kind": "kinds", "unit": "share of pairs", "pool": parts[0], "picks": parts[1:]})
    for name, values in facts.shares.items():
        parts = [asdict(share_skew(values, rows_)) for rows_ in (every, *batches)]
        rows.append({"name": name, "kind": "share", "unit": "share of pairs", "pool": parts[0], "picks": parts[1:]})
    return [row for row in rows if row["pool"]["n"]]


def _remembered(held: AtHand, facts: Facts, key: str, found: Outcome) -> dict[str, Any]:
    """`_redundancy`, remembered while the batch and the vectors that are at hand stay as they are."""
    key = key_of(
        {"batch": key},
        [slot for slot, signal in held.signals.items() if signal.name in {*SPACES, "gradient_difference"}],
    )
    if key not in held.redundant:
        held.redundant[key] = _redundancy(held, facts, found)
        while len(held.redundant) > OUTCOMES:
            held.redundant.popitem(last=False)
    held.redundant.move_to_end(key)
    return held.redundant[key]


def _redundancy(held: AtHand, facts: Facts, found: Outcome) -> dict[str, Any]:
    """Near-duplicate prompts, and by each kind of vectors how alike the picks are."""
    if not found.picks:
        return {"near_duplicates": None, "prompts": 0, "spaces": {}}
    rows = [held.row[pair_id] for pair_id in found.picks]
    pairs = [held.pool.pairs[row] for row in rows]
    spaces = {"words": asdict(redundancy(facts.words[rows]))}
    for name, signed in SPACES.items():
        apart = held.named("gradient_difference") if name == "reward_gradient" else None
        signal = held.named(name) or apart
        if signal is None or signal.values.ndim != 2:
            continue
        values = signal.values[rows_of(signal, pairs)].astype(np.float64)
        if signal.axis == "response":
            values = values.mean(axis=1) if signed else values[:, 0] - values[:, 1]
        spaces[name] = asdict(redundancy(values, signed=signed))
    prompts = [pair.prompt_id for pair in pairs]
    near = near_duplicates(prompts, facts.prompts[[facts.prompt_row[i] for i in prompts]])
    return {"near_duplicates": near, "prompts": len(set(prompts)), "spaces": spaces}


def words_of(strategy: Mapping[str, Any]) -> str:
    """A strategy of an answer as it is called: "ActiveDPO", or with what is not its default, "ActiveDPO, ridge 1"."""
    changed = [f"{name.replace('_', ' ')} {_word(value)}" for name, value in strategy["changed"].items()]
    return ", ".join([str(strategy["title"]), *changed])


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
