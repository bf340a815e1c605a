"""What one run can say: means with intervals over prompts or pairs alone, and how far two of them are apart"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from engine.analysis.certainty import Share
from engine.analysis.crossed import cells
from engine.analysis.intervals import t_interval

Z = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` things with its 95 % interval; the ends are None where nothing can be said of them."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Apart:
    """Two estimates from different pairs and first minus second; None where a side, or an interval, is missing."""

    first: Estimate | None
    second: Estimate | None
    difference: float | None
    low: float | None
    high: float | None


def of_share(found: Share) -> Estimate | None:
    """A share with Wilson's interval; None of nothing."""
    return None if found.share is None else Estimate(found.share, found.low, found.high, found.n)


def of_values(values: Sequence[float] | np.ndarray) -> Estimate | None:
    """The mean of independent values, Student's interval from three on; NaN are left out, None without a value.

    Where all values are the same there is no interval: they do not say how far the mean may be off.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    found = t_interval(known)
    if known.min() == known.max():
        return Estimate(found.mean, None, None, found.n)
    return Estimate(found.mean, found.low, found.high, found.n)


def level(values: np.ndarray, prompt_ids: Sequence[str], *, share: bool) -> Estimate:
    """A held-out set's level in one round of one run: values (pairs,), prompts the only draws; n are prompts.

    With `share` the values lie from 0 to 1 and the interval is Wilson's (1927) at Kish's (1965) number of prompts,
    (Σ m)² / Σ m² for m pairs of a prompt, as if a prompt's pairs were all alike: it is never too short for that. Else
    it is Student's over prompts. It holds for this run only: another seed may give another level. ValueError: no pair.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("A level needs at least one pair.")
    counts = np.unique(np.asarray(prompt_ids), return_counts=True)[1]
    if not share:
        found = of_values(cells(array[None], prompt_ids)[0])
        assert found is not None  # noqa: S101 - there is a pair, so there is a prompt
        return Estimate(float(array.mean()), found.low, found.high, len(counts))
    low, high = wilson(float(array.mean()), float(counts.sum() ** 2 / (counts**2).sum()))
    return Estimate(float(array.mean()), low, high, len(counts))


def gain(now: np.ndarray, before: np.ndarray, prompt_ids: Sequence[str], *, share: bool) -> Estimate | None:
    """Mean of now minus before over the same pairs (pairs,), Student's interval over prompts; of shares cut at ±1."""
    apart = np.asarray(now, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    found = of_values(cells(apart[None], prompt_ids)[0]) if len(apart) else None
    if found is None or found.low is None or found.high is None or not share:
        return found
    return Estimate(found.mean, max(-1.0, found.low), min(1.0, found.high), found.n)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's (1927) 95 % interval of a share over `n` draws, which need be no whole number."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * float(np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)))
    return max(0.0, middle - half), min(1.0, middle + half)


def apart(first: Estimate | None, second: Estimate | None) -> Apart:
    """First minus second of two independent estimates, by MOVER (Zou & Donner 2008, Stat. Med. 27, eq. 2).

    From d the interval goes √((m₁ − l₁)² + (u₂ − m₂)²) down and √((u₁ − m₁)² + (m₂ − l₂)²) up. Of two shares it is
    Newcombe's (1998) tenth method, of two means close to Welch's.
    """
    if first is None or second is None:
        return Apart(first, second, None, None, None)
    d = first.mean - second.mean
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Apart(first, second, d, None, None)
    down = float(np.hypot(first.mean - first.low, second.high - second.mean))
    up = float(np.hypot(first.high - first.mean, second.mean - second.low))
    return Apart(first, second, d, d - down, d + up)
