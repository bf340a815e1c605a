"""Labelling as work: how fast, by length; which side is favoured; what is left to the target and what it will take"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.certainty import Share, share_of

PARTS = 5
LONGEST_S = 900.0
"""Seconds beyond which an answer counts as so long: somebody went away with the page open."""


@dataclass(frozen=True)
class Pace:
    """Of `n` timed answers: median and mean seconds, and answers an hour of such work, from the mean."""

    median: float
    mean: float
    an_hour: float
    n: int


@dataclass(frozen=True)
class ByLength:
    """Answers to pairs of about the same length: its mean in characters, and quartiles of the seconds."""

    length: float
    low: float
    median: float
    high: float
    n: int


@dataclass(frozen=True)
class Left:
    """What is left to the target: answers, seconds of work at the pace so far, and money where an answer has a price.

    `target` and `given` are answers; None where the pace or the price is not known. `at_most`: the target counts
    answers that may be had already, as several runs pick the same pair.
    """

    target: int
    given: int
    answers: int
    seconds: float | None
    money: float | None
    at_most: bool = False

    def cost(self, an_hour: float = 0.0) -> float | None:
        """Money: what is paid for answers, and for an hour of people's work; None where neither is known."""
        work = None if self.seconds is None or not an_hour else self.seconds / 3600 * an_hour
        parts = [part for part in (self.money, work) if part is not None]
        return sum(parts) if parts else None


def pace(seconds: Sequence[float] | np.ndarray, longest: float = LONGEST_S) -> Pace | None:
    """None where no answer was timed; NaN are left out, and times above `longest` are cut to it."""
    known = np.asarray(seconds, dtype=np.float64)
    known = np.minimum(known[np.isfinite(known)], longest)
    if not len(known) or not known.mean():
        return None
    return Pace(float(np.median(known)), float(known.mean()), float(3600 / known.mean()), len(known))


def by_length(lengths: np.ndarray, seconds: np.ndarray, parts: int = PARTS) -> list[ByLength]:
    """Timed answers in parts of about equal number by the pair's length (characters), the shortest first."""
    lengths, seconds = np.asarray(lengths, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    known = np.isfinite(lengths) & np.isfinite(seconds)
    length, time = lengths[known], np.minimum(seconds[known], LONGEST_S)
    if not len(time):
        return []
    edges = np.unique(np.quantile(length, np.linspace(0, 1, parts + 1)[1:-1]))
    place = np.searchsorted(edges, length, side="right")
    found = []
    for n in np.unique(place):
        low, median, high = np.quantile(time[place == n], [0.25, 0.5, 0.75])
        mean = float(length[place == n].mean())
        found.append(ByLength(mean, float(low), float(median), float(high), int((place == n).sum())))
    return found


def first_shown(votes: pd.DataFrame) -> Share:
    """Of answers that name a side, how many name the one that was shown first; ½ is no bias.

    Columns answer and first. Sides are shown in random order, so whatever is better says nothing of this share.
    """
    sided = votes[votes["answer"].isin(["a", "b"]) & votes["first"].isin(["a", "b"])]
    return share_of((sided["answer"] == sided["first"]).to_numpy())


def left(target: int, given: int, speed: Pace | None, price: float | None = None, at_most: bool = False) -> Left:
    """From answers wanted and given; `price` is what one answer costs, in whatever money."""
    answers = max(0, target - given)
    return Left(
        target, given, answers, None if speed is None else answers * speed.mean,
        None if price is None else answers * price, at_most,
    )  # fmt: skip
