"""What difference a study can show, said before it starts: from seeds, held-out prompts and how much each varies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from engine.analysis.crossed import Crossed, Squares, half_widths
from engine.records import PrimaryMetric

CHANCE = 0.8
"""The share of studies that are to find the difference: Cohen's (1988) convention."""


@dataclass(frozen=True)
class Components:
    """Variances of a strategy's difference from its twin: of a seed, of a prompt, and a cell's own rest.

    `source` says where they come from, as a clause.
    """

    seed: float
    prompt: float
    rest: float
    source: str


_SEEN = (
    "the sample study's setting with five seeds (last round against random, mean of 3 strategies on 2 worlds with 2 "
    "held-out sets of 84 prompts each)"
)
SAMPLE: Mapping[PrimaryMetric, Components] = {
    "accuracy": Components(0.00036, 0.0211, 0.1040, _SEEN),
    "log_likelihood": Components(0.00057, 0.0473, 0.1343, _SEEN),
}
"""The defaults where no study has run: mean components of activedpo, apl and real in round 6, in the metric's unit."""


@dataclass(frozen=True)
class Detectable:
    """What a study of this size can show. Both differences are in the metric's unit, None with too few seeds.

    `half_width` is the interval's to be expected: a measured difference must be larger. `likely` is the true difference
    that is called better in 80 % of studies.
    """

    seeds: int
    prompts: int
    strategies: int
    level: float
    half_width: float | None
    likely: float | None
    components: Components


def components_of(found: Iterable[Crossed], source: str) -> Components | None:
    """The mean components of earlier differences (of as many studies and strategies as there are); None of none."""
    rows = [(one.seed, one.prompt, one.rest) for one in found if one.low is not None]
    if not rows:
        return None
    seed, prompt, rest = np.mean(rows, axis=0)
    return Components(float(seed), float(prompt), float(rest), source)


def detectable_before(
    seeds: int, prompts: int, strategies: int, level: float = 0.95, components: Components = SAMPLE["accuracy"]
) -> Detectable:
    """What so many seeds and held-out prompts can show of each of so many strategies, all verdicts held at `level`.

    With fewer than three seeds or two prompts nothing can be shown. The level of one strategy is Bonferroni's.
    """
    each = 1 - (1 - level) / max(1, strategies)
    if seeds < 3 or prompts < 2:
        return Detectable(seeds, prompts, strategies, level, None, None, components)
    half = float(half_widths(_expected(seeds, prompts, components), seeds, prompts, each))
    if half == 0:
        return Detectable(seeds, prompts, strategies, level, 0.0, 0.0, components)
    top = half
    while chance(top, seeds, prompts, each, components) < CHANCE:
        top *= 2
    likely = brentq(lambda size: chance(size, seeds, prompts, each, components) - CHANCE, 0.0, top)
    return Detectable(seeds, prompts, strategies, level, half, float(likely), components)


def chance(
    difference: float, seeds: int, prompts: int, level: float = 0.95, components: Components = SAMPLE["accuracy"]
) -> float:
    """P(the interval lies above zero) for a true difference: E Φ((difference − half-width) / sd) over the seeds' MS.

    The seeds' mean square is drawn from its χ² with S − 1 degrees of freedom (400 quantiles); those of prompts and rest
    have so many that their expectation stands for them. Normal effects are assumed.
    """
    known = _expected(seeds, prompts, components)
    sd = np.sqrt((known.seed + known.prompt - known.rest) / (seeds * prompts))
    share = (np.arange(400) + 0.5) / 400
    drawn = Squares(known.mean, known.seed * stats.chi2.ppf(share, seeds - 1) / (seeds - 1), known.prompt, known.rest)
    half = half_widths(drawn, seeds, prompts, level)
    return float(stats.norm.cdf((difference - half) / sd).mean())


def _expected(seeds: int, prompts: int, parts: Components) -> Squares:
    """The mean squares' expectations."""
    values = (0.0, parts.rest + prompts * parts.seed, parts.rest + seeds * parts.prompt, parts.rest)
    return Squares(*(np.asarray(value) for value in values))
