"""How a batch differs from the pool it was picked from, in numbers and kinds, beside what a random batch would do."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from engine.seeds import rng_for

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWS = 400
"""Random batches that say how far from the pool chance alone takes the mix of kinds."""
KINDS = 12
"""Kinds that are named; the rest are "others"."""


@dataclass(frozen=True)
class NumberSkew:
    """A number over `n` pairs: its quantiles (`QUANTILES`), and the mean percentile of the picks in the pool.

    50 is no skew; of a random batch it lies in `low` to `high` in 95 % of cases. None where nothing is known.
    """

    quantiles: tuple[float, ...]
    percentile: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class KindSkew:
    """Kinds of `n` pairs as shares; `distance`: how much of the batch would have to be of another kind (0 … 1).

    `chance` is the distance that a random batch stays below in 95 % of cases.
    """

    shares: dict[str, float]
    distance: float
    chance: float
    n: int


@dataclass(frozen=True)
class ShareSkew:
    """A share over `n` pairs with its 95 % interval (Wilson 1927); None where nothing is known."""

    share: float | None
    low: float | None
    high: float | None
    n: int


def number_skew(pool: np.ndarray, rows: np.ndarray) -> NumberSkew:
    """Of the picks `rows` in the pool's values (n,), NaN where there is none; all rows give the pool itself."""
    known = np.isfinite(pool)
    picked = pool[rows][np.isfinite(pool[rows])]
    n, size = len(picked), int(known.sum())
    if not n:
        return NumberSkew((), None, None, None, 0)
    ranks = np.full(len(pool), np.nan)
    ranks[known] = 100 * (stats.rankdata(pool[known]) - 0.5) / size
    mean = float(np.nanmean(ranks[rows]))
    # A mean of n draws without return from what lies there: ties and a small pool are accounted for.
    spread = float(np.nanstd(ranks[known])) / math.sqrt(n) * math.sqrt(max(size - n, 0) / max(size - 1, 1))
    reach = float(stats.norm.ppf(0.975)) * spread
    return NumberSkew(tuple(float(q) for q in np.quantile(picked, QUANTILES)), mean, 50 - reach, 50 + reach, n)


def kind_skew(pool: Sequence[str], rows: Sequence[int], *, seed: int, what: str) -> KindSkew:
    """Total variation distance between the kinds of the picks and of the pool; kinds beyond `KINDS` are put together.

    Chance: random batches of the same size, drawn by the stream (seed, "skew", `what`).
    """
    names = [kind for kind, _ in Counter(pool).most_common(KINDS)]
    code = {kind: n for n, kind in enumerate(names)}
    coded = np.array([code.get(kind, len(names)) for kind in pool], dtype=int)
    shown = [*names, "others"] if int(coded.max(initial=0)) == len(names) else names
    counts = np.bincount(coded, minlength=len(shown))
    picked = np.bincount(coded[np.asarray(rows, dtype=int)], minlength=len(shown))
    n, size = int(picked.sum()), int(counts.sum())
    shares = {kind: float(m) / max(n, 1) for kind, m in zip(shown, picked, strict=True)}
    if not n:
        return KindSkew(shares, 0.0, 0.0, 0)
    whole = counts / size
    rng = rng_for(seed, None, "skew", f"{what}:{n}")
    drawn = rng.multivariate_hypergeometric(counts, n, size=DRAWS, method="marginals")
    chance = float(np.quantile(0.5 * np.abs(drawn / n - whole).sum(axis=1), 0.95))
    return KindSkew(shares, float(0.5 * np.abs(picked / n - whole).sum()), chance, n)


def share_skew(pool: np.ndarray, rows: np.ndarray) -> ShareSkew:
    """Mean of values in 0 … 1 over the picks `rows`, NaN where nothing is known."""
    values = pool[rows][np.isfinite(pool[rows])]
    n = len(values)
    if not n:
        return ShareSkew(None, None, None, 0)
    interval = stats.binomtest(round(float(values.sum())), n).proportion_ci(0.95, method="wilson")
    return ShareSkew(float(values.mean()), float(interval.low), float(interval.high), n)
