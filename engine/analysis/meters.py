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


def random_batches(
    n: int, k: int, *, seed: int, round_number: int, draws: int = DRAWS, prompts: np.ndarray | None = None
) -> np.ndarray:
    """Rows (draws, k) of batches drawn from n candidates, none twice in one, by the stream (seed, round, "meters").

    With `prompts` (n,), whole numbers that say whose each candidate is, no prompt has a second in a batch before every
    prompt has one, as random draws it in a study of one pair a prompt.
    """
    rng = rng_for(seed, round_number, f"meters:{n}:{k}")
    if prompts is None:
        return np.stack([rng.choice(n, size=min(k, n), replace=False, shuffle=False) for _ in range(draws)])
    return np.stack([_by_turns(rng.permutation(n), prompts)[:k] for _ in range(draws)])


def _by_turns(order: np.ndarray, prompts: np.ndarray) -> np.ndarray:
    """The order (n,), every prompt's first in it before any prompt's second."""
    whose = prompts[order]
    together = np.argsort(whose, kind="stable")
    begins = np.flatnonzero(np.diff(whose[together], prepend=-1))
    turn = np.empty(len(order), dtype=np.int64)
    turn[together] = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    array: np.ndarray = order[np.argsort(turn, kind="stable")]
    return array


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
