"""Designs by distance: k-means++ (D² sampling) and farthest-first (greedy k-center), O(n d) a pick.

A pair has no first side: φ = g(a) − g(b) and −φ are the same pair. So distances are min(‖φ−ψ‖, ‖φ+ψ‖), whose square is
‖φ‖² + ‖ψ‖² − 2|φ·ψ|, and no sign has to be settled.
"""

from collections.abc import Callable

import numpy as np

from engine.resume import unasked
from engine.selection.rows import Rows

_SAME = 1e-12
"""Squared distances below this share of the squared lengths are rounding: the two are one point."""
_CELLS = 1 << 22
"""Distances to past picks held at once."""


def squared_lengths(vectors: np.ndarray) -> np.ndarray:
    """‖φ‖² of each row, (n,)."""
    return np.einsum("ij,ij->i", vectors, vectors)


def squared_distances(one: np.ndarray, other: np.ndarray, either_sign: bool) -> np.ndarray:
    """Squared distance of every row of `one` (n, d) to every row of `other` (m, d), (n, m), exactly 0 where alike."""
    product = one @ other.T
    if either_sign:
        product = np.abs(product)
    reach = squared_lengths(one)[:, None] + squared_lengths(other)[None, :]
    found = reach - 2 * product
    return np.where(found < _SAME * reach, 0.0, found)


def d2_sampling(
    features: np.ndarray, k: int, rows: Rows, *, drawn_first: bool, either_sign: bool
) -> tuple[list[int], list[float], list[float]]:
    """Rows, the squared distance of each to the nearest row before it, and the chance it had when it was drawn.

    The first is the longest (its squared length stands for its distance, 1 for its chance) or drawn uniformly. While
    every open row lies on a picked one, ties are broken by the rows' draws. Arthur & Vassilvitskii 2007, section 2.2.
    """
    lengths, stream, n = squared_lengths(features), rows.stream("k-means++"), len(features)
    nearest, open_ = np.full(n, np.inf), np.ones(n, dtype=bool)
    picked: list[int] = []
    gains: list[float] = []
    chances: list[float] = []
    for step in range(k):
        rows.check()
        weight = np.where(open_, nearest if step else lengths, 0.0)
        uniform = stream.random()
        if step == 0 and drawn_first:
            row, chance = int(uniform * n), 1 / n
        elif step == 0:
            row, chance = rows.lowest_tie(weight == weight.max()), 1.0
        elif (total := weight.sum()) > 0:
            edge = np.cumsum(weight)
            row = min(int(np.searchsorted(edge, uniform * edge[-1], side="right")), int(np.flatnonzero(weight)[-1]))
            chance = float(weight[row] / total)
        else:
            row, chance = rows.lowest_tie(open_), 1 / int(open_.sum())
        picked.append(row)
        gains.append(float(weight[row]))
        chances.append(chance)
        open_[row] = False
        nearest = np.minimum(nearest, squared_distances(features, features[[row]], either_sign)[:, 0])
    return picked, gains, chances


def farthest_first(
    features: np.ndarray, past: np.ndarray, k: int, rows: Rows, *, either_sign: bool
) -> tuple[list[int], np.ndarray, list[float]]:
    """Rows; every row's distance to the nearest past pick (n,); each pick's to the nearest of past and picks before it.

    With no past the first is the longest, its length standing for its distance. Gonzalez 1985; Sener & Savarese 2018,
    arXiv:1708.00489, algorithm 1.
    """
    nearest = nearest_of(features, past, either_sign, rows.check) if len(past) else squared_lengths(features)
    before, open_ = np.sqrt(nearest), np.ones(len(features), dtype=bool)
    picked: list[int] = []
    gains: list[float] = []
    for step in range(k):
        rows.check()
        best = nearest[open_].max()
        row = rows.lowest_tie(open_ & (nearest == best))
        picked.append(row)
        gains.append(float(np.sqrt(best)))
        open_[row] = False
        to_it = squared_distances(features, features[[row]], either_sign)[:, 0]
        nearest = to_it if step == 0 and not len(past) else np.minimum(nearest, to_it)
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
