"""Why a pick: terms worked by hand, and what would be picked in its place against trying every pair of the pool."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.data.pool import PoolView
from engine.records import Pair, SignalArray
from engine.selection import explain
from engine.selection.composed import terms_of
from engine.selection.execute import execute
from engine.selection.explain import instead_of, parts_of, read_of
from engine.selection.recipes import (
    Band,
    Crowding,
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
from tests.engine.selection.test_execute import view_of as plain_view

RNG = np.random.default_rng(7)
FEATURES, PAST, VALUES = RNG.normal(size=(20, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=20)


def view_of(n: int, k: int, *, prompts: int | None = None) -> PoolView:
    """A pool of a run that has picked three pairs before."""
    view = plain_view(n, k, prompts=prompts)
    past = [Pair.of("q", f"z{m}x", f"z{m}y") for m in range(3)]
    return PoolView(view.pairs, {}, k=k, seed=1, round_number=1, picked=past, picked_values={})


def ids(recipe: Recipe, view: PoolView) -> list[str]:
    return [pick.pair_id for pick in execute(recipe, view)]


def worth_given(features: np.ndarray, chosen: np.ndarray, ridge: float, row: int) -> float:
    """φᵀV⁻¹φ by the definition."""
    v = ridge * np.eye(features.shape[1]) + chosen.T @ chosen
    return float(features[row] @ np.linalg.solve(v, features[row]))


@pytest.mark.parametrize("whole_pool", [False, True])
def test_in_a_log_det_design_it_is_the_open_pair_that_adds_most_to_the_others(whole_pool: bool) -> None:
    view = view_of(20, 6, prompts=5)
    recipe = GreedyLogDet(FEATURES, PAST, 0.3, whole_pool=whole_pool)
    picks = ids(recipe, view)
    rows = [view.ids.index(pick) for pick in picks]
    found, why_not = instead_of(recipe, view, picks)
    assert why_not == ""
    for n, other in enumerate(found):
        chosen = np.concatenate([PAST, FEATURES[rows[:n] + rows[n + 1 :]], *([FEATURES] if whole_pool else [])])
        worth = {row: worth_given(FEATURES, chosen, 0.3, row) for row in range(20) if row not in rows}
        best = max(worth, key=lambda row: worth[row])
        assert other is not None
        assert (other.pair_id, other.worth) == (view.ids[best], pytest.approx(worth[best]))
    gains = [pick.gain for pick in execute(recipe, view)]
    assert found[-1] is not None
    assert gains[-1] >= found[-1].worth, "the last pick was the best of those that were left"


@pytest.mark.parametrize("past", [PAST, PAST[:0]])
def test_in_a_k_center_design_it_is_the_open_pair_farthest_from_the_others(past: np.ndarray) -> None:
    view = view_of(20, 5)
    recipe = FarthestFirst(FEATURES, past)
    picks = ids(recipe, view)
    rows = [view.ids.index(pick) for pick in picks]
    found, _ = instead_of(recipe, view, picks)
    for n, other in enumerate(found):
        chosen = [*past, *(FEATURES[row] for row in rows[:n] + rows[n + 1 :])]
        worth = {
            row: min(min(np.linalg.norm(FEATURES[row] - x), np.linalg.norm(FEATURES[row] + x)) for x in chosen)
            for row in range(20)
            if row not in rows
        }
        best = max(worth, key=lambda row: worth[row])
        assert other is not None
        assert (other.pair_id, other.worth) == (view.ids[best], pytest.approx(worth[best]))


SLOW = [
    Scores(VALUES), Scores(VALUES, per_prompt=True), TwoStage(VALUES[np.arange(20) % 5], VALUES, 3),
    Band(VALUES, "ends"), Band(VALUES, "middle"), GumbelTopK(VALUES), GreedyLogDet(FEATURES, PAST, 0.3, in_batch=False),
    FacilityLocation(FEATURES, PAST), Crowding(VALUES, FEATURES, PAST, neighbour=3), Shuffled(Scores(VALUES)),
]  # fmt: skip


@pytest.mark.parametrize("recipe", SLOW, ids=lambda r: type(r).__name__)
def test_else_it_is_what_the_recipe_takes_from_a_pool_without_the_pick(recipe: Recipe) -> None:
    view = view_of(20, 6, prompts=5)
    picks = ids(recipe, view)
    found, why_not = instead_of(recipe, view, picks)
    assert why_not == ""
    plain = explain.dealt_out(recipe.inner, view) if isinstance(recipe, Shuffled) else recipe
    for pick, other in zip(picks, found, strict=True):
        rows = [n for n, pair in enumerate(view.ids) if pair != pick]
        some = PoolView(
            [view.pairs[n] for n in rows], {}, k=6, seed=1, round_number=1, picked=view.picked.pairs, picked_values={}
        )
        held = {name: getattr(plain, name)[rows] for name in ("values", "features", "prompt_values")
                if hasattr(plain, name)}  # fmt: skip
        new = [one for one in ids(replace(plain, **held), some) if one not in picks]
        assert other is not None
        assert other.pair_id == new[0]


@pytest.mark.parametrize(
    "recipe",
    [*SLOW, FarthestFirst(FEATURES, PAST), GreedyLogDet(FEATURES, PAST, 0.3), Uniform()],
    ids=lambda r: type(r).__name__,
)
def test_of_some_picks_it_is_the_same_with_the_others_beside_them(recipe: Recipe) -> None:
    view = view_of(20, 6, prompts=5)
    picks = ids(recipe, view)
    whole, _ = instead_of(recipe, view, picks)
    order = [*picks[2:4], *picks[:2], *picks[4:]]
    some, why_not = instead_of(recipe, view, order, of=2)
    assert why_not == ""
    assert [one and one.pair_id for one in some] == [one and one.pair_id for one in whole[2:4]]


def test_where_it_is_not_said_the_reason_is(monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(20, 6, prompts=5)
    for recipe, reason in ((KMeansPlusPlus(FEATURES), "is a draw"), (TwoStage(VALUES, VALUES, 3), "")):
        assert reason in instead_of(recipe, view, ids(recipe, view))[1]
    monkeypatch.setattr(explain, "AGAIN", 119)
    found, why_not = instead_of(TwoStage(VALUES, VALUES, 3), view, ids(TwoStage(VALUES, VALUES, 3), view))
    assert found == [None] * 6
    assert "from 20 pairs for each of its picks" in why_not
    whole = view_of(6, 6)
    assert "the whole pool" in instead_of(Uniform(), whole, ids(Uniform(), whole))[1]
    drawn = ids(Uniform(), view_of(20, 7))
    assert {x.pair_id for x in instead_of(Uniform(), view_of(20, 6), drawn[:6])[0] if x} == {drawn[6]}


def shown(recipe: Recipe, view: PoolView, picks: Sequence[str]) -> list[list[explain.Part]]:
    return parts_of(recipe, view, picks, terms_of(None, recipe, view))


def test_the_terms_of_a_log_det_score_add_up_by_hand() -> None:
    """φ = (3, 4), λ = ½: 25 / ½ = 50 with nothing labelled; with (3, 4) labelled 25 / (½ + 25) = 50/51."""
    view = view_of(3, 1)
    features = np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0]])
    alone, lost = shown(GreedyLogDet(features, features[:1], 0.5), view, [view.ids[0]])[0]
    assert (alone.value, alone.percentile, alone.symbol) == (50.0, pytest.approx(100 * 2.5 / 3), "‖φ‖²/λ")
    assert alone.value + lost.value == pytest.approx(50 / 51)
    assert len(shown(GreedyLogDet(features, features[:0], 0.5), view, [view.ids[0]])[0]) == 1
    assert shown(Scores(VALUES[:3]), view, [view.ids[0]]) == [[]]


def test_the_terms_of_designs_by_hand() -> None:
    """Pairs at (3, 4), (0, 1), (1, 0); labelled (3, 0). λ = 1 with the whole pool: M = I + Σφφᵀ = [[11, 12], [12, 18]]
    and M⁻¹ = [[18, −12], [−12, 11]] / 54, so u = (0, 1) has 11/54; the nearest of (0, 1) lies √10 away."""
    view = view_of(3, 1)
    features, past = np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0]]), np.array([[3.0, 0.0]])
    length, little = shown(GreedyLogDet(features, past[:0], 1.0, whole_pool=True), view, [view.ids[1]])[0]
    assert (length.value, little.value) == (pytest.approx(1.0), pytest.approx(11 / 54))
    (distance,) = shown(FarthestFirst(features, past), view, [view.ids[1]])[0]
    assert distance.value == pytest.approx(np.sqrt(10))
    (long,) = shown(FarthestFirst(features, past[:0]), view, [view.ids[0]])[0]
    assert long.value == pytest.approx(5.0)
    whole, known = shown(FacilityLocation(features, past), view, [view.ids[2]])[0]
    assert whole.value == pytest.approx(1 + 0.6), "|cos| to (3, 4) is 0.6, to (0, 1) it is 0"
    assert known.value == pytest.approx(1 + 0.6), "(3, 0) is as like all of them"
    value, room, crowd = shown(Crowding(VALUES[:3], features, past, neighbour=1), view, [view.ids[2]])[0]
    assert (value.value, room.value) == (VALUES[2], pytest.approx(np.log(2 * np.sqrt(2) + 1e-4)))
    assert crowd.value == pytest.approx(-0.5772156649), "ψ(1): nothing labelled within √2 of (1, 0)"


def test_the_rank_of_a_prompt_by_hand() -> None:
    view = view_of(4, 1, prompts=4)
    value = {prompt: float(n) for n, prompt in enumerate(sorted(view.prompt_ids))}  # 0, 1, 2, 3
    recipe = TwoStage(np.array([value[p] for p in view.prompt_ids]), np.ones(4), keep_prompts=2)
    for pair, prompt in zip(view.ids, view.prompt_ids, strict=True):
        (part,) = parts_of(recipe, view, [pair])[0]
        assert (part.value, part.note) == (4 - value[prompt], "of 4 prompts; the first 2 are kept")
    (part,) = parts_of(replace(recipe, prompt_values=np.zeros(4)), view, [view.ids[0]])[0]
    assert "2 of them are drawn" in part.note


def test_what_a_strategy_read_of_a_pair_by_hand() -> None:
    view = view_of(4, 1)
    signal = SignalArray("reward_margin", "pair", view.ids, np.array([-3.0, 1.0, 2.0, 2.0], np.float32), "reward units")
    margin, other = read_of(signal, "margin", view, view.ids[:2], signed=True)
    assert (margin[0].name, margin[0].value, margin[0].percentile) == ("margin, a minus b", -3.0, 87.5)
    assert other[0].percentile == 12.5, "by size: −3 is the largest"
    assert margin[0].read
    sides = [side for pair in view.pairs for side in (pair.a, pair.b)]
    axes = np.array([[1.0, 0.0], [0.0, 2.0]] + [[1.0, 0.0], [2.0, 0.0]] * 3, np.float32)
    vectors = SignalArray("embedding", "response", tuple(sides), axes, "no unit")
    apart, alike = read_of(vectors, "embedding", view, view.ids[:2], signed=False)
    assert (apart[0].value, alike[0].value) == (pytest.approx(0.0), pytest.approx(1.0))
    lengths = SignalArray("length", "response", tuple(sides), np.arange(8, dtype=np.float32), "tokens")
    assert read_of(lengths, "length", view, view.ids[:1], signed=False)[0][0].note == "a 0, b 1"
