"""A linear reward fitted to the labels a run has bought, and the Fisher weight it gives a pair: shared, no strategy."""

from dataclasses import dataclass

import numpy as np

from engine.data.pool import PoolView


@dataclass(frozen=True)
class LinearReward:
    """Logits φᵀθ̂ of a Bradley–Terry model with a normal prior, and how sure they are (Laplace).

    `basis` (d, q) spans what was labelled, q ≤ d; `theta` (q,) are θ̂'s coordinates in it (θ̂ has none outside);
    `hessian` (q, q) is of the negative log posterior there, and prior·I outside.
    """

    basis: np.ndarray
    theta: np.ndarray
    hessian: np.ndarray
    prior: float

    def logits(self, phi: np.ndarray) -> np.ndarray:
        """φᵀθ̂ of each row (n, d), (n,)."""
        array: np.ndarray = (phi @ self.basis) @ self.theta
        return array

    def spread(self, phi: np.ndarray) -> np.ndarray:
        """√(φᵀΣ̂φ) of each row, (n,), Σ̂ the inverse of the Hessian."""
        inside = phi @ self.basis
        known = (inside * np.linalg.solve(self.hessian, inside.T).T).sum(axis=1)
        outside = np.maximum((phi**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        array: np.ndarray = np.sqrt(known + outside / self.prior)
        return array

    def information(self, phi: np.ndarray, stabiliser: float = 0.0) -> np.ndarray:
        """μ(1−μ) of each row, (n,), μ = σ(z), with |z| lowered by `stabiliser` times its spread, to 0 at most.

        Kveton et al. 2025, arXiv:2503.01076, for the stabiliser.
        """
        size = np.abs(self.logits(phi))
        return slope(np.maximum(size - stabiliser * self.spread(phi), 0.0) if stabiliser else size)


def unsure(logits: np.ndarray) -> np.ndarray:
    """1 − σ(|z|), in [0, ½], without overflow; not a number where z is none, so that selection names the pair."""
    small = np.exp(-np.abs(logits))
    return np.where(np.isfinite(logits), small / (1 + small), np.nan)


def slope(logits: np.ndarray) -> np.ndarray:
    """σ(z)(1 − σ(z)), in [0, ¼], as above."""
    wrong = unsure(logits)
    array: np.ndarray = wrong * (1 - wrong)
    return array


def bought(view: PoolView, signal: str) -> np.ndarray:
    """φ of the pairs this run has bought an a or b for, in the order of their labels, the better response first (m, d).

    A pair that was answered twice counts once, by its last answer.
    """
    row = {pair_id: n for n, pair_id in enumerate(view.picked.ids)}
    answers = {label.pair_id: label.answer for label in view.labels if label.trains and label.pair_id in row}
    sign = np.array([1.0 if answer == "a" else -1.0 for answer in answers.values()])
    phi = view.picked.difference(signal, unit_norm="off")
    array: np.ndarray = phi[[row[pair_id] for pair_id in answers]] * sign[:, None]
    return array


def fitted(preferred: np.ndarray, prior: float) -> LinearReward:
    """θ̂ = argmin Σ log(1 + exp(−φᵀθ)) + prior/2 ‖θ‖² over rows φ (m, d), better response first; Newton's method.

    θ̂ lies in the span of the rows, so it is looked for there: q = min(m, d) unknowns.
    """
    basis, triangle = np.linalg.qr(preferred.T)
    x, theta = triangle.T, np.zeros(basis.shape[1])
    hessian = prior * np.eye(len(theta))
    for _ in range(100):
        z = x @ theta
        wrong = 1 / (1 + np.exp(np.minimum(z, 700.0)))
        hessian = (x.T * slope(z)) @ x + prior * np.eye(len(theta))
        step = np.linalg.solve(hessian, prior * theta - x.T @ wrong)
        here = _loss(x, theta, prior)
        while len(step) and _loss(x, theta - step, prior) > here + 1e-12 * abs(here):
            step /= 2
        theta = theta - step
        if np.abs(step).max(initial=0.0) <= 1e-10 * (1 + np.abs(theta).max(initial=0.0)):
            break
    return LinearReward(basis, theta, hessian, prior)


def _loss(x: np.ndarray, theta: np.ndarray, prior: float) -> float:
    return float(np.logaddexp(0.0, -(x @ theta)).sum() + prior / 2 * theta @ theta)
