"""The terms that a recipe has by itself, and whether a strategy's own come to the score that its recipe ranks by."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import digamma

from engine.data.pool import PoolView
from engine.resume import unasked
from engine.selection.crowding import neighbourhoods
from engine.selection.dealing import dealt_to
from engine.selection.distances import squared_lengths
from engine.selection.execute import scores_of
from engine.selection.logdet import whitened
from engine.selection.recipes import Crowding, FacilityLocation, FarthestFirst, GreedyLogDet, Recipe, Shuffled
from engine.selection.terms import Term, Terms

CLOSE = 1e-6
"""Share of the largest score by which one may differ that its terms come to: they are worked out by another way."""
WRONG = (
    "The terms that {} names come to other scores than its recipe (by up to {:.2g}), so they are not shown. Its author "
    "has to mend `terms`."
)


def terms_of(own: Terms | None, recipe: Recipe, view: PoolView, check: Callable[[], None] = unasked) -> Terms | None:
    """The terms of what `recipe` ranks by: the strategy's `own`, or those that the recipe itself has; None: neither.

    A placebo's are dealt out to the pairs that its values went to.
    """
    if isinstance(recipe, Shuffled):
        found = terms_of(own, recipe.inner, view, check)
        given = dealt_to(view)
        return found and replace(found, of=tuple(replace(term, values=term.values[given]) for term in found.of))
    if own is not None:
        return own
    if isinstance(recipe, GreedyLogDet):
        return _of_design(recipe, check)
    if isinstance(recipe, FarthestFirst):
        return _of_cover(recipe, view, check)
    if isinstance(recipe, FacilityLocation):
        return _of_likeness(recipe, view, check)
    return _of_crowd(recipe, check) if isinstance(recipe, Crowding) else None


def not_the_score(terms: Terms, scores: np.ndarray, whose: str) -> str:
    """Why the terms are none of these scores (n,), in a sentence; "" where they come to them."""
    for term in terms.of:
        values = np.asarray(term.values)
        if values.shape != scores.shape or not np.isfinite(values).all():
            return f"{term.name!r}, a term of {whose}, has not one finite number for each of {len(scores):,} pairs."
    gap = float(np.abs(terms.composed() - scores).max(initial=0.0))
    size = float(np.abs(scores).max(initial=0.0))
    return "" if gap <= CLOSE * max(size, 1e-9) else WRONG.format(whose, gap)


def leverage(recipe: GreedyLogDet, phi: np.ndarray, check: Callable[[], None] = unasked) -> np.ndarray:
    """φᵀV⁻¹φ of each row of `phi` (n, d), (n,), where V is that of the recipe before its batch."""
    features = np.asarray(recipe.features, dtype=np.float64)
    past = np.asarray(recipe.past, dtype=np.float64).reshape(-1, features.shape[1])
    whole = features.T @ features if recipe.whole_pool else 0.0
    return squared_lengths(whitened(np.asarray(phi, dtype=np.float64), past, recipe.ridge, check, whole))


def crowd_terms(recipe: Crowding, check: Callable[[], None] = unasked) -> tuple[Term, Term]:
    """How empty it is around a pair's point, and how much of that was acquired: the two halves of the entropy term."""
    features = np.asarray(recipe.features, dtype=np.float64)
    points, which = np.unique(features, axis=0, return_inverse=True)
    past = np.asarray(recipe.past, dtype=np.float64).reshape(-1, features.shape[1])
    reach, taken = neighbourhoods(points, past, recipe.neighbour, check)
    rows = which.reshape(-1)
    return (
        Term("room around its prompt", "log(2D + 10⁻⁴)", np.log(2 * reach + 1e-4)[rows], "nats"),
        Term("labelled prompts nearby", "ψ(n + 1)", digamma(taken + 1)[rows], "nats"),
    )


def _of_design(recipe: GreedyLogDet, check: Callable[[], None]) -> Terms:
    features = np.asarray(recipe.features, dtype=np.float64)
    length = squared_lengths(features)
    if recipe.whole_pool:  # beside what the whole pool says nothing is left of ‖φ‖²/λ but its rounding
        unit = features / np.sqrt(np.where(length > 0, length, 1.0))[:, None]
        return Terms(
            (
                Term("squared length", "‖φ‖²", length),
                Term("how little the pool says of its direction", "uᵀV⁻¹u", leverage(recipe, unit, check)),
            ),
            "a = ‖φ‖² uᵀV⁻¹u, u = φ/‖φ‖",
            lambda long, far: long * far,
        )
    alone = length / recipe.ridge
    first = Term("with nothing labelled", "‖φ‖²/λ", alone)
    if not len(np.asarray(recipe.past)):
        return Terms((first,), f"a = ‖φ‖²/λ, λ = {recipe.ridge:g}", lambda before: before)
    return Terms(
        (
            first,
            Term("lost to labelled pairs", "φᵀV⁻¹φ − ‖φ‖²/λ", leverage(recipe, features, check) - alone),
        ),
        f"a = φᵀV⁻¹φ, the sum of both; λ = {recipe.ridge:g}",
        lambda before, less: before + less,
    )


def _of_cover(recipe: FarthestFirst, view: PoolView, check: Callable[[], None]) -> Terms:
    distance = scores_of(recipe, view, check)
    assert distance is not None  # noqa: S101 - a design scores every pair
    if not len(np.asarray(recipe.past)):
        length = np.sqrt(squared_lengths(np.asarray(recipe.features, dtype=np.float64)))
        term = Term("length, nothing being labelled", "‖φ‖", length)
        return Terms((term,), "a = ‖φ‖", lambda one: one)
    symbol = "min ‖φ ± φⱼ‖" if recipe.either_sign else "min ‖φ − φⱼ‖"
    term = Term("distance to the nearest labelled pair", symbol, distance)
    return Terms((term,), f"a = {term.symbol}", lambda one: one)


def _of_likeness(recipe: FacilityLocation, view: PoolView, check: Callable[[], None]) -> Terms:
    """What a pair would stand for with nothing labelled, and how much of that labelled pairs stand for already."""
    alone = scores_of(replace(recipe, past=np.asarray(recipe.past)[:0]), view, check)
    now = scores_of(recipe, view, check)
    assert alone is not None and now is not None  # noqa: S101, PT018 - a design scores every pair
    return Terms(
        (
            Term("with nothing labelled", "Σ s(i, j)", alone, "pairs"),
            Term("stood for by labelled pairs", "Σ min(s(i, j), max s(i, l))", alone - now, "pairs"),
        ),
        "a = the first less the second",
        lambda before, known: before - known,
    )


def _of_crowd(recipe: Crowding, check: Callable[[], None]) -> Terms:
    room, crowd = crowd_terms(recipe, check)
    value = Term("value of the pair alone", "u", np.asarray(recipe.values, dtype=np.float64), "nats")
    return Terms(
        (value, room, crowd),
        f"a = u + β[log(2D + 10⁻⁴) − ψ(n + 1)/d], β = {recipe.weight:g}, d = {recipe.dimension:g}",
        lambda u, wide, near: u + recipe.weight * (wide - near / recipe.dimension),
    )
