"""Why each pair of a batch was picked: the terms of its score, and what would be picked in its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.arms import recipe_of
from engine.config import RunConfig
from engine.data.pool import PoolView
from engine.errors import StoreError
from engine.records import Pooled, Scored
from engine.selection.composed import not_the_score, terms_of
from engine.selection.execute import scores_of
from engine.selection.explain import Part, instead_of, parts_of, read_of
from engine.selection.recipes import Recipe, Uniform
from engine.signals.base import SIGNALS
from engine.store.as_queued import run_as_queued
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.plugins import as_it_runs
from engine.store.scored import pairs_of
from engine.tasks._at_hand import at_hand
from engine.tasks._laboratory import read_by, signals_for, slot_of
from engine.tasks.base import TASKS, Say, Task
from engine.tasks.score_pool import ScorePool

if TYPE_CHECKING:
    from engine.models.policy import Policy

AT_MOST = 512
"""Pairs of a batch that are explained at a time."""
WITHIN = 1e-3
"""Share of the largest score by which one may differ that was computed again: last bits, or another machine's."""
OTHERWISE = (
    "The signals of this round, computed again here, give other scores than it kept (by up to {:.2g}): it was computed "
    "by another version of the program, or with other settings. What would follow from them is not shown."
)


@TASKS.register
class WhyBatch(Task):
    """Put the run back to where it stood before the round, and take its strategy's score of each pick apart."""

    name: ClassVar[str] = "why_batch"
    title: ClassVar[str] = "why each pair was picked"
    wants: ClassVar[Literal["tools", "device"]] = "device"

    run_id: str = Field(description="whose batch")
    round: int = Field(ge=1, description="of which round")
    picks: tuple[str, ...] = Field(min_length=1, max_length=AT_MOST, description="pairs of the batch, best first")
    beside: tuple[str, ...] = Field((), description="the pairs of the batch that are not asked about")
    without: tuple[str, ...] = Field((), description="pairs that a person dropped: they take no pick's place")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """With a policy of its own, where signals have to be computed again."""
        from engine.laboratory import loaded

        return self.do_with(store, say, loaded)

    def do_with(self, store: Store, say: Say, policy_of: Callable[[Any, int], "Policy"]) -> dict[str, Any]:
        """`picks`: pair id → its parts, and what would stand in its place; `why_not` where either is not said.

        `says` is the score in the symbols of its terms ("" where nothing is scored).
        The signals are those that the round was picked by: from the cache, or computed anew from the adapter that was
        kept. A round without signals (random, warm-up) needs no model.
        """
        say("reading the round")
        run = run_as_queued(store, self.run_id)
        config = as_it_runs(store, run.config)
        warm_up = config.study.warm_up and self.round == 1
        if warm_up or not config.strategy.needs:
            seen = self._drawn(store, config, warm_up=warm_up)
        else:
            seen = self._scored(store, run.study_id, config, say, policy_of)
        view, recipe = seen.view, seen.recipe
        if seen.gap:
            return {"pairs": len(view), "picks": {}, "why_not": OTHERWISE.format(seen.gap), "says": ""}
        picks = _there(self.picks, view)
        say(f"what would be picked instead, of {len(view):,} pairs")
        beside = _there(self.beside, view)
        instead, why_not = instead_of(
            recipe,
            view,
            [*picks, *beside],
            lambda: say("what would be picked instead"),
            frozenset(self.without),
            len(picks) if beside else None,
        )
        return {
            "pairs": len(view),
            "picks": {
                pick: {"parts": seen.parts.get(pick, []), "instead": None if other is None else asdict(other)}
                for pick, other in zip(picks, instead, strict=True)
            },
            "why_not": " ".join(filter(None, [seen.unsaid, why_not])),
            "says": seen.says,
        }

    def _drawn(self, store: Store, config: RunConfig, *, warm_up: bool) -> "_Seen":
        pooled = load_event(store, self.run_id, self.round, "pooled")
        if not isinstance(pooled, Pooled):
            raise StoreError(f"Round {self.round} of run {self.run_id} has no pool yet.", "Wait for the round.")
        known = {pair.id: pair for pair in pooled.made_pairs} or pairs_of(store, list(pooled.pair_ids))
        pairs = [known[pair_id] for pair_id in pooled.pair_ids]
        view = PoolView(
            pairs, {}, k=len(self.picks) + len(self.beside), seed=config.seed, round_number=self.round,
            one_per_prompt=config.study.one_per_prompt,
        )  # fmt: skip
        return _Seen(view, Uniform() if warm_up else recipe_of(config.strategy, config.arm, view))

    def _scored(
        self, store: Store, study_id: str, config: RunConfig, say: Say, policy_of: Callable[[Any, int], "Policy"]
    ) -> "_Seen":
        """The view that the strategy had, its recipe, and the parts of every pick: its terms, and what it read."""
        from engine.laboratory import score

        strategy = config.strategy
        pool = self._pool(study_id, config)
        signals = pool.signals
        if not pool.is_kept(store, signals):
            score(store, pool, say, policy_of)
        held = at_hand(store, pool, signals)
        reads = read_by(strategy, config.study.signals)
        slots = {name: slot_of(signal) for name, signal in reads.items()}
        if failed := next((held.pool.made[slot].failed for slot in slots.values() if held.pool.made[slot].failed), ""):
            raise StoreError(f"The signals of this round cannot be computed again: {failed}", "Look at its picks.")
        pooled = load_event(store, self.run_id, self.round, "pooled")
        n = len(pooled.pair_ids) if isinstance(pooled, Pooled) else len(held.pool.pairs)
        n_prompts = len({pair.prompt_id for pair in held.pool.pairs})
        view = held.view(strategy, slots, n if strategy.whole_pool else config.study.batch_of(n, n_prompts))
        view.one_per_prompt = config.study.one_per_prompt
        say("the parts of each score")
        recipe = recipe_of(strategy, config.arm, view)
        again = scores_of(recipe, view)
        if gap := self._gap(store, view, again):
            return _Seen(view, recipe, gap=gap)
        terms = terms_of(strategy.terms(view), recipe, view, lambda: say("the parts of each score"))
        unsaid = not_the_score(terms, again, strategy.heading()) if terms and again is not None else ""
        terms = None if unsaid else terms
        picks = _there(self.picks, view)
        found: list[list[Part]] = [[] for _ in picks]
        for kind in (
            parts_of(recipe, view, picks, terms),
            *(
                read_of(held.signals[slots[name]], _called(name), view, picks, signed=signal.signed)
                for name, signal in reads.items()
            ),
        ):
            found = [[*before, *more] for before, more in zip(found, kind, strict=True)]
        said = {pick: [asdict(part) for part in parts] for pick, parts in zip(picks, found, strict=True)}
        return _Seen(view, recipe, said, terms.says if terms else "", unsaid)

    def missing(self, store: Store) -> ScorePool | None:
        """The task that scores what the round read, where it has to be computed again first; None where it is there."""
        run = run_as_queued(store, self.run_id)
        config = as_it_runs(store, run.config)
        if (config.study.warm_up and self.round == 1) or not config.strategy.needs:
            return None
        pool = self._pool(run.study_id, config)
        return None if pool.is_kept(store, pool.signals) else pool

    def _pool(self, study_id: str, config: RunConfig) -> ScorePool:
        signals = signals_for([config.strategy], config.study.signals)
        return ScorePool(study_id=study_id, run_id=self.run_id, round=self.round, signals=signals)

    def _gap(self, store: Store, view: PoolView, again: np.ndarray | None) -> float:
        """By how much a score at most differs from the one that the round kept; 0 where that is rounding."""
        scored = load_event(store, self.run_id, self.round, "scored")
        pooled = load_event(store, self.run_id, self.round, "pooled")
        if not isinstance(scored, Scored) or not isinstance(pooled, Pooled) or scored.scores is None or again is None:
            return 0.0
        kept = dict(zip(pooled.pair_ids, scored.scores, strict=True))
        before = np.array([kept[pair_id] for pair_id in view.ids])
        gap, size = float(np.abs(again - before).max()), float(np.abs(before).max())
        return gap if gap > WITHIN * max(size, 1e-9) else 0.0

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """A round that has its picks never changes; an answer of a day before terms were said is made anew."""
        return "says" in answer


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the round saw: pool and recipe; each pick's parts, the score in symbols, what of it is not said and why, and
    by how much the scores are others than it kept."""

    view: PoolView
    recipe: Recipe
    parts: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    says: str = ""
    unsaid: str = ""
    gap: float = 0.0


def _there(pairs: Sequence[str], view: PoolView) -> list[str]:
    known = set(view.ids)
    return [pair for pair in pairs if pair in known]


def _called(signal: str) -> str:
    return SIGNALS.get(signal).heading() if signal in SIGNALS.names() else signal
