"""Intervals over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided interval; `low` and `high` are None with fewer than three values."""

    mean: float
    low: float | None
    high: float | None
    n: int


def t_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Mean ± t(n − 1) · s / √n over independent seeds (Student 1908). ValueError without a value.

    It assumes roughly normal seeds; with fewer than three no interval is given, only the mean.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("An interval needs at least one value.")
    mean, n = float(array.mean()), len(array)
    if n < 3:
        return Interval(mean, None, None, n)
    half = float(stats.t.ppf(0.5 + level / 2, n - 1) * array.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)
