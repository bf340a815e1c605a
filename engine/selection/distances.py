"""Designs by distance: k-means++ (D² sampling) and farthest-first (greedy k-center), O(n d) a pick, in place.

A pair has no first side: φ = g(a) − g(b) and −φ are the same pair. So distances are min(‖φ−ψ‖, ‖φ+ψ‖), whose square is
‖φ‖² + ‖ψ‖² − 2|φ·ψ|, and no sign has to be settled. A pick costs one product of the features with a vector.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg.blas import sgemv

from engine.resume import unasked
from engine.selection.rows import Rows

SAME = 1e-12
"""Squared distances below this share of the squared lengths are rounding: the two are one point."""
_MANY = 16
"""Where fewer than one row in so many was nearer to the last point, the next one's are looked for and gathered."""
_CELLS = 1 << 22
"""Distances to past picks held at once."""


def squared_lengths(vectors: np.ndarray) -> np.ndarray:
    """‖φ‖² of each row, (n,)."""
    array: np.ndarray = np.einsum("ij,ij->i", vectors, vectors)
    return array


def squared_distances(one: np.ndarray, other: np.ndarray, either_sign: bool) -> np.ndarray:
    """Squared distance of every row of `one` (n, d) to every row of `other` (m, d), (n, m), exactly 0 where alike."""
    product = one @ other.T
    if either_sign:
        product = np.abs(product)
    reach = squared_lengths(one)[:, None] + squared_lengths(other)[None, :]
    found = reach - 2 * product
    return np.where(found < SAME * reach, 0.0, found)


class _Nearest:
    """Each row's squared distance to the nearest point so far, (n,) in `found`.

    A new point is nearer than those before it to few rows only. Which they may be is told by a product in float32,
    allowing for all that its rounding can come to; only theirs is worked out in float64. So half as much is read for a
    point, and every number is what it is without.
    """

    def __init__(self, features: np.ndarray, lengths: np.ndarray, found: np.ndarray, either_sign: bool) -> None:
        self.features, self.lengths, self.found, self.either_sign = features, lengths, found, either_sign
        largest = float(np.sqrt(lengths.max(initial=0.0)))
        self._few, self._unscaled = False, 2 * largest**2 or 1.0
        self._single = np.empty(features.shape, dtype=np.float32)
        np.multiply(features, 1 / largest if largest else 0.0, out=self._single, casting="unsafe")
        self._off = (4 * features.shape[1] + 32) * 2.0**-24
        self._needed = self._to_be_nearer(slice(None))
        """The product, scaled, from which on a row is nearer to a point of no length."""

    def add(self, row: int) -> None:
        """Row `row` is one more of the points."""
        rows = self._may_be_nearer(row) if self._few else slice(None)
        product = self.features[rows] @ self.features[row]
        if self.either_sign:
            np.abs(product, out=product)
        reach, before = self.lengths[rows] + self.lengths[row], self.found[rows]
        to = reach - 2 * product
        to[to < SAME * reach] = 0.0
        self._few = _MANY * int((to < before).sum()) < len(self.found)
        self.found[rows] = np.minimum(before, to)
        self._needed[rows] = self._to_be_nearer(rows)

    def _to_be_nearer(self, rows: np.ndarray | slice) -> np.ndarray:
        array: np.ndarray = ((self.lengths[rows] - self.found[rows]) / self._unscaled).astype(np.float32)
        return array

    def _may_be_nearer(self, row: int) -> np.ndarray | slice:
        """The rows that may be nearer to it than to what was there before; all, where it comes to that."""
        product = sgemv(1.0, self._single.T, self._single[row], trans=1)
        if self.either_sign:
            np.abs(product, out=product)
        product -= self._needed
        nearer = np.flatnonzero(product > np.float32(self.lengths[row] / self._unscaled - self._off))
        return nearer if _MANY * len(nearer) < len(product) else slice(None)


def d2_sampling(
    features: np.ndarray, k: int, rows: Rows, *, drawn_first: bool, either_sign: bool
) -> tuple[list[int], list[float], list[float]]:
    """Rows, the squared distance of each to the nearest row before it, and the chance it had when it was drawn.

    The first is the longest (its squared length stands for its distance, 1 for its chance) or drawn uniformly. While
    every open row lies on a picked one, ties are broken by the rows' draws. Arthur & Vassilvitskii 2007, section 2.2.
    """
    lengths, stream, n = squared_lengths(features), rows.stream("k-means++"), len(features)
    nearest = _Nearest(features, lengths, np.full(n, np.inf), either_sign)
    weight, edge, open_ = nearest.found, np.empty(n), np.ones(n, dtype=bool)
    picked: list[int] = []
    gains: list[float] = []
    chances: list[float] = []
    for step in range(k):
        rows.check()
        uniform = stream.random()
        if step == 0:
            row = int(uniform * n) if drawn_first else rows.best(lengths)
            gain, chance = float(lengths[row]), 1 / n if drawn_first else 1.0
        elif (total := np.cumsum(weight, out=edge)[-1]) > 0:
            row = int(np.searchsorted(edge, uniform * total, side="right"))
            row = row if row < n else int(np.flatnonzero(weight)[-1])
            gain, chance = float(weight[row]), float(weight[row] / total)
        else:
            row = rows.lowest_tie(open_)
            gain, chance = float(weight[row]), 1 / int(open_.sum())
        picked.append(row)
        gains.append(gain)
        chances.append(chance)
        open_[row] = False
        nearest.add(row)
        weight[row] = 0.0
    return picked, gains, chances


def farthest_first(
    features: np.ndarray, past: np.ndarray, k: int, rows: Rows, *, either_sign: bool
) -> tuple[list[int], np.ndarray, list[float]]:
    """Rows; every row's distance to the nearest past pick (n,); each pick's to the nearest of past and picks before it.

    With no past the first is the longest, its length standing for its distance. Gonzalez 1985; Sener & Savarese 2018,
    arXiv:1708.00489, algorithm 1.
    """
    lengths = squared_lengths(features)
    worth = nearest_of(features, past, either_sign, rows.check) if len(past) else lengths.copy()
    nearest = _Nearest(features, lengths, worth, either_sign)
    before, shut = np.sqrt(worth), list[int]()
    picked: list[int] = []
    gains: list[float] = []
    for step in range(k):
        rows.check()
        worth[shut] = -np.inf
        row = rows.best(worth)
        picked.append(row)
        gains.append(float(np.sqrt(worth[row])))
        shut.append(row)
        if step == 0 and not len(past):
            worth.fill(np.inf)
        nearest.add(row)
    return picked, before, gains


def nearest_of(
    features: np.ndarray, past: np.ndarray, either_sign: bool, check: Callable[[], None] = unasked
) -> np.ndarray:
    """Squared distance of each row to the nearest of `past` (m > 0, d), (n,), block by block."""
    at_once = max(1, _CELLS // len(past))
    found = np.empty(len(features))
    for start in range(0, len(features), at_once):
        check()
        part = slice(start, start + at_once)
        found[part] = squared_distances(features[part], past, either_sign).min(axis=1)
    return found
