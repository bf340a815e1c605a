"""Greedy log-determinant design, exact, in the space of the features' inner products.

With V = λI + Σ φφᵀ over past picks Φ (m, d): φᵢᵀV⁻¹φⱼ = (φᵢ·φⱼ − cᵢ·cⱼ) / λ, where c = L⁻¹Φφ and LLᵀ = λI + ΦΦᵀ. So no
d × d matrix is built while m ≤ d. With more past than dimensions V itself is the smaller one: the features become
w = L⁻¹φ with LLᵀ = V, and φᵢᵀV⁻¹φⱼ = wᵢ·wⱼ. After pick i every score falls by the square of one row of a pivoted
Cholesky factor: O(n (d + m + b)) for the b-th pick of a batch.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from engine.errors import SelectionError
from engine.resume import unasked

_AT_ONCE = 16384
"""Candidates whose coordinates are solved for between two looks at whether somebody wants a stop."""


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
    `order` (n,) breaks exact ties: the lower comes first. `among` narrows the open rows that a pick is made of, mask to
    mask (n,). `check` is called before each pick and may raise to end it there. SelectionError if V cannot be factored.
    Lin et al. 2025, arXiv:2505.19241, practical algorithm.
    """
    n = len(features)
    if len(past) > features.shape[1]:
        features, past, ridge = whitened(features, past, ridge, check), past[:0], 1.0
    coordinates = np.zeros((len(past), n), order="F")
    if len(past):
        factor = _factor(past @ past.T, ridge)
        for part in _parts(n, check):
            coordinates[:, part] = solve_triangular(factor, past @ features[part].T, lower=True)
    scores = np.maximum((features**2).sum(axis=1) - (coordinates**2).sum(axis=0), 0.0) / ridge
    before = scores.copy()
    tie = np.asarray(order)
    picked: list[int] = []
    gains: list[float] = []
    rows = np.zeros((k, n))  # row l: pick l's column of the Cholesky factor, over all candidates
    open_ = np.ones(n, dtype=bool)
    for step in range(k):
        check()
        looked_at = among(open_) if among else open_
        best = float(scores[looked_at].max())
        tied = np.flatnonzero(looked_at & (scores == best))
        row = int(tied[np.argmin(tie[tied])])
        picked.append(row)
        gains.append(best)
        open_[row] = False
        if in_batch:
            column = (features @ features[row] - coordinates.T @ coordinates[:, row]) / ridge
            column -= rows[:step].T @ rows[:step, row]
            rows[step] = column / np.sqrt(1.0 + best)
            scores = np.maximum(scores - rows[step] ** 2, 0.0)
    return picked, before, gains


def whitened(features: np.ndarray, past: np.ndarray, ridge: float, check: Callable[[], None] = unasked) -> np.ndarray:
    """L⁻¹φ of every row (n, d), where LLᵀ = ridge·I + Σ φφᵀ over `past`: φᵀV⁻¹φ is its squared length.

    No difference of large numbers is taken, so it holds its digits where φ lies in the span of `past` and the ridge is
    small: a pair's leverage among the pool it is of. SelectionError if V cannot be factored.
    """
    factor = _factor(past.T @ past, ridge)
    found = np.empty_like(features)
    for part in _parts(len(features), check):
        found[part] = solve_triangular(factor, features[part].T, lower=True).T
    return found


def _factor(gram: np.ndarray, ridge: float) -> np.ndarray:
    """The lower Cholesky factor of ridge·I + gram."""
    try:
        return np.asarray(cholesky(ridge * np.eye(len(gram)) + gram, lower=True))
    except LinAlgError as error:
        largest = float(np.diag(gram).max())
        raise SelectionError(
            f"V = {ridge:g}·I + Σφφᵀ cannot be inverted: beside features of squared length up to {largest:.3g} the "
            "ridge is lost in rounding.",
            "Raise the strategy's ridge, or bring the features to unit length.",
        ) from error


def _parts(n: int, check: Callable[[], None]) -> Iterator[slice]:
    """The rows block by block, with a look at whether somebody wants a stop before each."""
    for start in range(0, n, _AT_ONCE):
        check()
        yield slice(start, start + _AT_ONCE)
