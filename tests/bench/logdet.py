"""How much faster is the lazy greedy log-determinant than inverting V for every pick, and than updating every score?"""

from dataclasses import replace

import numpy as np

from engine.selection.logdet import greedy_log_det
from tests.bench._harness import Outcome, Way, agree, race, row, same, setting
from tests.bench._vectors import draws, of_one_length, unit_differences

N, D, K, RIDGE = 50_000, 256, 256, 0.1
TIMED = (0, 85, 170, 255)
"""The picks of which inverting is timed: all of them would take minutes."""


def measure(n: int = N, d: int = D, k: int = K, *, quick: bool = False) -> list[str]:
    """C6, on features of varied length and on those where a lazy greedy has least to leave out."""
    lines = [f"C6 {n:,} pairs, d = {d}, k = {k}; {setting('numpy', 'scipy', dtype='float64')}"]
    for what, features in {"differences": unit_differences(n, d), "all of one length": of_one_length(n, d)}.items():
        tie = draws(n)
        ours = Way("lazy", lambda f=features, t=tie: greedy_log_det(f, f[:0], RIDGE, k, t))
        peer = Way("updating every score", lambda f=features, t=tie: updating(f, k, t))
        picks = ours.work()[0]
        some = [step for step in TIMED if step < k]
        naive = Way("inverting V", lambda f=features, p=picks, t=tie, s=some: [inverting(f, p[:n], t) for n in s])
        lazy, every, inverted = race(ours, peer, replace(naive, warm_up=0), quick=quick)
        agreed = [
            same("picks", lazy.result[0], every.result[0]),
            same(f"picks where inverted, {len(some)} of {k}", inverted.result, [picks[step] for step in some]),
            agree("gains", float(np.abs(np.array(lazy.result[2]) / every.result[1] - 1).max()), 1e-8),
        ]
        whole = _scaled(inverted, k / len(some))
        hard = what == "all of one length"
        lines.append(row("C6", f"log-det, {what}", whole, lazy, None if hard else 100, f"timed on {len(some)} picks"))
        lines.append(row("C6", f"log-det, {what}", every, lazy, None if hard else 3, "; ".join(agreed)))
    return lines


def updating(features: np.ndarray, k: int, tie: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Every score is brought up to date after every pick: one product of all features with a vector."""
    inverse = np.eye(features.shape[1]) / RIDGE
    scores = np.einsum("ij,ij->i", features, features) / RIDGE
    picked, gains = list[int](), np.empty(k)
    for step in range(k):
        tied = np.flatnonzero(scores >= scores.max() * (1 - 1e-10))
        row = int(tied[np.argmin(tie[tied])])
        v = inverse @ features[row] / np.sqrt(1 + scores[row])
        picked.append(row)
        gains[step] = scores[row]
        scores -= (features @ v) ** 2
        inverse -= np.outer(v, v)
        scores[row] = -np.inf
    return picked, gains


def inverting(features: np.ndarray, picked: list[int], tie: np.ndarray) -> int:
    """The next pick after those: V inverted, and φᵀV⁻¹φ of every row."""
    inverse = np.linalg.inv(RIDGE * np.eye(features.shape[1]) + features[picked].T @ features[picked])
    scores = ((features @ inverse) * features).sum(axis=1)
    scores[picked] = -np.inf
    tied = np.flatnonzero(scores >= scores.max() * (1 - 1e-10))
    return int(tied[np.argmin(tie[tied])])


def _scaled(found: Outcome, times: float) -> Outcome:
    return replace(found, seconds=tuple(times * spent for spent in found.seconds))
