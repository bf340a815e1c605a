"""Lists of several rounds beside what two random draws would share, and where scores put picks, beside chance"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class SharedByLot:
    """Pairs that two lists share over rounds; by lot their mean, and the range that holds at least 95 % of draws."""

    shared: int
    of: int
    chance: float
    low: int
    high: int


@dataclass(frozen=True)
class Placed:
    """Mean percentile of `n` picks by somebody's scores; of as many pairs by lot it is 50, in 95 % from low to high."""

    mean: float
    low: float
    high: float
    n: int


def shared_by_lot(rounds: Sequence[tuple[int, int, int, int]]) -> SharedByLot:
    """Of rounds (shared, size of the one list, of the other, candidates), the last not 0.

    In a round two random draws share a hypergeometric number; over rounds these add up, so their distributions are
    convolved. Pools are taken as they were.
    """
    total, mean = np.ones(1), 0.0
    for _, one, other, candidates in rounds:
        total = np.convolve(total, stats.hypergeom(candidates, one, other).pmf(np.arange(min(one, other) + 1)))
        mean += one * other / candidates
    # The share of the draws below; a small slack, so that rounding of the sums moves no end.
    upto = np.cumsum(total) + 1e-12
    low, high = (int(np.searchsorted(upto, level)) for level in (0.025, 0.975))
    return SharedByLot(sum(r[0] for r in rounds), sum(r[1] for r in rounds), float(mean), low, high)


def placed(rounds: Sequence[tuple[Sequence[float], int]]) -> Placed | None:
    """Of rounds (percentiles of the picks, 0 to 100, candidates); None without a pick.

    A random batch's percentiles have the mean 50 and the variance (100² / 12) (1 − k / N) / k, ranks drawn without
    return; over rounds the sums add up, and the range is the normal's.
    """
    sizes = [(len(found), candidates) for found, candidates in rounds if len(found)]
    n = sum(k for k, _ in sizes)
    if not n:
        return None
    mean = float(np.concatenate([np.asarray(found, dtype=float) for found, _ in rounds]).mean())
    spread = sum(k * (1 - k / candidates) for k, candidates in sizes) * 100**2 / 12
    half = float(stats.norm.ppf(0.975) * np.sqrt(spread) / n)
    return Placed(mean, max(0.0, 50 - half), min(100.0, 50 + half), n)
