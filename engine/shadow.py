"""Strategies in the shadow of a campaign: what each would have picked, though nobody is asked about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.arms import recipe_of
from engine.data.pool import rows_of
from engine.records import Pair
from engine.scoring import Signals
from engine.selection.execute import execute

if TYPE_CHECKING:
    from engine.stages import Run
    from engine.strategies.base import Strategy

BETWEEN = " | "
"""Between a shadow and its signal, in the names of what is kept of the picks."""


class Shadow:
    """One strategy with signals of its own parameters and, for its memory, the features of what the run picked."""

    def __init__(self, run: "Run", strategy: "Strategy") -> None:
        config = run.config.model_copy(update={"strategy": strategy, "arm": ""})
        self.strategy = strategy
        inputs = replace(run.inputs, config=config)
        self.signals = Signals(inputs, run.policy, run.data, run.reference, run.say, run.labels, run.pairs)
        self.features: dict[str, list[np.ndarray]] = {name: [] for name in strategy.needs}

    def picks(self, run: "Run", number: int) -> tuple[str, ...]:
        """The pairs it would have picked, best first; it has seen the labels that the run bought."""
        run.say(f"round {number}, what {self.strategy.heading()} would have picked")
        texts, needs = self.signals.texts(run.candidates()), sorted(self.strategy.needs)
        together = self.signals.reads(needs)
        view = run.view(number, {name: self.signals.signal(name, texts, number, together) for name in needs}, self)
        device = str(run.policy.device) if run.policy.device.type == "cuda" else None
        recipe = recipe_of(self.strategy, "", view)
        return tuple(pick.pair_id for pick in execute(recipe, view, run.inputs.check, device))

    def kept(self, pairs: Sequence[Pair], number: int) -> Mapping[str, np.ndarray]:
        """Its signals of the run's picks, under names that tell them from the run's own."""
        texts = self.signals.texts(sorted(pairs, key=lambda pair: pair.id))
        found = {name: self.signals.signal(name, texts, number) for name in sorted(self.strategy.needs)}
        return {
            f"{self.strategy.name}{BETWEEN}{name}": signal.values[rows_of(signal, pairs)]
            for name, signal in found.items()
        }


def shadows_of(run: "Run") -> dict[str, Shadow]:
    """Name → shadow, of a campaign's strategies but the first; elsewhere none."""
    study = run.config.study
    return {s.name: Shadow(run, s) for s in study.strategies[1:]} if study.oracle.people else {}
