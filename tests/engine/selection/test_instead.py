"""What would be picked instead in a batch that a person has changed: given what it holds, never what was dropped."""

import numpy as np
import pytest

from engine.data.pool import PoolView
from engine.selection import explain
from engine.selection.explain import instead_of
from engine.selection.recipes import Band, GreedyLogDet, GumbelTopK, Recipe, Scores, Shuffled, TwoStage, Uniform
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


def spread(k: int = 4) -> PoolView:
    """Twenty pairs of five prompts, of which a batch takes one each."""
    view = view_of(20, k, prompts=5)
    view.one_per_prompt = True
    return view


IN_ORDER: list[Recipe] = [
    Scores(VALUES), Uniform(), GumbelTopK(VALUES, "softmax", 2.0), Band(VALUES, "middle"), Shuffled(Scores(VALUES)),
    TwoStage(np.arange(20) % 5.0, VALUES, keep_prompts=5), GreedyLogDet(FEATURES, PAST, 0.3, in_batch=False),
]  # fmt: skip


@pytest.mark.parametrize("recipe", IN_ORDER, ids=lambda recipe: type(recipe).__name__)
def test_with_one_pair_a_prompt_what_stands_in_is_of_no_other_picks_prompt(recipe: Recipe) -> None:
    """It is what the same recipe takes of the pool without the pick."""
    view = spread()
    batch, prompt = ids(recipe, view), dict(zip(view.ids, view.prompt_ids, strict=True))
    found, why = instead_of(recipe, view, batch)
    assert not why
    for pick, other in zip(batch, found, strict=True):
        assert other is not None
        others = {prompt[pair_id] for pair_id in batch if pair_id != pick}
        assert other.pair_id not in batch
        assert prompt[other.pair_id] not in others


def test_of_the_highest_it_is_the_prompts_second_or_the_first_of_a_prompt_not_asked() -> None:
    view, by_hand = spread(), {}
    batch = ids(Scores(VALUES), view)
    for pick in batch:
        taken = {view.prompt_ids[view.ids.index(pair_id)] for pair_id in batch if pair_id != pick}
        open_ = [n for n, pair_id in enumerate(view.ids) if pair_id != pick and view.prompt_ids[n] not in taken]
        by_hand[pick] = view.ids[max(open_, key=lambda row: VALUES[row])]
    found, _ = instead_of(Scores(VALUES), view, batch)
    assert {pick: other.pair_id for pick, other in zip(batch, found, strict=True) if other} == by_hand
    assert len(set(by_hand.values())) > 1, "else a line would do"


@pytest.mark.parametrize("whole_view", [True, False])
def test_in_a_design_of_one_pair_a_prompt_it_is_the_best_of_an_open_prompt(whole_view: bool) -> None:
    """Asked for by the study, or by the strategy alone."""
    view, recipe = spread(), GreedyLogDet(FEATURES, PAST, 0.3, per_prompt=not whole_view)
    view.one_per_prompt = whole_view
    batch = ids(recipe, view)
    found, _ = instead_of(recipe, view, batch)
    for pick, other in zip(batch, found, strict=True):
        rest = [view.ids.index(pair_id) for pair_id in batch if pair_id != pick]
        taken = {view.prompt_ids[row] for row in rest}
        chosen = np.concatenate([PAST, FEATURES[rest]])
        open_ = [n for n, pair_id in enumerate(view.ids) if pair_id != pick and view.prompt_ids[n] not in taken]
        best = max(open_, key=lambda row: worth_given(FEATURES, chosen, 0.3, row))
        assert other is not None
        assert other.pair_id == view.ids[best]


def test_a_batch_too_large_to_be_chosen_anew_is_said_in_a_whole_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "AGAIN", 10)
    view, recipe = view_of(20, 5), TwoStage(np.zeros(20), VALUES, keep_prompts=20)
    batch = ids(recipe, view)
    whole = "Not worked out: the batch of 5 would have to be chosen anew from 20 pairs for "
    assert instead_of(recipe, view, batch)[1] == f"{whole}each of its picks."
    assert instead_of(recipe, view, batch, of=2) == ([None] * 2, f"{whole}each of 2 of its picks.")
