"""Facility location: a batch to which every pair of the pool is as similar as can be, by exact lazy greedy.

A pick raises the sum less, the more was picked before it (submodular), so what a row would have raised it some picks
ago bounds what it would now: only rows at the top are asked anew. Minoux 1978; Mirzasoleiman et al. 2020,
arXiv:1906.01827, algorithm 1.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from engine.selection import facility_on_device, on_device
from engine.selection.recipes import FacilityLocation
from engine.selection.rows import Chosen, Rows, within_rounding

_CELLS = 1 << 22
"""Similarities that are computed at once."""
_IN_CACHE = 1 << 19
"""Similarities that are looked at at once where all of a row are."""
_FEW = 8
"""Where fewer than one in so many is covered better than before, only those are looked at."""
_ASKED, _GROWS = 32, 2
"""Rows that are asked at first in a pick, and by how much more they are each further time."""


def located(recipe: FacilityLocation, rows: Rows, k: int) -> Chosen:
    """Score: by how much a pair alone raises the sum beyond the past; gain: by how much it did when it was picked."""
    dense = len(rows.ids) <= recipe.dense
    if k and on_device.usable(rows.device, recipe.features, facility_on_device.room(recipe)):
        picked, before, gains, means = facility_on_device.located(recipe, rows.finite(recipe.features), rows, k)
    else:
        picked, before, gains, means = cover(likeness_of(recipe, rows), k, rows)
    known = {} if dense else {"neighbours_looked_at": float(recipe.neighbours)}
    return Chosen(picked, before, gains, [{"mean_similarity": mean, **known} for mean in means])


def likeness_of(recipe: FacilityLocation, rows: Rows) -> "Likeness":
    """Who is similar to whom in the pool, in id order, covered by the past."""
    unit = _unit(rows.finite(recipe.features))
    past = _unit(np.asarray(recipe.past, dtype=np.float64).reshape(-1, unit.shape[1]))
    covered = np.zeros(len(unit), dtype=np.float32)
    for part in _parts(len(unit), len(past), rows.check) if len(past) else ():
        covered[part] = _similar(unit[part], past, recipe.either_sign).max(axis=1)
    return (_Nearest if len(unit) > recipe.dense else _Dense)(unit, covered, recipe, rows.check)


def cover(likeness: "Likeness", k: int, rows: Rows) -> tuple[list[int], np.ndarray, list[float], list[float]]:
    """Rows; every row's rise before the batch (n,); each pick's when it was picked, and the mean similarity after it.

    What `likeness` is covered by grows with every pick.
    """
    n = len(rows.ids)
    before = likeness.rise(np.arange(n), np.zeros(n), np.full(n, -1))
    worth, since = before.copy(), np.zeros(n, dtype=np.int64)
    picked: list[int] = []
    gains: list[float] = []
    means: list[float] = []
    for step in range(k):
        rows.check()
        row = rows.lowest_tie(_best(worth, since, step, likeness))
        picked.append(row)
        gains.append(float(worth[row]))
        worth[row] = -np.inf
        likeness.take(row)
        means.append(float(likeness.cover.mean(dtype=np.float64)))
    return picked, before, gains, means


def _best(worth: np.ndarray, since: np.ndarray, step: int, likeness: "Likeness") -> np.ndarray:
    """The mask of the rows that are the best now, (n,); `worth` and `since` are brought up to date where it matters."""
    asked = _ASKED
    while True:
        best = float(worth.max())
        tied = worth >= within_rounding(best)
        if best == 0 or (since[tied] == step).all():  # nobody is worth less than nothing
            return tied
        old = np.flatnonzero((since < step) & (worth > -np.inf))
        if len(old) > asked:
            old = old[np.argpartition(-worth[old], asked)[:asked]]
        worth[old] = likeness.rise(old, worth[old], since[old])
        since[old] = step
        asked *= _GROWS


class Likeness(Protocol):
    """Who is similar to whom in the pool, and how similar each is to what covers it best so far: `cover` (n,)."""

    cover: np.ndarray

    def rise(self, rows: np.ndarray, worth: np.ndarray, since: np.ndarray) -> np.ndarray:
        """Σᵢ max(s(i, j) − cover(i), 0) of the rows j (b,), float64, which was `worth` before pick `since` (−1: not
        known)."""

    def take(self, row: int) -> None:
        """Row `row` covers, too."""


class _Dense:
    """All similarities, (n, n) float32, and the cover as it was before each pick, (k, n) float32."""

    def __init__(
        self, unit: np.ndarray, cover: np.ndarray, recipe: FacilityLocation, check: Callable[[], None]
    ) -> None:
        n = len(unit)
        self.kernel, self.cover, self.before = np.empty((n, n), dtype=np.float32), cover, [cover.copy()]
        self.raised = np.full(n, -1)
        """The last pick that raised the cover of each."""
        for part in _parts(n, n, check):
            similar = _similar(unit[part], unit[part.start :], recipe.either_sign)
            self.kernel[part, part.start :] = similar
            self.kernel[part.start :, part] = similar.T

    def rise(self, rows: np.ndarray, worth: np.ndarray, since: np.ndarray) -> np.ndarray:
        """As `Likeness`: where few are covered better than then, only those are looked at."""
        found = np.empty(len(rows))
        raised_since = np.bincount(self.raised + 1, minlength=len(self.before))[::-1].cumsum()[::-1]
        much = _FEW * raised_since[since + 1] > len(self.cover)
        found[much] = self._whole(rows[much])
        for step in np.unique(since[~much]):
            there, which = np.flatnonzero(self.raised >= step), np.flatnonzero(since == step)
            then, now = self.before[step][there], self.cover[there]
            for part in _parts(len(which), max(1, len(there))):
                similar = self.kernel[rows[which[part]][:, None], there]
                found[which[part]] = worth[which[part]] - _above(similar, then) + _above(similar, now)
        return found

    def _whole(self, rows: np.ndarray) -> np.ndarray:
        """By all that each is similar to: Σ max(s − c, 0) = Σ max(s, c) − Σ c is half the work, and float32 holds every
        term to the bit. By torch, which takes all cores."""
        import torch

        kernel, cover = torch.from_numpy(self.kernel), torch.from_numpy(self.cover)
        at_once = max(1, _IN_CACHE // len(cover))
        room, found = torch.empty(min(at_once, len(rows)), len(cover)), np.empty(len(rows))
        for start in range(0, len(rows), at_once):
            asked = torch.from_numpy(rows[start : start + at_once])
            similar = torch.index_select(kernel, 0, asked, out=room[: len(asked)])
            found[start : start + at_once] = torch.maximum(similar, cover, out=similar).sum(1, dtype=torch.float64)
        rise: np.ndarray = found - self.cover.sum(dtype=np.float64)
        return rise

    def take(self, row: int) -> None:
        """As `Likeness`."""
        self.raised[self.kernel[row] > self.cover] = len(self.before) - 1
        np.maximum(self.cover, self.kernel[row], out=self.cover)
        self.before.append(self.cover.copy())


class _Nearest:
    """Similarities to each pair's nearest, a row of the matrix for everyone who is somebody's neighbour."""

    def __init__(
        self, unit: np.ndarray, cover: np.ndarray, recipe: FacilityLocation, check: Callable[[], None]
    ) -> None:
        self.cover = cover
        n, m = len(unit), min(recipe.neighbours, len(unit))
        near, similar = np.empty((n, m), dtype=np.int32), np.empty((n, m), dtype=np.float32)
        for part in _parts(n, n, check):
            found = _similar(unit[part], unit, recipe.either_sign)
            own = np.arange(part.start, part.start + len(found))
            to_itself = found[own - part.start, own].copy()
            found[own - part.start, own] = np.inf  # it is one of its neighbours whatever else is like it
            near[part] = np.argpartition(-found, m - 1, axis=1)[:, :m]
            found[own - part.start, own] = to_itself
            similar[part] = np.take_along_axis(found, near[part].astype(np.int64), axis=1)
        by_neighbour = csr_array((similar.ravel(), near.ravel(), np.arange(0, n * m + 1, m)), shape=(n, n)).T.tocsr()
        self.start, self.who, self.similar = by_neighbour.indptr, by_neighbour.indices, by_neighbour.data

    def rise(self, rows: np.ndarray, worth: np.ndarray, since: np.ndarray) -> np.ndarray:
        """As `Likeness`, all anew."""
        count = (self.start[rows + 1] - self.start[rows]).astype(np.int64)
        which = np.repeat(np.arange(len(rows)), count)
        place = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + self.start[rows][which]
        more = np.maximum(np.subtract(self.similar[place], self.cover[self.who[place]], dtype=np.float64), 0)
        return np.bincount(which, weights=more, minlength=len(rows))

    def take(self, row: int) -> None:
        """As `Likeness`."""
        part = slice(self.start[row], self.start[row + 1])
        self.cover[self.who[part]] = np.maximum(self.cover[self.who[part]], self.similar[part])


def _above(similar: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Σ max(s − cover, 0) over the last axis, in float64, so that sums of the same numbers in another order tie."""
    more = np.subtract(similar, cover, dtype=np.float64)
    return np.asarray(np.maximum(more, 0, out=more).sum(axis=-1))


def _similar(one: np.ndarray, other: np.ndarray, either_sign: bool) -> np.ndarray:
    """|cos| or max(cos, 0) of unit vectors, (n, m) float32 of a float64 product, so that copies are alike."""
    found = one @ other.T
    array: np.ndarray = (np.abs(found, out=found) if either_sign else np.maximum(found, 0, out=found)).astype(
        np.float32
    )
    return array


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their length; a zero row stays zero and is like nobody."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def _parts(n: int, width: int, check: Callable[[], None] | None = None) -> Iterator[slice]:
    """Rows so many at a time that `width` numbers for each fit into `_CELLS`, with a look at `check` between two."""
    at_once = max(1, _CELLS // width)
    for start in range(0, n, at_once):
        if start and check:
            check()
        yield slice(start, start + at_once)
