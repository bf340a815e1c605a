"""How noisy the labels are: disagreement with oneself and with others, the flip rate it means, and who buys noise"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.alpha import counts_of
from engine.analysis.certainty import Share, share_of
from engine.analysis.labellers import repeated
from engine.seeds import rng_for

DRAWS = 2000
LEAST = 10
"""Pairs on either side below which a difference has no interval."""


@dataclass(frozen=True)
class Noise:
    """Answers to the same pair that differ: of a labeller's hidden repeats, and of two labellers each.

    `flip_itself` and `flip_others` are the flip rates that would make such disagreement, each (rate, low, high); None
    where nothing is known, or where answers differ more often than by lot.
    """

    itself: Share
    others: Share
    flip_itself: tuple[float, float, float] | None
    flip_others: tuple[float, float, float] | None


@dataclass(frozen=True)
class Bought:
    """Noise in a strategy's picks against that in random's: mean disagreement of each, and the difference.

    `n` and `n_random` are pairs; `low` and `high` hold 95 % of the difference, None with fewer than 10 pairs on a side.
    """

    mean: float | None
    n: int
    random: float | None
    n_random: int
    difference: float | None
    low: float | None
    high: float | None


def noise(votes: pd.DataFrame) -> Noise:
    """Of answers that stand; columns pair_id, labeller, answer and kind. Skips and gold questions do not count.

    Disagreement with others is counted once a pair, of the first two labellers, so that Wilson's interval holds.
    """
    again = repeated(votes)
    itself = share_of((again["answer"] != again["before"]).to_numpy())
    given = votes[(votes["answer"] != "skip") & ~votes["kind"].isin(["repeat", "gold"])]
    first = given.drop_duplicates(["pair_id", "labeller"]).groupby("pair_id")["answer"]
    apart = [bool(answers.iloc[0] != answers.iloc[1]) for _, answers in first if len(answers) > 1]
    others = share_of(np.array(apart))
    return Noise(itself, others, _flips(itself), _flips(others))


def flip_rate(disagreement: float) -> float | None:
    """ε of 2 ε (1 − ε) = the share of two answers that differ, each flipped with chance ε alone; None above ½."""
    return None if disagreement > 0.5 else (1 - (1 - 2 * disagreement) ** 0.5) / 2


def _flips(found: Share) -> tuple[float, float, float] | None:
    if found.share is None or found.low is None or found.high is None:
        return None
    middle = flip_rate(found.share)
    if middle is None:
        return None
    return middle, flip_rate(min(found.low, 0.5)) or 0.0, flip_rate(min(found.high, 0.5)) or 0.0


def disagreement(votes: pd.DataFrame) -> dict[str, float]:
    """Pair → the share of its pairs of answers, by two labellers each, that differ; only pairs with two answers."""
    given = votes[(votes["answer"] != "skip") & ~votes["kind"].isin(["repeat", "gold"])]
    ids, counts = counts_of(given["pair_id"].tolist(), given["answer"].tolist())
    m = counts.sum(axis=1)
    several = np.flatnonzero(m > 1)
    same = (counts * (counts - 1)).sum(axis=1)
    return {ids[n]: float(1 - same[n] / (m[n] * (m[n] - 1))) for n in several}


def bought_noise(of_pair: dict[str, float], picks: Iterable[str], random: Iterable[str], *, what: str = "") -> Bought:
    """Mean noise of a strategy's picks minus that of random's, over the pairs whose noise is known.

    The interval is the percentile bootstrap: pairs of both sides are drawn again, each by itself, stream
    (0, "bought noise", what). Pairs that both picked count on both sides and are drawn on each.
    """
    own = np.array([of_pair[i] for i in sorted(set(picks)) if i in of_pair])
    other = np.array([of_pair[i] for i in sorted(set(random)) if i in of_pair])
    means = [float(side.mean()) if len(side) else None for side in (own, other)]
    apart = None if means[0] is None or means[1] is None else means[0] - means[1]
    if apart is None or min(len(own), len(other)) < LEAST:
        return Bought(means[0], len(own), means[1], len(other), apart, None, None)
    rng = rng_for(0, None, "bought noise", what)
    drawn = [side[rng.integers(len(side), size=(DRAWS, len(side)))].mean(axis=1) for side in (own, other)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Bought(means[0], len(own), means[1], len(other), apart, float(low), float(high))
