"""Batch designs: each pick with its score before the batch, its worth given the picks before it, and why."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.selection import on_device
from engine.selection.distances import d2_sampling, farthest_first, squared_distances, squared_lengths
from engine.selection.logdet import greedy_log_det, whitened
from engine.selection.recipes import FarthestFirst, GreedyLogDet, KMeansPlusPlus
from engine.selection.rows import Chosen, Rows


def log_det(recipe: GreedyLogDet, rows: Rows, k: int) -> Chosen:
    """Score: φᵀV⁻¹φ before the batch; gain: the same when it was picked."""
    features, past = rows.finite(recipe.features), _past(recipe.past, recipe.features)
    space, known, ridge = features, past, recipe.ridge
    if recipe.whole_pool:
        space = whitened(features, past, ridge, rows.check, features.T @ features)
        known, ridge = past[:0], 1.0
    among = _narrowed(recipe, rows)
    if recipe.in_batch and among is None and k and on_device.usable(rows.device, features):
        picked, before, gains = on_device.greedy_log_det(space, known, ridge, k, rows)
    else:
        picked, before, gains = greedy_log_det(space, known, ridge, k, rows.tie, recipe.in_batch, rows.check, among)
    return Chosen(picked, before, gains, _nearest_cosine(features[picked], past, rows.view.picked.ids))


def k_means_plus_plus(recipe: KMeansPlusPlus, rows: Rows, k: int) -> Chosen:
    """Score: squared length; gain: squared distance to the nearest pick before it."""
    features = rows.finite(recipe.features)
    sampled = on_device.d2_sampling if k and on_device.usable(rows.device, features) else d2_sampling
    picked, gains, chances = sampled(
        features, k, rows, drawn_first=recipe.first == "drawn", either_sign=recipe.either_sign
    )
    return Chosen(picked, squared_lengths(features), gains, [{"chance_when_drawn": chance} for chance in chances])


def k_center(recipe: FarthestFirst, rows: Rows, k: int) -> Chosen:
    """Score: distance to the nearest past pick; gain: to the nearest of past picks and picks before it."""
    features, past = rows.finite(recipe.features), _past(recipe.past, recipe.features)
    covered = on_device.farthest_first if k and on_device.usable(rows.device, features) else farthest_first
    picked, before, gains = covered(features, past, k, rows, either_sign=recipe.either_sign)
    why: Sequence[Mapping[str, float | str]] = ()
    if len(past) and picked:
        distance = np.sqrt(squared_distances(features[picked], past, recipe.either_sign))
        near = distance.argmin(axis=1)
        why = [
            {"nearest_pair": rows.view.picked.ids[m], "nearest_distance": float(distance[n, m])}
            for n, m in enumerate(near)
        ]
    return Chosen(picked, before, gains, why)


def _past(past: np.ndarray, features: np.ndarray) -> np.ndarray:
    return np.asarray(past, dtype=np.float64).reshape(-1, np.asarray(features).shape[1])


def _narrowed(recipe: GreedyLogDet, rows: Rows) -> Callable[[np.ndarray], np.ndarray] | None:
    """Which of the open rows, as a mask (n,), a pick is made of; None where all of them are."""
    subset = _subsets(rows, recipe.among) if recipe.among else None
    if not recipe.per_prompt:
        return subset
    number = np.unique(np.array(rows.prompts), return_inverse=True)[1].reshape(-1)

    def in_turn(open_: np.ndarray) -> np.ndarray:
        taken = np.bincount(number[~open_], minlength=len(number))[number]
        left = open_ & (taken == taken[open_].min())
        return subset(left) if subset else left

    return in_turn


def _subsets(rows: Rows, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """For each pick the mask of at most `size` open rows, drawn anew."""
    stream = rows.stream("subset")

    def draw(open_: np.ndarray) -> np.ndarray:
        there = np.flatnonzero(open_)
        mask = np.zeros(len(open_), dtype=bool)
        mask[stream.choice(there, min(size, len(there)), replace=False)] = True
        return mask

    return draw


def _nearest_cosine(picks: np.ndarray, past: np.ndarray, names: Sequence[str]) -> list[dict[str, float | str]]:
    """For each pick the past pick it is most alike, whichever way round: |cos|."""
    found: list[dict[str, float | str]] = []
    lengths = np.linalg.norm(past, axis=1)
    for pick in picks if len(past) else ():
        norms = lengths * np.linalg.norm(pick)
        cosine = np.abs(past @ pick) / np.where(norms > 0, norms, 1.0)
        found.append({"nearest_pair": names[int(cosine.argmax())], "nearest_cosine": float(cosine.max())})
    return found
