"""Recipes over one value a pair: the order in which pairs are taken."""

from collections.abc import Sequence

import numpy as np

from engine.seeds import uniforms
from engine.selection.recipes import Band, GumbelTopK, Scores, TwoStage, Uniform
from engine.selection.rows import Chosen, Rows


def at_random(recipe: Uniform, rows: Rows, k: int) -> Chosen:
    """Every pair alike, in the order of a draw keyed by its id."""
    view = rows.view
    draw = uniforms(view.seed, view.round, f"draw {recipe.draw}", rows.ids) if recipe.draw else rows.tie
    order = [int(row) for row in np.argsort(draw)]
    return Chosen((_one_per_prompt_first(order, rows.prompts) if recipe.per_prompt else order)[:k])


def highest(recipe: Scores, rows: Rows, k: int) -> Chosen:
    """The k highest, or every prompt's highest before any prompt's second."""
    values = rows.finite(recipe.values)
    ranked = rows.ranked(values)
    return Chosen((_one_per_prompt_first(ranked, rows.prompts) if recipe.per_prompt else ranked)[:k], values)


def in_band(recipe: Band, rows: Rows, k: int) -> Chosen:
    """The middle of the order, or half from each end (the odd one from the top)."""
    values = rows.finite(recipe.values)
    ranked = rows.ranked(values)
    if recipe.per_prompt:
        return Chosen(_one_per_prompt_first(_from_the_band_on(recipe, ranked), rows.prompts)[:k], values)
    if recipe.where == "middle":
        start = (len(ranked) - k) // 2
        return Chosen(ranked[start : start + k], values)
    top = (k + 1) // 2
    return Chosen(ranked[:top] + ranked[top:][::-1][: k - top], values)


def in_two_stages(recipe: TwoStage, rows: Rows, k: int) -> Chosen:
    """The highest among the pairs of the prompts that are kept."""
    values = rows.finite(recipe.values)
    kept = kept_prompts(recipe, rows.finite(recipe.prompt_values), rows, k)
    ranked = [row for row in rows.ranked(values) if rows.prompts[row] in kept]
    return Chosen((_one_per_prompt_first(ranked, rows.prompts) if recipe.per_prompt else ranked)[:k], values)


def by_lot(recipe: GumbelTopK, rows: Rows, k: int) -> Chosen:
    """The k highest after Gumbel noise keyed by pair: the same as drawing one after another without replacement."""
    values = rows.finite(recipe.values)
    strength = recipe.coldness * _log_weight(recipe, rows, values)
    view = rows.view
    uniform = np.clip(uniforms(view.seed, view.round, "gumbel", rows.ids), np.finfo(float).tiny, 1 - 2.0**-53)
    drawn = rows.ranked(strength - np.log(-np.log(uniform)))
    order = (_one_per_prompt_first(drawn, rows.prompts) if recipe.per_prompt else drawn)[:k]
    with np.errstate(invalid="ignore"):  # all weights 0: no chance is to be had of them
        share = np.nan_to_num(np.exp(strength - strength.max(initial=-np.inf)))
    total = share.sum()
    why = [{"chance_of_first_draw": float(share[row] / total) if total else 1 / len(values)} for row in order]
    return Chosen(order, values, why=why)


def _log_weight(recipe: GumbelTopK, rows: Rows, values: np.ndarray) -> np.ndarray:
    """Logarithm of a pair's weight at coldness 1, (n,)."""
    if recipe.kind == "softmax":
        return values
    if recipe.kind == "power":
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(values, 0.0)) if recipe.coldness else np.zeros(len(values))
    rank = np.empty(len(values))
    rank[rows.ranked(values)] = np.arange(1, len(values) + 1)
    return -np.log(rank)


def kept_prompts(recipe: TwoStage, values: np.ndarray, rows: Rows, k: int) -> set[str]:
    """The prompts of highest value, at least `keep_prompts`, and more while they hold fewer than k pairs."""
    value, count = {}, dict.fromkeys(rows.prompts, 0)
    for prompt, number in zip(rows.prompts, values, strict=True):
        value[prompt] = number
        count[prompt] = 1 if rows.view.one_per_prompt else count[prompt] + 1
    names = sorted(value)
    tie = dict(zip(names, uniforms(rows.view.seed, rows.view.round, "tie", names), strict=True))
    kept: set[str] = set()
    n_pairs = 0
    for prompt in sorted(names, key=lambda p: (-value[p], tie[p])):
        if len(kept) >= recipe.keep_prompts and n_pairs >= k:
            break
        kept.add(prompt)
        n_pairs += count[prompt]
    return kept


def _from_the_band_on(recipe: Band, ranked: Sequence[int]) -> list[int]:
    """All rows of an order, those of the band first: from the middle outwards, or from both ends in turn."""
    last, middle = len(ranked) - 1, recipe.where == "middle"

    def turn(place: int) -> tuple[int, int]:
        return abs(2 * place - last) if middle else min(place, last - place), place

    return [ranked[place] for place in sorted(range(len(ranked)), key=turn)]


def _one_per_prompt_first(ranked: Sequence[int], prompts: Sequence[str]) -> list[int]:
    """Every prompt's best pair in order, then every prompt's second best, and so on."""
    seen: dict[str, int] = {}
    turn = []
    for row in ranked:
        turn.append(seen.get(prompts[row], 0))
        seen[prompts[row]] = turn[-1] + 1
    return [ranked[i] for i in sorted(range(len(ranked)), key=lambda i: (turn[i], i))]
