"""Krippendorff's alpha: how far answers to a pair agree beyond chance, over all pairs or a part, with its interval"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.records import Answer
from engine.seeds import rng_for

VALUES: tuple[Answer, ...] = ("a", "b", "tie", "both_bad")
"""The nominal values that agree or do not. A skip is no value: it is an answer that is missing."""
DRAWS = 2000
LEAST = 10
"""Pairs below which no interval is given: so few tell nothing of how they vary."""


@dataclass(frozen=True)
class Alpha:
    """Alpha of `pairs` with at least two answers, `answers` in all; 1 agrees always, 0 as by chance, below it less.

    `alpha` is None where every answer is the same or no pair has two: nothing can be said then. `low` and `high` hold
    95 %; None with fewer than 10 pairs.
    """

    alpha: float | None
    low: float | None
    high: float | None
    pairs: int
    answers: int


def counts_of(pair_ids: Sequence[str], answers: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Answers one by one → (ids in order, (n, 4) how often each value of `VALUES` was given); skips are left out."""
    code = {value: n for n, value in enumerate(VALUES)}
    kept = [(pair_id, code[answer]) for pair_id, answer in zip(pair_ids, answers, strict=True) if answer in code]
    ids = sorted({pair_id for pair_id, _ in kept})
    row = {pair_id: n for n, pair_id in enumerate(ids)}
    counts = np.zeros((len(ids), len(VALUES)), dtype=np.int64)
    for pair_id, value in kept:
        counts[row[pair_id], value] += 1
    return ids, counts


def alpha(counts: np.ndarray, *, what: str = "", seed: int = 0, draws: int = DRAWS) -> Alpha:
    """Nominal alpha of counts (pairs, values): 1 − (observed over expected disagreement) (Krippendorff 2004, ch. 11).

    A pair with m answers, n_c of them c, adds (m² − Σ n_c²) / (m − 1) to the observed disagreement; pairs with one
    answer add nothing. The interval is the percentile bootstrap over pairs, stream (seed, "alpha", what): pairs that
    were answered alike are drawn as one, which is the same draw and takes no longer for many pairs.
    """
    found = counts[counts.sum(axis=1) >= 2]
    n, answers = len(found), int(found.sum())
    if not n:
        return Alpha(None, None, None, 0, 0)
    kinds, times = np.unique(found, axis=0, return_counts=True)
    value = float(_of(kinds, times[None])[0])
    if np.isnan(value):
        return Alpha(None, None, None, n, answers)
    if n < LEAST:
        return Alpha(value, None, None, n, answers)
    drawn = rng_for(seed, None, "alpha", what).multinomial(n, times / n, size=draws)
    low, high = np.nanquantile(_of(kinds, drawn), [0.025, 0.975])
    return Alpha(value, float(low), float(high), n, answers)


def _of(kinds: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(draws,) alphas where each kind of pair (kinds, values) is there so many times (draws, kinds); NaN: no value."""
    m = kinds.sum(axis=1)
    apart = times @ ((m**2 - (kinds**2).sum(axis=1)) / (m - 1))
    by_value = (times @ kinds).astype(np.float64)
    total = by_value.sum(axis=1)
    chance = total**2 - (by_value**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(chance > 0, 1 - (total - 1) * apart / chance, np.nan))


def alpha_by(votes: pd.DataFrame, groups: Iterable[tuple[Hashable, Iterable[str]]]) -> list[tuple[Hashable, Alpha]]:
    """Alpha within each group of pair ids, in order; `votes` has the columns pair_id and answer."""
    ids, counts = counts_of(votes["pair_id"].tolist(), votes["answer"].tolist())
    row = {pair_id: n for n, pair_id in enumerate(ids)}
    return [
        (name, alpha(counts[[row[i] for i in sorted(set(members)) if i in row]], what=str(name)))
        for name, members in groups
    ]
