"""BAL-PM's design: high values, at points that raise the entropy of the acquired points.

The entropy is estimated from nearest neighbours: around a point the pool says how far its neighbours lie, and what was
acquired says how many of them were taken. Kraskov et al. 2004, arXiv:cond-mat/0305641, eq. 8; Melo et al. 2024,
arXiv:2406.10023.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import digamma

from engine.resume import unasked
from engine.selection.recipes import Crowding
from engine.selection.rows import Chosen, Rows

_AT_ONCE = 512
"""Points whose distances to all others are held at a time."""


def crowded(recipe: Crowding, rows: Rows, k: int) -> Chosen:
    """Score: the sum before the batch; gain: the sum when it was picked."""
    values, features = rows.finite(recipe.values), rows.finite(recipe.features)
    past = np.asarray(recipe.past, dtype=np.float64).reshape(-1, features.shape[1])
    points, which = np.unique(features, axis=0, return_inverse=True)
    which = which.reshape(-1)
    reach, taken = neighbourhoods(points, past, recipe.neighbour, rows.check)
    width = np.log(2 * reach + 1e-4)

    def sums() -> np.ndarray:
        array: np.ndarray = values + (recipe.weight * (width - digamma(taken + 1) / recipe.dimension))[which]
        return array

    before = sums()
    open_ = np.ones(len(values), dtype=bool)
    picked: list[int] = []
    gains: list[float] = []
    why: list[dict[str, float | str]] = []
    for _ in range(k):
        rows.check()
        now = sums()
        row = rows.lowest_tie(open_ & (now == now[open_].max()))
        picked.append(row)
        gains.append(float(now[row]))
        why.append({"value": float(values[row]), "acquired_nearby": float(taken[which[row]])})
        open_[row] = False
        taken += (cdist(points[which[row]][None], points)[0] < reach).astype(np.int64)
    return Chosen(picked, before, gains, why)


def neighbourhoods(
    points: np.ndarray, past: np.ndarray, neighbour: int, check: Callable[[], None] = unasked
) -> tuple[np.ndarray, np.ndarray]:
    """Each point's distance to its `neighbour`-th nearest other, and how many past points lie closer than that.

    `points` (n, d), all different, and `past` (m, d), any; others are all different points of both. Where there are
    fewer others, the farthest of them counts; where there is none, the distance is 0.
    """
    everything = np.unique(np.concatenate([points, past]), axis=0)
    rank = min(neighbour, len(everything) - 1)
    reach, taken = np.zeros(len(points)), np.zeros(len(points), dtype=np.int64)
    for start in range(0, len(points), _AT_ONCE):
        if start:
            check()
        part = slice(start, start + _AT_ONCE)
        reach[part] = np.partition(cdist(points[part], everything), rank, axis=1)[:, rank]
        taken[part] = (cdist(points[part], past) < reach[part, None]).sum(axis=1)
    return reach, taken
