"""Advice on going on: what the next batch is likely to bring, and what two published stopping rules say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.analysis.forecast import Forecast, forecast
from engine.analysis.stopping import Advice, converged, stabilising
from engine.records import Outcomes


@dataclass(frozen=True)
class Advised:
    """A strategy's advice after the rounds that its furthest runs have, in accuracy on the set that decides.

    `forecast` is None with too few rounds. `settled` has a run (a seed) each, because that rule looks at one model's
    predictions; `converged` looks at the mean accuracy over seeds.
    """

    strategy: str
    labels: float
    batch: float
    forecast: Forecast | None
    settled: tuple[Advice, ...]
    converged: Advice

    @property
    def stops(self) -> int:
        """How many runs have settled."""
        return sum(rule.stop for rule in self.settled)


def advice(kept: Mapping[str, Outcomes], keys: Iterable[str]) -> tuple[Advised, ...]:
    """The advice of each of these strategies, in their order; `kept` as of `engine.store.outcomes.furthest`."""
    return tuple(_advised(kept[key], key) for key in keys if key in kept and len(kept[key].labels) > 1)


def _advised(kept: Outcomes, key: str) -> Advised:
    runs, labels = kept.values[key], kept.labels
    curves = np.stack([runs[seed].mean(axis=1) for seed in sorted(runs)], axis=1)
    batch = labels[-1] - labels[-2]
    # What was right, towards side a: the rule compares predictions and must not see the labels.
    sides = np.asarray(kept.sides) if kept.sides else np.ones(len(kept.prompt_ids))
    settled = tuple(stabilising((2 * runs[seed] - 1) * sides) for seed in sorted(runs))
    return Advised(
        key, labels[-1], batch, forecast(labels, curves, batch), settled, converged(labels, curves.mean(axis=1))
    )
