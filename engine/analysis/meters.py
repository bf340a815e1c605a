"""Meters of a batch: one number of it beside the same number of random batches of its size from the same candidates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.seeds import rng_for

DRAWS = 200
"""Random batches that a batch is held beside."""


@dataclass(frozen=True)
class Meter:
    """A number of the batch; over the random batches its mean, and from `low` to `high` the middle 95 % of them."""

    value: float
    mean: float
    low: float
    high: float


def random_batches(n: int, k: int, *, seed: int, round_number: int, draws: int = DRAWS) -> np.ndarray:
    """Rows (draws, k) of batches drawn from n candidates, none twice in one, by the stream (seed, round, "meters")."""
    rng = rng_for(seed, round_number, f"meters:{n}:{k}")
    return np.stack([rng.choice(n, size=min(k, n), replace=False, shuffle=False) for _ in range(draws)])


def meter(measure: Callable[[np.ndarray], float], batch: Sequence[int] | np.ndarray, at_random: np.ndarray) -> Meter:
    """`measure` takes rows of the candidates (k,) to a number; `at_random` are random batches (draws, k)."""
    drawn = np.array([measure(rows) for rows in at_random], dtype=float)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Meter(float(measure(np.asarray(batch, dtype=int))), float(drawn.mean()), float(low), float(high))


def distinct(kinds: np.ndarray) -> Callable[[np.ndarray], float]:
    """How many different ones of these kinds (n,), whole numbers ≥ 0, some rows have; rows of −1 have none."""

    def count(rows: np.ndarray) -> float:
        found = kinds[rows]
        return float(len(np.unique(found[found >= 0])))

    return count


def coverage(counts: Sequence[int], touched: int, k: int, *, seed: int, round_number: int, draws: int = DRAWS) -> Meter:
    """How many kinds a batch of k touches, beside random ones; `counts` are the candidates of each kind.

    A random batch holds of each kind what a draw without return gives (multivariate hypergeometric).
    """
    rng = rng_for(seed, round_number, f"coverage:{k}")
    whole = np.asarray(counts, dtype=np.int64)
    drawn = rng.multivariate_hypergeometric(whole, min(k, int(whole.sum())), size=draws, method="marginals")
    covered = (drawn > 0).sum(axis=1)
    low, high = np.quantile(covered, [0.025, 0.975])
    return Meter(float(touched), float(covered.mean()), float(low), float(high))
