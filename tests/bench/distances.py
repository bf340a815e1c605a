"""How much faster are k-means++ and k-center than with the library's functions, a read of the features a pick?"""

import math
from collections.abc import Callable

import numpy as np

from engine.selection.distances import d2_sampling, farthest_first
from engine.selection.rows import Rows
from tests.bench._harness import Way, agree, is_there, race, row, same, setting, skipped
from tests.bench._vectors import of_clusters, of_one_length, unit_differences
from tests.engine.selection.test_execute import view_of

N, D, K = 50_000, 256, 256
CLUSTERED, CLUSTERS, PICKS, SEEDS = (4_000, 32), 64, 128, 8
"""Of the vectors at which the drawing is judged, (n, d), and how often; the same at every size of the benchmark."""
POTENTIAL = 0.02


def measure(n: int = N, d: int = D, k: int = K, *, quick: bool = False) -> list[str]:
    """C7."""
    if not is_there("sklearn"):
        return [skipped("C7", "k-means++ and k-center", "scikit-learn")]
    features, even, rows = unit_differences(n, d), of_one_length(n, d), rows_of(n, k)
    drawn, single, several = race(
        Way("k-means++", lambda: d2_sampling(even, k, rows, drawn_first=True, either_sign=False)[0]),
        Way("scikit-learn's kmeans_plusplus with 1 trial a pick", lambda: _library_plus_plus(even, k, trials=1)),
        Way(f"scikit-learn's kmeans_plusplus, its default of {2 + int(math.log(k))} trials a pick",
            lambda: _library_plus_plus(even, k), turns=3),
        quick=quick,
    )  # fmt: skip
    ours, theirs = (potential(even, found.result) for found in (drawn, several))
    agreed = f"{single.median / drawn.median:.1f} × {single.name}; {drawn_alike()}; "
    agreed += agree("on these, potential above theirs by", ours / theirs - 1, POTENTIAL)
    first, loop = race(
        Way("k-center", lambda: farthest_first(features, features[:0], k, rows, either_sign=False)[0]),
        Way("a loop of pairwise_distances", lambda: _library_center(features, k)),
        quick=quick,
    )
    small = features[: min(n, 5_000)]
    return [
        f"C7 {n:,} pairs, d = {d}, k = {k}; {setting('numpy', 'scikit-learn', dtype='float64')}",
        row("C7", "k-means++, 1 trial a pick, features of one length", several, drawn, 4, agreed),
        "C7 " + _luck(features[: min(n, 5_000)], k // 2),
        row("C7", "k-center", loop, first, 2, same("picks", first.result, loop.result)),
        "C7 " + same("picks as by the definition, 5 of the first 5,000", *_by_definition(small, 5)),
    ]


def rows_of(n: int, k: int, seed: int = 1) -> Rows:
    """A pool of n pairs, whose rows are those of the features."""
    return Rows.of(view_of(n, k, seed=seed))


Drawing = Callable[[np.ndarray, int, int], list[int]]
"""Rows of features (n, d), so many of them, by a seed."""


def _ours(features: np.ndarray, k: int, seed: int) -> list[int]:
    return d2_sampling(features, k, rows_of(len(features), k, seed), drawn_first=True, either_sign=False)[0]


def drawn_alike(drawing: Drawing = _ours) -> str:
    """In clusters, where drawing evenly leaves many out: mean potentials, against the library's with one trial."""
    features = of_clusters(*CLUSTERED, CLUSTERS)
    ours, theirs = (
        np.mean([potential(features, draw(features, PICKS, seed)) for seed in range(SEEDS)])
        for draw in (drawing, lambda features, k, seed: _library_plus_plus(features, k, seed, 1))
    )
    what = f"in {CLUSTERS} clusters, {SEEDS} seeds, mean potential from theirs with 1 trial"
    return agree(what, float(abs(ours / theirs - 1)), POTENTIAL)


def _luck(features: np.ndarray, k: int, seeds: int = 6) -> str:
    """Potentials where lengths vary: one draw a pick, as BADGE has it, against the library's best of several."""
    n = len(features)
    one = [potential(features, _ours(features, k, s)) for s in range(seeds)]
    theirs = [potential(features, _library_plus_plus(features, k, s, 1)) for s in range(seeds)]
    best = [potential(features, _library_plus_plus(features, k, s)) for s in range(seeds)]
    return (
        f"where lengths vary ({n:,} pairs, k = {k}, {seeds} seeds) ours is {np.mean(one):,.0f} ± {np.std(one):,.0f}, "
        f"theirs with one draw a pick {np.mean(theirs):,.0f} ± {np.std(theirs):,.0f}, "
        f"with the best of several {np.mean(best):,.0f} ± {np.std(best):,.0f}"
    )


def potential(features: np.ndarray, picked: list[int]) -> float:
    """Σ of every row's squared distance to the nearest picked."""
    nearest = np.full(len(features), np.inf)
    lengths = np.einsum("ij,ij->i", features, features)
    for row_ in picked:
        np.minimum(nearest, lengths + lengths[row_] - 2 * (features @ features[row_]), out=nearest)
    return float(np.maximum(nearest, 0).sum())


def _library_plus_plus(features: np.ndarray, k: int, seed: int = 0, trials: int | None = None) -> list[int]:
    from sklearn.cluster import kmeans_plusplus

    return [int(row_) for row_ in kmeans_plusplus(features, k, random_state=seed, n_local_trials=trials)[1]]


def _library_center(features: np.ndarray, k: int) -> list[int]:
    from sklearn.metrics import pairwise_distances

    picked = [int(np.argmax(np.linalg.norm(features, axis=1)))]
    nearest = np.full(len(features), np.inf)
    while len(picked) < k:
        np.minimum(nearest, pairwise_distances(features, features[[picked[-1]]])[:, 0], out=nearest)
        nearest[picked[-1]] = -np.inf
        picked.append(int(np.argmax(nearest)))
    return picked


def _by_definition(features: np.ndarray, k: int) -> tuple[list[int], list[int]]:
    picked = [int(np.argmax(np.linalg.norm(features, axis=1)))]
    while len(picked) < k:
        apart = [np.linalg.norm(features - features[row_], axis=1) for row_ in picked]
        picked.append(int(np.argmax(np.min(apart, axis=0))))
    found = farthest_first(features, features[:0], k, rows_of(len(features), k), either_sign=False)[0]
    return found, picked
