"""Ranks of scores: percentiles, Spearman's correlation of two strategies, and where a batch cuts the scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Spearman:
    """Spearman's rank correlation over `n` pairs; `rho` is None below three, or where one side is constant."""

    rho: float | None
    n: int


@dataclass(frozen=True)
class Cut:
    """The `k`-th highest score of the candidates, `k` being the size of the batch.

    `left` picks score below it. Without any, the batch is the top of the scores and `value` its lowest score.
    """

    value: float
    left: int


def percentiles(scores: pd.Series) -> pd.Series:
    """Of every score the share of scores that are lower, in percent; equal ones count by half. NaN stays NaN."""
    return 100 * (scores.rank() - 0.5) / max(int(scores.notna().sum()), 1)


def percentiles_in(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """As `percentiles`, of some values (k,) among all in rising order (n,). NaN stays NaN."""
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.where(np.isnan(values), np.nan, 50.0 * (below + upto) / max(len(ordered), 1))


def spearman(first: np.ndarray, second: np.ndarray) -> Spearman:
    """Of two columns of finite numbers, a row a pair, (n,) each. Ties share the mean of their ranks (Spearman 1904)."""
    n = len(first)
    if n < 3:
        return Spearman(None, n)
    x, y = (stats.rankdata(values) for values in (first, second))
    if x.min() == x.max() or y.min() == y.max():
        return Spearman(None, n)
    return Spearman(float(np.corrcoef(x, y)[0, 1]), n)


def cut_line(ordered: np.ndarray, picked: np.ndarray) -> Cut | None:
    """Where a batch of this size would end if only scores counted; None without scores or picks.

    `ordered` are all scores in rising order (n,), `picked` those of the batch (k,), NaN where a pick has none.
    """
    k = min(len(picked), len(ordered))
    if not k:
        return None
    value = float(ordered[len(ordered) - k])
    return Cut(value, int((picked < value).sum()))
