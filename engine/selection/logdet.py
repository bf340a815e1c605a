"""Greedy log-determinant design, exact and lazy, in the space of the features' inner products.

With V = λI + Σ φφᵀ over past picks Φ (m, d): V⁻¹ = (I − GᵀG) / λ, where G = L⁻¹Φ and LLᵀ = λI + ΦΦᵀ. So a score is
φᵀV⁻¹φ = (‖φ‖² − ‖Gφ‖²) / λ, no d × d matrix is built while m ≤ d, and pick j of score s adds one row to G:
(φⱼ − GᵀGφⱼ) / √(λ(1 + s)). With more past than dimensions V itself is the smaller one: the features become w = L⁻¹φ
with LLᵀ = V, and λ = 1 with nothing past.

Scores only fall as V grows, so a score from some picks ago bounds the one of now (Minoux 1978). A panel of the rows of
highest bound is kept up to date pick by pick; the others wait, until the best of the panel no longer lies above all
their bounds, and are then brought up to date together, by products of matrices. The picks, their order included, are
those of looking at every row before every pick: at most O(n d) a pick, most often far less.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from engine.errors import SelectionError
from engine.resume import unasked
from engine.selection.rows import within_rounding

_AT_ONCE = 16384
"""Candidates that are scored between two looks at whether somebody wants a stop."""
_PANEL = 1024
"""Rows that are kept up to date pick by pick."""
_REACH = 8
"""Panels of rows that are brought up to date before a panel is made of the best of them."""
_GROWS = 2
"""By how much a panel grows that settles no pick, or its reach where it settles few."""
_FEW, _MANY = 8, 32
"""Picks of a panel below which its reach grows, and from which on it shrinks."""
_AGES = 32
"""Rows whose scores are from less than so many picks apart are brought up to date by one product."""
_TOGETHER = 4096
"""Rows of such a product."""


def greedy_log_det(
    features: np.ndarray,
    past: np.ndarray,
    ridge: float,
    k: int,
    order: Sequence[int] | np.ndarray,
    in_batch: bool = True,
    check: Callable[[], None] = unasked,
    among: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[list[int], np.ndarray, list[float]]:
    """Rows picked, best first; every row's score before the batch (n,); each pick's score when it was picked.

    `features` (n, d) and `past` (m, d) float64. A score is φᵀV⁻¹φ ≥ 0; adding φ raises log det V by log(1 + score).
    `order` (n,) breaks ties, scores equal but for rounding: the lower comes first. `among` narrows the open rows that
    a pick is made of, mask to mask (n,). `check` is called before each pick and may raise to end it there.
    SelectionError if V cannot be factored. Lin et al. 2025, arXiv:2505.19241, practical algorithm.
    """
    if len(past) > features.shape[1]:
        features, past, ridge = whitened(features, past, ridge, check), past[:0], 1.0
    design = _Growing(features, past, ridge, k if in_batch else 0, check)
    before = design.worth.copy()
    tie = np.asarray(order)
    picked, gains = _among(design, k, tie, check, among) if among else _lazily(design, k, tie, check)
    return picked, before, gains


def whitened(features: np.ndarray, past: np.ndarray, ridge: float, check: Callable[[], None] = unasked,
             gram: np.ndarray | float = 0.0) -> np.ndarray:  # fmt: skip
    """L⁻¹φ of every row (n, d), where LLᵀ = ridge·I + Σ φφᵀ over `past` + `gram`: φᵀV⁻¹φ is its squared length.

    No difference of large numbers is taken, so it holds its digits where φ lies in the span of `past` and the ridge is
    small: a pair's leverage among the pool it is of. SelectionError if V cannot be factored.
    """
    factor = factored(past.T @ past + gram, ridge)
    found = np.empty_like(features)
    for part in _parts(len(features), check):
        found[part] = solve_triangular(factor, features[part].T, lower=True).T
    return found


def factored(gram: np.ndarray, ridge: float) -> np.ndarray:
    """The lower Cholesky factor of ridge·I + gram; SelectionError where there is none."""
    try:
        return np.asarray(cholesky(ridge * np.eye(len(gram)) + gram, lower=True))
    except LinAlgError as error:
        largest = float(np.diag(gram).max())
        raise SelectionError(
            f"V = {ridge:g}·I + Σφφᵀ cannot be inverted: beside features of squared length up to {largest:.3g} the "
            "ridge is lost in rounding.",
            "Raise the strategy's ridge, or bring the features to unit length.",
        ) from error


class _Growing:
    """Rows, and their scores under a V that grows by every pick.

    G is `rows` (m + k, d), of which the first `known` are filled; `worth` (n,) was right when `since` (n,) were.
    """

    def __init__(self, features: np.ndarray, past: np.ndarray, ridge: float, k: int, check: Callable[[], None]) -> None:
        self.features, self.ridge, self.known = features, ridge, len(past)
        self.rows = np.zeros((len(past) + k, features.shape[1]))
        if len(past):
            self.rows[: len(past)] = solve_triangular(factored(past @ past.T, ridge), past, lower=True)
        self.worth, self.since = np.empty(len(features)), np.full(len(features), len(past))
        for part in _parts(len(features), check):
            block = features[part]
            explained = ((block @ self.rows[: self.known].T) ** 2).sum(axis=1)
            self.worth[part] = np.maximum(np.einsum("ij,ij->i", block, block) - explained, 0.0) / ridge

    def take(self, row: int, worth: float) -> np.ndarray | None:
        """The row is picked, its score being `worth`: the row (d,) that G grows by; None where V does not grow."""
        self.worth[row] = -np.inf
        if self.known == len(self.rows):
            return None
        grown, picked = self.rows[: self.known], self.features[row]
        self.rows[self.known] = (picked - (grown @ picked) @ grown) / np.sqrt(self.ridge * (1.0 + worth))
        self.known += 1
        return np.asarray(self.rows[self.known - 1])

    def renew(self, rows: np.ndarray) -> None:
        """Brings the scores of `rows`, in ascending order, up to date."""
        if len(rows) == len(self.worth):  # in their order, whatever is new already: no row of features is copied
            for start in range(0, len(rows), _TOGETHER):
                self._renew(slice(start, start + _TOGETHER))
            return
        ages = self.since[rows] // _AGES
        for age in np.unique(ages):
            alike = rows[ages == age]
            for start in range(0, len(alike), _TOGETHER):
                self._renew(alike[start : start + _TOGETHER])

    def _renew(self, part: slice | np.ndarray) -> None:
        """The same at once, by what the picks since the oldest of the scores explain."""
        worth, since = self.worth[part], self.since[part]
        first = int(since.min())
        if first == self.known:
            return
        explained = (self.features[part] @ self.rows[first : self.known].T) ** 2
        if first < since.max():
            explained *= np.arange(first, self.known) >= since[:, None]
        self.worth[part] = _fallen(worth, explained.sum(axis=1) / self.ridge)
        self.since[part] = self.known


def _lazily(design: _Growing, k: int, tie: np.ndarray, check: Callable[[], None]) -> tuple[list[int], list[float]]:
    """The picks and their scores, asking only rows that may be the best."""
    picked: list[int] = []
    gains: list[float] = []
    size, reach, n = _PANEL, _REACH * _PANEL, len(tie)
    while len(picked) < k:
        design.renew(_highest(design.worth, reach))
        panel, before = _highest(design.worth, size), len(picked)
        design.renew(panel)
        held, beyond = design.worth[panel], _best_beyond(design.worth, panel)
        block = design.features[:0]
        while len(picked) < k and (edge := within_rounding(float(held.max()))) > beyond:
            check()
            tied = np.flatnonzero(held >= edge)
            place = int(tied[np.argmin(tie[panel[tied]])])
            picked.append(int(panel[place]))
            gains.append(float(held[place]))
            held[place] = -np.inf
            grown = design.take(picked[-1], gains[-1])
            if size > _PANEL:  # it was needed for a tie; the next pick may do with less
                break
            if grown is not None:
                if not len(block):
                    block = design.features if len(panel) == n else design.features[panel]
                held = _fallen(held, (block @ grown) ** 2 / design.ridge)
                design.since[panel] = design.known
        design.worth[panel] = held
        found = len(picked) - before
        size = _PANEL if found else _GROWS * size
        if found < _FEW:
            reach = min(_GROWS * reach, n)
        elif found > _MANY:
            reach = max(reach // _GROWS, _REACH * _PANEL)
    return picked, gains


def _highest(worth: np.ndarray, size: int) -> np.ndarray:
    """The rows of highest worth, in ascending order; all of them where that is no more than a few times as many."""
    if _GROWS * size >= len(worth):
        return np.arange(len(worth))
    return np.sort(np.argpartition(-worth, size)[:size])


def _best_beyond(worth: np.ndarray, panel: np.ndarray) -> float:
    """The highest worth of the rows outside the panel; −∞ where there are none."""
    others = np.ones(len(worth), dtype=bool)
    others[panel] = False
    return float(worth[others].max(initial=-np.inf))


def _among(
    design: _Growing, k: int, tie: np.ndarray, check: Callable[[], None], among: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[int], list[float]]:
    """The same, each pick the best of the rows that `among` leaves of the open ones."""
    open_ = np.ones(len(tie), dtype=bool)
    picked: list[int] = []
    gains: list[float] = []
    for _ in range(k):
        check()
        there = np.flatnonzero(among(open_))
        design.renew(there)
        tied = there[design.worth[there] >= within_rounding(float(design.worth[there].max()))]
        picked.append(int(tied[np.argmin(tie[tied])]))
        gains.append(float(design.worth[picked[-1]]))
        open_[picked[-1]] = False
        design.take(picked[-1], gains[-1])
    return picked, gains


def _fallen(worth: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Less by so much and not below 0, whatever rounding says; what is closed stays closed."""
    return np.where(worth < 0, worth, np.maximum(worth - by, 0.0))


def _parts(n: int, check: Callable[[], None]) -> Iterator[slice]:
    """The rows block by block, with a look at whether somebody wants a stop between two."""
    for start in range(0, n, _AT_ONCE):
        if start:
            check()
        yield slice(start, start + _AT_ONCE)
