"""Designs of the whole pool, of random subsets, with more past than dimensions; and every recipe dealt out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SelectionError
from engine.loop import Stopped
from engine.records import Pair
from engine.seeds import rng_for
from engine.selection.execute import HOW, execute, scores_of
from engine.selection.logdet import greedy_log_det
from engine.selection.recipes import (
    Band,
    Crowding,
    Dealt,
    FacilityLocation,
    FarthestFirst,
    GreedyLogDet,
    GumbelTopK,
    KMeansPlusPlus,
    Scores,
    Shuffled,
    TwoStage,
    Uniform,
)
from tests.engine.selection.test_execute import view_of

RNG = np.random.default_rng(0)
FEATURES, VALUES, NONE = RNG.normal(size=(20, 4)), RNG.normal(size=20), np.zeros((0, 4))
EVERY: list[Dealt] = [
    Scores(VALUES),
    TwoStage(VALUES[np.arange(20) % 5], VALUES, 3),
    Band(VALUES, "ends"),
    GumbelTopK(VALUES),
    GreedyLogDet(FEATURES, NONE, 0.1),
    KMeansPlusPlus(FEATURES),
    FarthestFirst(FEATURES, NONE),
    FacilityLocation(FEATURES, NONE),
    Crowding(VALUES, FEATURES, NONE, neighbour=3),
]
ALL = pytest.mark.parametrize("recipe", EVERY, ids=lambda r: type(r).__name__)


def test_every_recipe_is_here() -> None:
    assert {type(recipe) for recipe in EVERY} | {Uniform} == set(HOW)


@ALL
def test_dealt_out_it_keeps_the_scores_and_loses_whose_they_are(recipe: Dealt) -> None:
    view = view_of(20, 6, prompts=5)
    before, after = scores_of(recipe, view), scores_of(Shuffled(recipe), view)
    assert sorted(before) == pytest.approx(sorted(after))
    assert not np.array_equal(before, after)
    plain, dealt = ([pick.pair_id for pick in execute(r, view)] for r in (recipe, Shuffled(recipe)))
    assert len(set(dealt)) == 6
    assert dealt != plain


@ALL
def test_scores_before_the_batch_stand_in_the_order_of_the_view(recipe: Dealt) -> None:
    view = view_of(20, 20, prompts=5)
    found = scores_of(recipe, view)
    assert {pick.pair_id: pick.score for pick in execute(recipe, view)} == dict(zip(view.ids, found, strict=True))


@pytest.mark.parametrize("recipe", EVERY[4:], ids=lambda r: type(r).__name__)
def test_a_design_can_be_stopped_between_two_picks(recipe: Dealt) -> None:
    left = [4]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Stopped

    assert len(execute(recipe, view_of(20, 4), check)) == 4
    left[0] = 4
    with pytest.raises(Stopped):
        execute(recipe, view_of(20, 5), check)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 20), st.integers(1, 6), st.integers(0, 4), st.booleans())
def test_with_the_whole_pool_known_it_is_leverage(seed: int, n: int, d: int, m: int, in_batch: bool) -> None:
    rng = np.random.default_rng(seed)
    features, past, view = rng.normal(size=(n, d)), rng.normal(size=(m, d)), view_of(n, min(n, 5))
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(m))
    recipe = GreedyLogDet(features, past, 0.05, in_batch=in_batch, whole_pool=True)
    information = 0.05 * np.eye(d) + features.T @ features + past.T @ past
    wanted, left = [], list(range(n))
    for _ in range(view.k):
        inverse = np.linalg.inv(information)
        wanted.append(left.pop(int(np.argmax([features[row] @ inverse @ features[row] for row in left]))))
        if in_batch:
            information = information + np.outer(features[wanted[-1]], features[wanted[-1]])
    assert [view.ids.index(pick.pair_id) for pick in execute(recipe, view)] == wanted
    scores = scores_of(recipe, view)
    assert scores is not None
    assert (scores < 1).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(4, 20), st.integers(1, 8))
def test_of_a_random_subset_each_pick_is_the_best(seed: int, n: int, size: int) -> None:
    features = np.random.default_rng(seed).normal(size=(n, 3))
    view = view_of(n, 4, seed=seed)
    by_id = sorted(range(n), key=lambda row: view.ids[row])
    stream, wanted, v = rng_for(seed, 1, "subset"), [], 0.1 * np.eye(3)
    for _ in range(4):
        open_ = [row for row in by_id if row not in wanted]
        there = [by_id.index(row) for row in open_]
        among = [by_id[place] for place in stream.choice(there, min(size, len(there)), replace=False)]
        wanted.append(max(among, key=lambda row: features[row] @ np.linalg.inv(v) @ features[row]))
        v = v + np.outer(features[wanted[-1]], features[wanted[-1]])
    picks = execute(GreedyLogDet(features, np.zeros((0, 3)), 0.1, among=size), view)
    assert [view.ids.index(pick.pair_id) for pick in picks] == wanted


@pytest.mark.parametrize("m", [2, 30])
def test_more_past_than_dimensions_is_the_same_design(m: int) -> None:
    """What is picked, scored and gained does not depend on which of the two small matrices is factored."""
    rng = np.random.default_rng(5)
    features, past = rng.normal(size=(25, 6)), rng.normal(size=(m, 6))
    wide = [np.concatenate([block, np.zeros((len(block), 40))], axis=1) for block in (features, past)]
    view = view_of(25, 8)
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(m))
    short, long = (execute(GreedyLogDet(f, p, 1e-3), view) for f, p in ((features, past), wide))
    assert [pick.pair_id for pick in short] == [pick.pair_id for pick in long]
    assert [pick.gain for pick in short] == pytest.approx([pick.gain for pick in long])
    assert [pick.why for pick in short] == [pytest.approx(pick.why) for pick in long]


def test_a_ridge_lost_in_rounding_says_so() -> None:
    features = np.full((9, 3), 1e9)
    with pytest.raises(SelectionError, match="the ridge is lost in rounding"):
        execute(GreedyLogDet(features, features, 1e-6), view_of(9, 2))


def test_leverage_holds_its_digits_where_directions_are_few_and_the_ridge_is_small() -> None:
    """Three dependent pairs a prompt, fewer than dimensions: all leverages are 2/3 but for the share of the ridge."""
    ends = np.random.default_rng(3).normal(size=(6, 3, 40))
    features = np.concatenate([ends[:, 0] - ends[:, 1], ends[:, 1] - ends[:, 2], ends[:, 0] - ends[:, 2]])
    left, size, _ = np.linalg.svd(features, full_matrices=False)
    wanted = ((left * size / np.sqrt(size**2 + 1e-6)) ** 2).sum(axis=1)
    recipe = GreedyLogDet(features, np.zeros((0, 40)), 1e-6, in_batch=False, whole_pool=True)
    found = scores_of(recipe, view_of(18, 4))
    assert found is not None
    np.testing.assert_allclose(2 / 3 - found, 2 / 3 - wanted, rtol=1e-4)
    assert 1e-9 < np.ptp(found) < 1e-6


def test_more_past_than_dimensions_costs_no_digits() -> None:
    rng = np.random.default_rng(8)
    features, past = rng.normal(size=(9, 5)), rng.normal(size=(300, 5))
    wanted = np.einsum("ni,ij,nj->n", features, np.linalg.inv(1e-8 * np.eye(5) + past.T @ past), features)
    np.testing.assert_allclose(greedy_log_det(features, past, 1e-8, 0, range(9))[1], wanted, rtol=1e-9)
