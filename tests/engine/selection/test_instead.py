"""What would be picked instead in a batch that a person has changed: given what it holds, never what was dropped."""

import numpy as np
import pytest

from engine.selection.explain import instead_of
from engine.selection.recipes import GreedyLogDet, Recipe, Scores, TwoStage
from tests.engine.selection.test_explain import FEATURES, PAST, VALUES, ids, view_of, worth_given


def changed(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The batch of five without its first two picks and with two pairs that nobody picked; and what was dropped."""
    view = view_of(20, 5)
    own = ids(recipe, view)
    outside = [pair_id for pair_id in view.ids if pair_id not in own][:2]
    return [*own[2:], *outside], own[:2]


def test_in_a_design_it_is_the_best_given_the_batch_as_it_stands() -> None:
    """Its twin tries every open pair, with V from the definition."""
    view, recipe = view_of(20, 5), GreedyLogDet(FEATURES, PAST, 0.3)
    batch, dropped = changed(recipe)
    found, _ = instead_of(recipe, view, batch, without=dropped)
    for pick, other in zip(batch, found, strict=True):
        rest = [view.ids.index(pair_id) for pair_id in batch if pair_id != pick]
        chosen = np.concatenate([PAST, FEATURES[rest]])
        open_ = [n for n, pair_id in enumerate(view.ids) if pair_id not in batch and pair_id not in dropped]
        best = max(open_, key=lambda row: worth_given(FEATURES, chosen, 0.3, row))
        assert other is not None
        assert other.pair_id == view.ids[best]
    again, _ = instead_of(recipe, view, batch)
    assert {other.pair_id for other in again if other} & set(dropped), "what was dropped would else come again"


@pytest.mark.parametrize("recipe", [Scores(VALUES), TwoStage(np.zeros(20), VALUES, keep_prompts=20)])
def test_in_an_order_it_is_the_next_that_is_neither_in_the_batch_nor_dropped(recipe: Recipe) -> None:
    view = view_of(20, 5)
    batch, dropped = changed(recipe)
    order = [view.ids[row] for row in np.argsort(-VALUES)]
    wanted = next(pair_id for pair_id in order if pair_id not in batch and pair_id not in dropped)
    found, _ = instead_of(recipe, view, batch, without=dropped)
    assert [other and other.pair_id for other in found] == [wanted] * 5
