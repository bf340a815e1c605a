"""Strategies in the shadow of a campaign: what each would have picked, though nobody is asked about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.arms import in_the_shadow, recipe_of
from engine.data.pool import rows_of
from engine.records import Pair, Pick
from engine.scoring import Signals
from engine.selection.execute import executed

if TYPE_CHECKING:
    from engine.stages import Run
    from engine.strategies.base import Strategy

BETWEEN = " | "
"""Between a shadow and its signal, in the names of what is kept of the picks."""


class Shadow:
    """One strategy with signals of its own parameters and, for its memory, the features of what the run picked."""

    def __init__(self, run: "Run", strategy: "Strategy", key: str) -> None:
        config = run.config.model_copy(update={"strategy": strategy, "arm": ""})
        self.strategy, self.key = strategy, key
        inputs = replace(run.inputs, config=config)
        self.signals = Signals(inputs, run.policy, run.data, run.reference, run.say, run.labels, run.pairs)
        self.features: dict[str, list[np.ndarray]] = {name: [] for name in strategy.needs}

    def picks(self, run: "Run", number: int, of: Sequence[Pick]) -> tuple[tuple[str, ...], Mapping[str, float]]:
        """The pairs it would have picked, best first, and where its scores put the picks `of` the run.

        It has seen the labels that the run bought. A score's place is its percentile in the pool, equal ones by half;
        empty where it scores no pair, or all alike.
        """
        run.say(f"round {number}, what {self.strategy.heading()} would have picked")
        texts, needs = self.signals.texts(run.candidates()), sorted(self.strategy.needs)
        together = self.signals.reads(needs)
        view = run.view(number, {name: self.signals.signal(name, texts, number, together) for name in needs}, self)
        device = str(run.policy.device) if run.policy.device.type == "cuda" else None
        recipe = recipe_of(self.strategy, "", view)
        own, scores = executed(recipe, view, run.inputs.check, device)
        ranks = {} if scores is None else percentiles(scores, view.ids, of)
        return tuple(pick.pair_id for pick in own), ranks

    def kept(self, pairs: Sequence[Pair], number: int) -> Mapping[str, np.ndarray]:
        """Its signals of the run's picks, under names that tell them from the run's own."""
        texts = self.signals.texts(sorted(pairs, key=lambda pair: pair.id))
        found = {name: self.signals.signal(name, texts, number) for name in sorted(self.strategy.needs)}
        return {f"{self.key}{BETWEEN}{name}": signal.values[rows_of(signal, pairs)] for name, signal in found.items()}


def percentiles(scores: np.ndarray, pair_ids: Sequence[str], of: Sequence[Pick]) -> dict[str, float]:
    """Pair id of each pick → percent of the scores (n,) that are lower, equal ones by half; {} where all are alike."""
    ordered = np.sort(scores)
    if not len(ordered) or ordered[0] == ordered[-1]:
        return {}
    row = {pair_id: n for n, pair_id in enumerate(pair_ids)}
    mine = scores[[row[pick.pair_id] for pick in of]]
    between = np.searchsorted(ordered, mine, "left") + np.searchsorted(ordered, mine, "right")
    return {pick.pair_id: float(at) for pick, at in zip(of, 50.0 * between / len(ordered), strict=True)}


def shadows_of(run: "Run") -> dict[str, Shadow]:
    """Key → shadow, of a campaign's strategies but the first; elsewhere none."""
    return {key: Shadow(run, strategy, key) for key, strategy in in_the_shadow(run.config.study).items()}
