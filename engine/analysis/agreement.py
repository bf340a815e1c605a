"""How far two batches and two rankings agree, beside what two random draws from the same pool would share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Shared:
    """Pairs that two batches share, and their Jaccard index, each with its mean under two random draws.

    `most` is what two random draws share at most in 95 % of cases.
    """

    shared: int
    chance: float
    most: int
    jaccard: float
    jaccard_chance: float


@dataclass(frozen=True)
class Correlation:
    """Rank correlations over `n` pairs; None below three, or where one side is constant."""

    spearman: float | None
    kendall: float | None
    n: int


def shared(first: Sequence[str], second: Sequence[str], candidates: int) -> Shared:
    """What two batches out of so many candidates share; by chance it is hypergeometric."""
    both = len(set(first) & set(second))
    one, other = sorted((len(first), len(second)))
    mean, most, jaccard = _by_chance(one, other, candidates)
    return Shared(both, mean, most, both / max(1, one + other - both), jaccard)


@lru_cache(maxsize=1024)
def _by_chance(one: int, other: int, candidates: int) -> tuple[float, int, float]:
    """Mean and 95 % quantile of what two random draws share, and the mean of their Jaccard index."""
    if not candidates:
        return 0.0, 0, 0.0
    draw = stats.hypergeom(candidates, one, other)
    might = np.arange(max(0, one + other - candidates), min(one, other) + 1)
    index = might / np.maximum(one + other - might, 1)
    return one * other / candidates, int(draw.ppf(0.95)), float((draw.pmf(might) * index).sum())


def correlation(first: np.ndarray, second: np.ndarray) -> Correlation:
    """Spearman's ρ and Kendall's τ-b of scores (n,) over the pairs that both scored; ties count as ties.

    Spearman 1904; Kendall 1945 (τ-b).
    """
    known = np.isfinite(first) & np.isfinite(second)
    x, y = first[known], second[known]
    n = len(x)
    if n < 3 or x.min() == x.max() or y.min() == y.max():
        return Correlation(None, None, n)
    ranks = [stats.rankdata(side) for side in (x, y)]
    rho = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    return Correlation(rho, float(stats.kendalltau(x, y).statistic), n)
