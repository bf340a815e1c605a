"""Executes a recipe: k distinct pairs, best first, with the numbers that explain each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np

from engine.data.pool import PoolView
from engine.errors import SelectionError
from engine.records import Pick
from engine.resume import unasked
from engine.selection import designs, ranking
from engine.selection.crowding import crowded
from engine.selection.dealing import dealt_out
from engine.selection.facility import located
from engine.selection.recipes import (
    Band,
    Crowding,
    Dealt,
    FacilityLocation,
    FarthestFirst,
    GreedyLogDet,
    GumbelTopK,
    KMeansPlusPlus,
    Recipe,
    Scores,
    Shuffled,
    TwoStage,
    Uniform,
)
from engine.selection.rows import Chosen, Rows

HOW: Mapping[type, Callable[[Any, Rows, int], Chosen]] = {
    Uniform: ranking.at_random,
    Scores: ranking.highest,
    Band: ranking.in_band,
    TwoStage: ranking.in_two_stages,
    GumbelTopK: ranking.by_lot,
    GreedyLogDet: designs.log_det,
    KMeansPlusPlus: designs.k_means_plus_plus,
    FarthestFirst: designs.k_center,
    FacilityLocation: located,
    Crowding: crowded,
}
"""Recipe → what runs it: (recipe, rows, k) → what is chosen; with k = 0 the scores alone."""


def execute(
    recipe: Recipe, view: PoolView, check: Callable[[], None] = unasked, device: str | None = None
) -> list[Pick]:
    """`view.k` picks. SelectionError if the pool is too small or a score is not finite.

    `check` is called before each pick of a batch design and may raise to end it there. On `device` ("cuda:0") torch
    runs the large ones, and asks `check` now and then; without it numpy runs all.
    """
    return executed(recipe, view, check, device)[0]


def executed(
    recipe: Recipe, view: PoolView, check: Callable[[], None] = unasked, device: str | None = None
) -> tuple[list[Pick], np.ndarray | None]:
    """What `execute` picks and what `scores_of` says, of one execution: what both need is computed once."""
    if view.k > len(view):
        raise SelectionError(
            f"{view.k} pairs were asked for, {len(view)} are left in the pool.",
            f"Ask for at most {len(view)}, or add pairs.",
        )
    if view.k == 0:
        return [], scores_of(recipe, view, check)
    rows = Rows.of(view, check, device)
    chosen = _chosen(recipe, rows, view.k)
    return _picks(chosen, rows), _as_in_view(chosen.before, rows)


def scores_of(recipe: Recipe, view: PoolView, check: Callable[[], None] = unasked) -> np.ndarray | None:
    """What each pair of the view gets before the batch, (n,) in the view's order; None where nothing is scored."""
    rows = Rows.of(view, check)
    return _as_in_view(None if isinstance(recipe, Uniform) else _chosen(recipe, rows, 0).before, rows)


def _as_in_view(before: np.ndarray | None, rows: Rows) -> np.ndarray | None:
    if before is None:
        return None
    found = np.empty(len(before))
    found[rows.by_id] = before
    return found


def _chosen(recipe: Recipe, rows: Rows, k: int) -> Chosen:
    if isinstance(recipe, Shuffled):
        recipe = dealt_out(recipe.inner, rows.view)
    if rows.view.one_per_prompt:
        recipe = spread(recipe)
    return HOW[type(recipe)](recipe, rows, k)


def spread(recipe: Dealt | Uniform) -> Dealt | Uniform:
    """With one pair of every prompt before any prompt's second; SelectionError of a design that has no such order."""
    if isinstance(recipe, KMeansPlusPlus | FarthestFirst | FacilityLocation | Crowding):
        raise SelectionError(
            f"One pair a prompt is asked for, and a batch by {type(recipe).__name__} has no order to keep it in.",
            "Leave `one_per_prompt` out, or take another strategy.",
        )
    return replace(recipe, per_prompt=True)


def _picks(chosen: Chosen, rows: Rows) -> list[Pick]:
    """With its score every pick says its place in the pool's order of scores."""
    if chosen.before is None:
        return [Pick(rows.ids[row], rank) for rank, row in enumerate(chosen.rows, start=1)]
    place = {row: n for n, row in enumerate(rows.ranked(chosen.before), start=1)}
    return [
        Pick(
            rows.ids[row],
            rank,
            score=float(chosen.before[row]),
            gain=None if gain is None else float(gain),
            why={"rank_in_pool": float(place[row]), **(why or {})},
        )
        for rank, (row, gain, why) in enumerate(zip_longest(chosen.rows, chosen.gains, chosen.why), start=1)
    ]
