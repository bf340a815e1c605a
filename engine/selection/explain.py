"""What a pick's score is made of, read off its recipe and its signals, and what would be picked in its place."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.data.pool import PoolView, rows_of
from engine.records import SignalArray
from engine.resume import unasked
from engine.selection.dealing import dealt_out
from engine.selection.distances import squared_distances, squared_lengths
from engine.selection.execute import execute, spread
from engine.selection.logdet import whitened
from engine.selection.ranking import kept_prompts
from engine.selection.recipes import (
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
from engine.selection.rows import Rows
from engine.selection.terms import Terms

AGAIN = 5_000_000
"""Pairs times picks up to which a recipe without a shorter way is run once more for every pick; a design, whose picks
change one another's worth, up to a tenth of it."""
_AT_ONCE = 4096
Nobody = tuple[list["Instead | None"], str]


@dataclass(frozen=True)
class Part:
    """One term of a pick's score. `percentile`: how much of the pool, in percent, has less of it (equal ones count by
    half), of a signed term by its size; None where that says nothing. `note` says more in words; `symbol` is how the
    formula names it; `read`: a signal said it, it is no step of the recipe."""

    name: str
    value: float
    unit: str = ""
    percentile: float | None = None
    note: str = ""
    read: bool = False
    symbol: str = ""


@dataclass(frozen=True)
class Instead:
    """The pair that would stand in a pick's place, the other picks being as they are, and its worth there."""

    pair_id: str
    worth: float | None = None


def parts_of(recipe: Recipe, view: PoolView, picks: Sequence[str], terms: Terms | None = None) -> list[list[Part]]:
    """For each pick (a pair id of the view) what it passes on the way to its score, and the terms of the score."""
    if isinstance(recipe, Shuffled):
        recipe = dealt_out(recipe.inner, view)
    row = {pair_id: n for n, pair_id in enumerate(view.ids)}
    at = np.array([row[pick] for pick in picks], dtype=int)
    found: list[list[Part]] = _of_two_stages(recipe, view, at) if isinstance(recipe, TwoStage) else [[] for _ in picks]
    for term in terms.of if terms else ():
        for parts, part in zip(found, _terms(term.name, term.values, at, term.unit, by_size=term.signed), strict=True):
            parts.append(replace(part, symbol=term.symbol))
    return found


def read_of(signal: SignalArray, title: str, view: PoolView, picks: Sequence[str], *, signed: bool) -> list[list[Part]]:
    """For each pick what this signal said of it; of vectors how alike the two sides are, or how long a pair's is."""
    found = _said(signal, title, view, picks, signed=signed)
    return [[replace(part, read=True) for part in parts] for parts in found]


def _said(signal: SignalArray, title: str, view: PoolView, picks: Sequence[str], *, signed: bool) -> list[list[Part]]:
    row = {pair_id: n for n, pair_id in enumerate(view.ids)}
    at = np.array([row[pick] for pick in picks], dtype=int)
    places = rows_of(signal, view.pairs)
    if signal.values.ndim == 1 and signal.axis != "response":
        name = f"{title}, a minus b" if signed else title
        return [[part] for part in _terms(name, signal.values[places], at, signal.unit, by_size=signed)]
    if signal.values.ndim == 1:
        a, b = (signal.values[places[:, side]].astype(np.float64) for side in (0, 1))
        found = _terms(f"{title}, a minus b", a - b, at, signal.unit, by_size=True)
        return [[replace(part, note=f"a {a[n]:.4g}, b {b[n]:.4g}")] for part, n in zip(found, at, strict=True)]
    if signal.axis == "response" and signal.unit == "reward units":  # members of an ensemble
        gap = np.array([signal.values[i].astype(np.float64) - signal.values[j] for i, j in places])
        mean = _terms(f"{title}, mean of a minus b", gap.mean(axis=1), at, signal.unit, by_size=True)
        apart = _terms(f"{title}, spread of a minus b", gap.std(axis=1), at, signal.unit)
        return [list(pair) for pair in zip(mean, apart, strict=True)]
    if signal.axis == "response":
        return [
            [part] for part in _terms(f"{title}, cosine of a and b", _cosines(signal.values, places), at, "no unit")
        ]
    if signal.axis == "pair":
        length = np.sqrt(squared_lengths(signal.values.astype(np.float64)))
        return [[part] for part in _terms(f"{title}, length", length[places], at, signal.unit)]
    return [[] for _ in picks]


def instead_of(
    recipe: Recipe,
    view: PoolView,
    picks: Sequence[str],
    check: Callable[[], None] = unasked,
    without: Collection[str] = (),
    of: int | None = None,
) -> Nobody:
    """For each pick what would be picked in its place, the other picks kept; and why, where that is not said.

    With `of` only the first so many picks are asked about; the others stand beside them all the same.

    Of designs whose worth depends on the batch, the open pair that adds most to the others; of the rest what the recipe
    takes from a pool without the pick. Pairs in `without` are not wanted. `check` is called now and then and may raise.
    """
    if isinstance(recipe, Shuffled):
        recipe = dealt_out(recipe.inner, view)
    if view.one_per_prompt:
        recipe = spread(recipe)
    if without:
        recipe, view = _less(
            recipe, view, [row for row, pair_id in enumerate(view.ids) if pair_id not in without], view.k
        )
    n = len(picks) if of is None else of
    if len(view) <= len(picks):
        return [None] * n, "The batch is the whole pool: nothing is left that could be picked."
    if isinstance(recipe, KMeansPlusPlus):
        return [None] * n, "Every pick of this design is a draw, so there is no one pair in its place."
    if isinstance(recipe, GreedyLogDet) and recipe.in_batch and not recipe.among:
        return _most_added(_log_det_without, recipe, view, picks, check, n), ""
    if isinstance(recipe, FarthestFirst):
        return _most_added(_k_center_without, recipe, view, picks, check, n), ""
    if _in_line(recipe):
        return [_newcomer(recipe, view, None, picks, check)] * n, ""
    design = hasattr(recipe, "features") and getattr(recipe, "in_batch", True)
    if len(view) * n > (AGAIN // 10 if design else AGAIN):
        each = "each of its picks" if of is None else f"each of {n:,} of its picks"
        return [None] * n, (
            f"Not worked out: the batch of {len(picks):,} would have to be chosen anew from {len(view):,} pairs for "
            f"{each}."
        )
    return [_newcomer(recipe, view, pick, picks, check) for pick in picks[:n]], ""


def _in_line(recipe: Recipe) -> bool:
    """Whether one order of all pairs decides, so that the next behind the batch stands in for any of it."""
    if isinstance(recipe, GreedyLogDet):
        return not recipe.in_batch and not recipe.among and not recipe.per_prompt
    return isinstance(recipe, Uniform | GumbelTopK | Scores) and not recipe.per_prompt


def _newcomer(
    recipe: Recipe, view: PoolView, without: str | None, picks: Sequence[str], check: Callable[[], None]
) -> Instead | None:
    """What the recipe takes from a pool without that pair and is not in the batch; without None: of one pick more."""
    check()
    rows = [row for row, pair_id in enumerate(view.ids) if pair_id != without]
    some, of_some = _less(recipe, view, rows, len(picks) + (without is None))
    found = execute(some, of_some, check)
    there = set(picks)
    new = next((pick for pick in found if pick.pair_id not in there), None)
    return None if new is None else Instead(new.pair_id, new.score if new.gain is None else new.gain)


def _less(recipe: Recipe, view: PoolView, rows: Sequence[int], k: int) -> tuple[Recipe, PoolView]:
    """Recipe and view over those rows of the view, `k` to be picked."""
    some = PoolView(
        [view.pairs[row] for row in rows], {}, k=k, seed=view.seed, round_number=view.round,
        picked=view.picked.pairs, picked_values={}, one_per_prompt=view.one_per_prompt,
    )  # fmt: skip
    held = {name: getattr(recipe, name)[rows] for name in ("values", "features", "prompt_values")
            if hasattr(recipe, name)}  # fmt: skip
    return replace(recipe, **held), some


def _most_added(
    worths: Callable[..., Callable[[int], np.ndarray]],
    recipe: GreedyLogDet | FarthestFirst,
    view: PoolView,
    picks: Sequence[str],
    check: Callable[[], None],
    n: int,
) -> list[Instead | None]:
    """For each of the first `n` picks the open row of highest worth given the past and the other picks; `worths` gives
    the worth of every row. A recipe that goes from prompt to prompt takes it of a prompt that the others have least."""
    rows = Rows.of(view, check)
    prompts = np.unique(np.array(rows.prompts), return_inverse=True)[1].reshape(-1)
    by_prompt = isinstance(recipe, GreedyLogDet) and recipe.per_prompt
    place = {pair_id: n for n, pair_id in enumerate(rows.ids)}
    batch = np.array([place[pick] for pick in picks], dtype=int)
    features = rows.finite(recipe.features)
    past = np.asarray(recipe.past, dtype=np.float64).reshape(-1, features.shape[1])
    worth_without = worths(recipe, features, past, batch, check)
    found: list[Instead | None] = []
    for number in range(n):
        check()
        worth = worth_without(number)
        if by_prompt:
            taken = np.bincount(prompts[np.delete(batch, number)], minlength=len(prompts))[prompts]
            worth[taken > np.delete(taken, batch).min()] = -np.inf
        worth[batch] = -np.inf
        best = rows.best(worth)
        found.append(Instead(rows.ids[best], float(worth[best])))
    return found


def _log_det_without(
    recipe: GreedyLogDet, features: np.ndarray, past: np.ndarray, batch: np.ndarray, check: Callable[[], None]
) -> Callable[[int], np.ndarray]:
    """φᵀV⁻¹φ of every row, V with all picks but one, from V with all of them by Sherman and Morrison 1950:
    (V − ψψᵀ)⁻¹ = V⁻¹ + V⁻¹ψψᵀV⁻¹ / (1 − ψᵀV⁻¹ψ)."""
    whole = features.T @ features if recipe.whole_pool else 0.0
    space = whitened(features, np.concatenate([past, features[batch]]), recipe.ridge, check, whole)
    worth, across = squared_lengths(space), space @ space[batch].T
    return lambda n: np.asarray(worth + across[:, n] ** 2 / (1.0 - worth[batch[n]]))


def _k_center_without(
    recipe: FarthestFirst, features: np.ndarray, past: np.ndarray, batch: np.ndarray, check: Callable[[], None]
) -> Callable[[int], np.ndarray]:
    """Distance of every row to the nearest of the past and of all picks but one; its length where there are none."""
    to_batch = squared_distances(features, features[batch], recipe.either_sign)
    to_past = np.full(len(features), np.inf)
    for start in range(0, len(features) if len(past) else 0, _AT_ONCE):
        check()
        part = slice(start, start + _AT_ONCE)
        to_past[part] = squared_distances(features[part], past, recipe.either_sign).min(axis=1)

    def worth(number: int) -> np.ndarray:
        near = np.minimum(to_past, np.delete(to_batch, number, axis=1).min(axis=1, initial=np.inf))
        return np.sqrt(np.where(np.isfinite(near), near, squared_lengths(features)))

    return worth


def _of_two_stages(recipe: TwoStage, view: PoolView, at: np.ndarray) -> list[list[Part]]:
    """Where the pick's prompt stands among all, and how many of them were kept."""
    values = np.asarray(recipe.prompt_values, dtype=np.float64)
    rows = Rows.of(view)
    kept = len(kept_prompts(recipe, rows.finite(values), rows, view.k))
    of_prompt = dict(zip(view.prompt_ids, values, strict=True))
    every = np.array(list(of_prompt.values()))
    if every.min() == every.max():
        note = f"all {len(every):,} prompts have the same, so {kept:,} of them are drawn"
        return [[Part("value of its prompt", float(values[row]), note=note)] for row in at]
    ranks = [1 + int((every > values[row]).sum()) for row in at]
    return [
        [Part("prompt's rank", rank, note=f"of {len(every):,} prompts; the first {kept:,} are kept")] for rank in ranks
    ]


def _terms(name: str, values: np.ndarray, at: np.ndarray, unit: str, *, by_size: bool = False) -> list[Part]:
    """One part a pick of a term that every pair has, (n,)."""
    size = np.abs(values) if by_size else np.asarray(values)
    order = np.sort(size)
    below, upto = (np.searchsorted(order, size[at], side=side) for side in ("left", "right"))
    share = 50.0 * (below + upto) / len(order)
    even = bool(order[0] == order[-1])
    return [
        Part(name, float(values[row]), unit, None if even else float(percent))
        for row, percent in zip(at, share, strict=True)
    ]


def _cosines(vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Cosine of both sides of every pair (n,), block by block; 0 where a side has no length."""
    found = np.zeros(len(places))
    for start in range(0, len(places), _AT_ONCE):
        a, b = (vectors[places[start : start + _AT_ONCE, side]].astype(np.float64) for side in (0, 1))
        lengths = np.sqrt(squared_lengths(a) * squared_lengths(b))
        found[start : start + _AT_ONCE] = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return found
