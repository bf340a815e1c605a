"""The shuffled placebo: a recipe whose values are dealt out to other pairs by a keyed draw."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.data.pool import PoolView
from engine.seeds import uniforms
from engine.selection.recipes import Dealt, TwoStage


def dealt_out(recipe: Dealt, view: PoolView) -> Dealt:
    """The recipe with the values of pairs (and apart from them, of prompts) exchanged among them.

    Whatever a recipe holds one row a pair of, `values` or `features`, goes to another pair.
    """
    row_of_pair = dealt_to(view)
    held = {name: getattr(recipe, name)[row_of_pair] for name in ("values", "features") if hasattr(recipe, name)}
    if isinstance(recipe, TwoStage):
        held["prompt_values"] = recipe.prompt_values[_exchanged_prompts(view)]
    return replace(recipe, **held)


def dealt_to(view: PoolView) -> np.ndarray:
    """For each pair the row whose value it is given, (n,)."""
    return _exchanged(view, view.ids)


def _exchanged(view: PoolView, ids: Sequence[str]) -> np.ndarray:
    """For each id the row whose value it is given, whatever their order."""
    by_id = np.array(sorted(range(len(ids)), key=lambda row: ids[row]), dtype=int)
    drawn = np.argsort(uniforms(view.seed, view.round, "shuffle", [ids[row] for row in by_id]))
    given = np.empty(len(ids), dtype=int)
    given[by_id] = by_id[drawn]
    return given


def _exchanged_prompts(view: PoolView) -> np.ndarray:
    """For each pair a row of the prompt whose value its own is given."""
    first = {prompt: row for row, prompt in reversed(list(enumerate(view.prompt_ids)))}
    names = sorted(first)
    given = _exchanged(view, names)
    other = {name: first[names[row]] for name, row in zip(names, given, strict=True)}
    return np.array([other[prompt] for prompt in view.prompt_ids], dtype=int)
