"""The referee: from how well each held-out pair was judged to what a study has shown of each strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.bootstrap import crossed_bootstrap
from engine.analysis.crossed import Crossed, cells, crossed_interval
from engine.analysis.saved import Reach, area, area_difference, labels_to_reach, multiplier
from engine.analysis.verdict import Verdict, verdicts
from engine.records import Outcomes


@dataclass(frozen=True)
class Finding:
    """All the referee says of a strategy: the verdict on the declared statistic, and the other numbers beside it.

    `twin` is the key it was compared with; `bootstrap` the percentile bootstrap's interval of the verdict's statistic
    at the verdict's level, an alternative that is shown and does not decide; None where there is no verdict.
    """

    verdict: Verdict
    seeds: tuple[int, ...]
    final: Crossed
    area: Crossed
    reach: Reach
    multiplier: float | None
    twin: str = ""
    bootstrap: tuple[float, float] | None = None


def curve(outcomes: Outcomes, strategy: str, seeds: tuple[int, ...]) -> np.ndarray:
    """(rounds, seeds, prompts) of `crossed.cells`, in the order of the seeds."""
    runs = outcomes.values[strategy]
    by_round = [np.stack([runs[seed][number] for seed in seeds]) for number in range(len(outcomes.labels))]
    return np.stack([cells(table, outcomes.prompt_ids) for table in by_round])


def findings(
    outcomes: Outcomes,
    twins: str | Mapping[str, str],
    *,
    statistic: str = "final",
    smallest: float = 0.02,
    level: float = 0.95,
    each: float | None = None,
    seeds: Sequence[int] | None = None,
    target: float | None = None,
) -> dict[str, Finding]:
    """Strategy → finding, each against its twin on the seeds that both have.

    `twins` maps a strategy's key to its twin's, or is the one twin of all. Left out are twins themselves, keys without
    a twin, and strategies without a seed in common with theirs; without a round after round 0 there is none.
    `statistic`: "final" compares the last round, "area" the mean level over the label axis; both in the outcomes' unit.
    Verdicts hold at `each`, by default Bonferroni's share of `level` (`looks.standing` knows the study's); the numbers
    beside them at `level`. With `seeds` only these count. Labels are counted to the level `target`, by default to
    the twin's last one, which is then as uncertain as the strategy's own.
    """
    if statistic not in ("final", "area"):
        raise ValueError(f"No statistic is called {statistic!r}; there are final and area.")
    pairs = dict.fromkeys(outcomes.values, twins) if isinstance(twins, str) else twins
    common = {}
    for name, runs in outcomes.values.items():
        if name in pairs and name not in pairs.values():
            both = set(runs) & set(outcomes.values.get(pairs[name], {}))
            counted = tuple(sorted(both if seeds is None else both & set(seeds)))
            common.update({name: counted} if counted else {})
    if len(outcomes.labels) < 2:
        return {}
    curves = {name: (curve(outcomes, name, n), curve(outcomes, pairs[name], n)) for name, n in common.items()}
    differences = {name: (mine - other)[-1] for name, (mine, other) in curves.items()}
    tables = differences if statistic == "final" else {
        name: area(outcomes.labels, mine) - area(outcomes.labels, other) for name, (mine, other) in curves.items()
    }  # fmt: skip
    return {
        name: Finding(
            verdict,
            common[name],
            final=crossed_interval(differences[name], level),
            area=area_difference(outcomes.labels, *curves[name], level),
            reach=labels_to_reach(outcomes.labels, curves[name][0], _target(curves[name][1][-1], target), level),
            multiplier=multiplier(outcomes.labels, *curves[name]),
            twin=pairs[name],
            bootstrap=crossed_bootstrap(tables[name], verdict.level),
        )
        for name, verdict in verdicts(tables, smallest, level, each).items()
    }


def _target(last: np.ndarray, target: float | None) -> np.ndarray:
    """(seeds, prompts): the twin's last round, or a level whose mean over prompts is the target in every seed."""
    return last if target is None else np.full_like(last, target)
