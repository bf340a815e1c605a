"""The inner terms of a score: numbers that every pair of a pool has, and how they come to what it is ranked by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Term:
    """One number a pair: `values` (n,) in the view's order, `symbol` as it stands in `Terms.says`.

    `signed`: whether it is large or small goes by its size, its sign being the order of the sides.
    """

    name: str
    symbol: str
    values: np.ndarray
    unit: str = ""
    signed: bool = False


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a score. `says` is the sum in symbols, as "a = |z̄₁ − z̄₂| + β(s₁ + s₂), β = 1".

    `score` takes the values of the terms in their order and gives every pair's score (n,).
    """

    of: tuple[Term, ...]
    says: str
    score: Callable[..., np.ndarray]

    def composed(self) -> np.ndarray:
        """What the terms come to, (n,)."""
        return np.asarray(self.score(*(np.asarray(term.values, dtype=np.float64) for term in self.of)))
