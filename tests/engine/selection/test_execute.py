"""Selection against slow versions written straight from the formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.errors import SelectionError
from engine.records import Pair
from engine.selection.execute import execute, executed, scores_of
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


def view_of(n: int, k: int, *, prompts: int | None = None, seed: int = 1, order: list[int] | None = None) -> PoolView:
    pairs = [Pair.of(f"p{i % (prompts or n)}", f"r{i}x", f"r{i}y") for i in range(n)]
    rows = order or list(range(n))
    return PoolView([pairs[r] for r in rows], {}, k=k, seed=seed, round_number=1)


def slow_log_det(features: np.ndarray, past: np.ndarray, ridge: float, k: int) -> list[int]:
    """Invert V anew for every pick."""
    v = ridge * np.eye(features.shape[1]) + past.T @ past
    left, picked = list(range(len(features))), []
    for _ in range(k):
        inverse = np.linalg.inv(v)
        scores = [features[i] @ inverse @ features[i] for i in left]
        best = left.pop(int(np.argmax(scores)))
        picked.append(best)
        v = v + np.outer(features[best], features[best])
    return picked


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 8), st.integers(0, 12), st.sampled_from([0.01, 0.1, 1.0])
)
def test_greedy_log_det_picks_what_inverting_v_picks(seed: int, n: int, d: int, m: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    features, past = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    view = view_of(n, min(n, 6))
    picks = execute(GreedyLogDet(features, past, ridge), view) if m == 0 else None
    from engine.selection.logdet import greedy_log_det

    rows, before, gains = greedy_log_det(features, past, ridge, min(n, 6), np.arange(n))
    expected = slow_log_det(features, past, ridge, min(n, 6))
    # In a d-dimensional space scores of later picks shrink together; a swap is a fault only where scores differ.
    inverse = np.linalg.inv(ridge * np.eye(d) + past.T @ past)
    np.testing.assert_allclose(before, np.einsum("ni,ij,nj->n", features, inverse, features), rtol=1e-6)
    assert rows == expected
    assert gains[0] == pytest.approx(before.max())
    if picks is not None:
        ids = [view.ids[row] for row in expected]
        assert [pick.pair_id for pick in picks] == ids


def test_gains_add_up_to_the_log_determinant() -> None:
    rng = np.random.default_rng(0)
    features, past, ridge = rng.normal(size=(30, 6)), rng.normal(size=(4, 6)), 0.5
    from engine.selection.logdet import greedy_log_det

    rows, _, gains = greedy_log_det(features, past, ridge, 8, np.arange(30))
    v0 = ridge * np.eye(6) + past.T @ past
    v = v0 + features[rows].T @ features[rows]
    assert sum(np.log1p(gains)) == pytest.approx(np.linalg.slogdet(v)[1] - np.linalg.slogdet(v0)[1])


def test_of_the_three_pairs_of_a_prompt_the_third_tells_hardly_more() -> None:
    """φ(1,2) + φ(2,3) = φ(1,3): two of them leave nothing but the ridge; ranked by length all three would be taken."""
    rng = np.random.default_rng(1)
    responses = rng.normal(size=(3, 8)) * 10
    of_prompt = np.array([responses[0] - responses[1], responses[1] - responses[2], responses[0] - responses[2]])
    features = np.concatenate([of_prompt, rng.normal(size=(4, 8))])
    view = view_of(7, 3)
    by_design = execute(GreedyLogDet(features, np.zeros((0, 8)), 1e-3), view)
    by_norm = execute(Scores((features**2).sum(axis=1)), view)
    assert len({view.ids.index(p.pair_id) for p in by_design} & {0, 1, 2}) == 2
    assert {view.ids.index(p.pair_id) for p in by_norm} == {0, 1, 2}


def test_a_duplicated_pair_is_not_picked_twice_in_a_batch() -> None:
    features = np.array([[3.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 0.9]])
    view = view_of(4, 2)
    by_design = execute(GreedyLogDet(features, np.zeros((0, 2)), 0.01), view)
    by_norm = execute(Scores((features**2).sum(axis=1)), view)
    assert {view.ids.index(p.pair_id) for p in by_design} in ({0, 2}, {1, 2})
    assert {view.ids.index(p.pair_id) for p in by_norm} == {0, 1}


def test_without_in_batch_updates_it_is_the_top_of_the_scores() -> None:
    rng = np.random.default_rng(3)
    features, past = rng.normal(size=(20, 4)), rng.normal(size=(5, 4))
    view = view_of(20, 7)
    recipe = GreedyLogDet(features, past, 0.1, in_batch=False)
    view.picked.pairs = tuple(view.pairs[:5])  # names for the nearest pick
    expected = np.argsort(-scores_of(recipe, view))[:7]  # type: ignore[operator]
    assert [p.pair_id for p in execute(recipe, view)] == [view.ids[row] for row in expected]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_permuting_the_pool_changes_nothing_even_with_ties(values: list[float], random) -> None:
    n = len(values)
    order = list(range(n))
    random.shuffle(order)
    straight = execute(Scores(np.array(values)), view_of(n, n))
    shuffled = execute(Scores(np.array(values)[order]), view_of(n, n, order=order))
    assert [p.pair_id for p in straight] == [p.pair_id for p in shuffled]


def test_ties_are_broken_by_the_seed() -> None:
    first = [[p.pair_id for p in execute(Scores(np.zeros(40)), view_of(40, 5, seed=s))] for s in range(6)]
    assert len({tuple(ids) for ids in first}) == 6


def test_uniform_is_uniform_over_seeds() -> None:
    counts = np.zeros(10)
    for seed in range(400):
        view = view_of(10, 3, seed=seed)
        for pick in execute(Uniform(), view):
            counts[view.ids.index(pick.pair_id)] += 1
    assert counts.sum() == 1200
    assert ((counts - 120) ** 2 / 120).sum() < 27.9  # χ², 9 degrees of freedom, p = 0.001


def test_two_stage_keeps_prompts_first() -> None:
    prompt_values = np.array([1.0, 5, 3, 1, 5, 3])  # 6 pairs of 3 prompts
    values = np.array([9.0, 1, 2, 8, 7, 6])
    view = view_of(6, 2, prompts=3)
    picks = execute(TwoStage(prompt_values, values, keep_prompts=2), view)
    assert [view.ids.index(p.pair_id) for p in picks] == [4, 5]


def test_two_stage_takes_more_prompts_when_the_kept_ones_hold_too_few_pairs() -> None:
    view = view_of(6, 5, prompts=3)
    picks = execute(TwoStage(np.array([1.0, 5, 3, 1, 5, 3]), np.arange(6.0), keep_prompts=1), view)
    assert len({p.pair_id for p in picks}) == 5


def test_one_per_prompt_takes_second_pairs_last() -> None:
    view = view_of(6, 4, prompts=3)
    picks = execute(Scores(np.array([9.0, 8, 7, 6, 5, 4]), per_prompt=True), view)
    assert [view.ids.index(p.pair_id) for p in picks] == [0, 1, 2, 3]
    view = view_of(4, 3, prompts=2)
    picks = execute(Scores(np.array([9.0, 1, 8, 0]), per_prompt=True), view)
    assert [view.ids.index(p.pair_id) for p in picks] == [0, 1, 2]


def test_bands_take_the_middle_or_both_ends() -> None:
    view = view_of(9, 3)
    values = np.arange(9.0)
    middle = {view.ids.index(p.pair_id) for p in execute(Band(values, "middle"), view)}
    ends = {view.ids.index(p.pair_id) for p in execute(Band(values, "ends"), view)}
    assert middle == {3, 4, 5}
    assert ends == {8, 7, 0}


def test_too_many_says_both_numbers() -> None:
    with pytest.raises(SelectionError, match="5 pairs were asked for, 3 are left"):
        execute(Uniform(), view_of(3, 5))


def test_a_score_that_is_not_finite_names_its_pair() -> None:
    view = view_of(4, 2)
    with pytest.raises(SelectionError, match=view.ids[2]):
        execute(Scores(np.array([1.0, 2.0, np.nan, 3.0])), view)


def test_k_zero_is_empty_and_all_is_all() -> None:
    assert execute(Scores(np.arange(4.0)), view_of(4, 0)) == []
    assert len(execute(GreedyLogDet(np.eye(4), np.zeros((0, 4)), 1.0), view_of(4, 4))) == 4


_RNG = np.random.default_rng(11)
_V, _PHI, _PAST = _RNG.normal(size=24), _RNG.normal(size=(24, 5)), _RNG.normal(size=(3, 5))


@pytest.mark.parametrize(
    "recipe",
    [Uniform(), Scores(_V), TwoStage(np.abs(_V), _V, 12), Band(_V, "ends"), GumbelTopK(_V), Shuffled(Scores(_V)),
     GreedyLogDet(_PHI, _PAST, 0.1), GreedyLogDet(_PHI, _PAST, 0.1, among=9), KMeansPlusPlus(_PHI),
     FarthestFirst(_PHI, _PAST), FacilityLocation(_PHI, _PAST), FacilityLocation(_PHI, _PAST, neighbours=4, dense=0),
     Crowding(np.abs(_V), _PHI, _PAST)],
    ids=lambda recipe: type(recipe).__name__,
)  # fmt: skip
def test_one_execution_gives_what_picking_and_scoring_apart_give(recipe: Recipe) -> None:
    order = [int(row) for row in _RNG.permutation(24)]
    view = view_of(24, 7, order=order)
    view.picked.pairs = tuple(Pair.of(f"past{n}", f"p{n}x", f"p{n}y") for n in range(3))  # names for the nearest pick
    picks, scores = executed(recipe, view)
    assert picks == execute(recipe, view)
    np.testing.assert_array_equal(scores, scores_of(recipe, view))  # type: ignore[arg-type]
    if scores is not None:
        assert [scores[view.ids.index(pick.pair_id)] for pick in picks] == [pick.score for pick in picks]


SPREAD = [
    Scores(np.arange(12.0)), Uniform(), Uniform(draw=1), GumbelTopK(np.arange(12.0), "power"),
    Band(np.arange(12.0), "middle"), Band(np.arange(12.0), "ends"), TwoStage(np.repeat(0.0, 12), np.arange(12.0), 1),
    GreedyLogDet(np.eye(12)[:, :5] + 0.1, np.zeros((0, 5)), 0.1), Shuffled(Scores(np.arange(12.0))),
]  # fmt: skip


@pytest.mark.parametrize("recipe", SPREAD, ids=lambda recipe: type(recipe).__name__)
@pytest.mark.parametrize("k", [3, 4])
def test_with_one_pair_a_prompt_no_prompt_is_picked_twice(recipe: Recipe, k: int) -> None:
    """Twelve pairs of four prompts, over ten seeds; without it every draw takes two of some prompt at some seed."""
    for seed in range(10):
        view = view_of(12, k, prompts=4, seed=seed)
        view.one_per_prompt = True
        prompt = dict(zip(view.ids, view.prompt_ids, strict=True))
        chosen = [prompt[pick.pair_id] for pick in execute(recipe, view)]
        assert len(set(chosen)) == len(chosen) == k


def test_of_each_prompt_it_is_the_highest() -> None:
    view = view_of(12, 4, prompts=4)
    view.one_per_prompt = True
    values = np.array([5.0, 1, 2, 3, 9, 0, 2.5, 4, 7, 8, 1, 1])
    assert [view.ids.index(pick.pair_id) for pick in execute(Scores(values), view)] == [4, 9, 7, 6]


def test_a_design_without_an_order_of_its_own_says_that_it_cannot() -> None:
    for recipe in (KMeansPlusPlus(np.eye(12)), FarthestFirst(np.eye(12), np.zeros((0, 12)))):
        view = view_of(12, 4, prompts=4)
        view.one_per_prompt = True
        with pytest.raises(SelectionError, match="One pair a prompt is asked for"):
            execute(recipe, view)
