"""k-means++ and farthest-first against loops over the definitions; φ and −φ are one point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.records import Pair
from engine.seeds import rng_for, uniforms
from engine.selection import distances
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import FarthestFirst, KMeansPlusPlus, Recipe
from engine.selection.rows import Rows
from tests.engine.selection.test_execute import view_of

SMALL = st.tuples(st.integers(0, 10_000), st.integers(1, 14), st.integers(1, 4), st.booleans())


def features_of(seed: int, n: int, d: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def picked(recipe: Recipe, view: PoolView) -> list[int]:
    return [view.ids.index(pick.pair_id) for pick in execute(recipe, view)]


def apart(one: np.ndarray, other: np.ndarray, either_sign: bool) -> float:
    straight = float(np.linalg.norm(one - other))
    return min(straight, float(np.linalg.norm(one + other))) if either_sign else straight


def slow_d2_sampling(features: np.ndarray, view: PoolView, drawn_first: bool, either_sign: bool) -> list[int]:
    """Every distance anew for every pick, by id order, with the draws of the same stream."""
    by_id = sorted(range(len(features)), key=lambda row: view.ids[row])
    stream = rng_for(view.seed, view.round, "k-means++")
    chosen: list[int] = []
    for _ in range(view.k):
        uniform = stream.random()
        open_ = [row for row in by_id if row not in chosen]
        if not chosen and drawn_first:
            chosen.append(by_id[int(uniform * len(by_id))])
            continue
        if not chosen:
            chosen.append(max(open_, key=lambda row: np.linalg.norm(features[row])))
            continue
        weight = [min(apart(features[row], features[c], either_sign) for c in chosen) ** 2 for row in open_]
        edge = np.cumsum(weight)
        chosen.append(next(row for row, upto in zip(open_, edge, strict=True) if upto > uniform * edge[-1]))
    return chosen


def slow_farthest_first(features: np.ndarray, past: np.ndarray, k: int, either_sign: bool) -> list[int]:
    chosen: list[int] = []
    for _ in range(k):
        centres = [*past, *(features[row] for row in chosen)]
        open_ = [row for row in range(len(features)) if row not in chosen]
        far = {
            row: min((apart(features[row], c, either_sign) for c in centres), default=np.linalg.norm(features[row]))
            for row in open_
        }
        chosen.append(max(open_, key=lambda row: far[row]))
    return chosen


@settings(deadline=None, max_examples=60)
@given(SMALL, st.booleans())
def test_d2_sampling_picks_what_the_definition_picks(small: tuple[int, int, int, bool], drawn_first: bool) -> None:
    seed, n, d, either_sign = small
    features, view = features_of(seed, n, d), view_of(n, min(n, 6), seed=seed)
    recipe = KMeansPlusPlus(features, "drawn" if drawn_first else "longest", either_sign)
    assert picked(recipe, view) == slow_d2_sampling(features, view, drawn_first, either_sign)


@settings(deadline=None, max_examples=60)
@given(SMALL, st.integers(0, 4))
def test_farthest_first_picks_what_the_definition_picks(small: tuple[int, int, int, bool], m: int) -> None:
    seed, n, d, either_sign = small
    features, past = features_of(seed, n, d), features_of(seed + 1, m, d)
    view = view_of(n, min(n, 6))
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(m))
    assert picked(FarthestFirst(features, past, either_sign), view) == slow_farthest_first(
        features, past, view.k, either_sign
    )


@settings(deadline=None, max_examples=40)
@given(SMALL, st.data())
def test_a_pair_has_no_first_side(small: tuple[int, int, int, bool], data: st.DataObject) -> None:
    seed, n, d, _ = small
    features, past, view = features_of(seed, n, d), features_of(seed + 1, 3, d), view_of(n, min(n, 6))
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(3))
    sign = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n, max_size=n)))[:, None]
    assert execute(KMeansPlusPlus(features), view) == execute(KMeansPlusPlus(sign * features), view)
    straight = execute(FarthestFirst(features, past), view)
    assert straight == execute(FarthestFirst(sign * features, past), view)
    assert straight == execute(FarthestFirst(features, -past), view)


def test_with_a_sign_that_counts_a_pair_and_its_mirror_are_far_apart() -> None:
    features = np.array([[3.0, 0.0], [-2.9, 0.0], [0.0, 1.0]])
    assert picked(FarthestFirst(features, np.zeros((0, 2))), view_of(3, 2)) == [0, 2]
    assert picked(FarthestFirst(features, np.zeros((0, 2)), either_sign=False), view_of(3, 2)) == [0, 1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_copy_comes_after_all_else(sign: float) -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(6, 50)) * 1e3
    doubled = np.concatenate([features, sign * features])
    for seed in range(20):
        view = view_of(12, 6, seed=seed)
        for recipe in (KMeansPlusPlus(doubled), FarthestFirst(doubled, np.zeros((0, 50)))):
            assert {row % 6 for row in picked(recipe, view)} == set(range(6))


def test_how_often_a_pair_is_drawn_second() -> None:
    features = np.array([[9.0, 0.0], [6.0, 0.0], [9.0, 1.0], [0.0, 2.0], [0.0, 0.0], [8.0, 0.5]])
    weight = np.array([apart(features[0], row, either_sign=True) ** 2 for row in features])
    weight[2] = 0  # the longest, so the first
    from_it = np.array([apart(features[2], row, either_sign=True) ** 2 for row in features])
    counts = np.zeros(6)
    for seed in range(2000):
        first, second = picked(KMeansPlusPlus(features), view_of(6, 2, seed=seed))
        assert first == 2
        counts[second] += 1
    expected = 2000 * from_it / from_it.sum()
    drawn = expected > 0
    assert counts[~drawn].sum() == 0
    assert ((counts - expected)[drawn] ** 2 / expected[drawn]).sum() < 18.5  # χ², 4 degrees of freedom, p = 0.001


def test_the_numbers_behind_a_pick() -> None:
    features, past = features_of(0, 20, 5), features_of(1, 4, 5)
    view = view_of(20, 5)
    picks, scores = execute(KMeansPlusPlus(features), view), scores_of(KMeansPlusPlus(features), view)
    assert scores == pytest.approx((features**2).sum(axis=1))
    rows = [view.ids.index(pick.pair_id) for pick in picks]
    assert picks[0].gain == pytest.approx(picks[0].score) == pytest.approx(max(scores))
    nearest = min(apart(features[rows[3]], features[row], either_sign=True) for row in rows[:3])
    assert picks[3].gain == pytest.approx(nearest**2)
    assert 0 < picks[3].why["chance_when_drawn"] < 1
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(4))
    picks, scores = execute(FarthestFirst(features, past), view), scores_of(FarthestFirst(features, past), view)
    wanted = [min(apart(row, other, either_sign=True) for other in past) for row in features]
    assert scores == pytest.approx(np.array(wanted))
    assert [pick.gain for pick in picks] == sorted((pick.gain for pick in picks), reverse=True)
    last = features[view.ids.index(picks[-1].pair_id)]
    near = [apart(last, other, either_sign=True) for other in past]
    assert picks[-1].why["nearest_distance"] == pytest.approx(min(near))
    assert picks[-1].why["nearest_pair"] == view.picked.ids[int(np.argmin(near))]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, past = features_of(3, 40, 6), features_of(4, 7, 6)
    whole = distances.nearest_of(features, past, either_sign=True)
    monkeypatch.setattr(distances, "_CELLS", 21)
    np.testing.assert_allclose(distances.nearest_of(features, past, either_sign=True), whole, rtol=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1e-30, 1.0, 1e25]), st.booleans(), st.sampled_from([0, 3]))
def test_a_look_in_float32_leaves_out_nobody(seed: int, scale: float, either_sign: bool, m: int) -> None:
    """Whether few rows, many or all are worked out again changes no pick and no distance; lengths differ widely."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 12)) * rng.lognormal(0, 2, size=(6, 1))
    # Apart by a hundredth of their lengths: nearer ones are told apart only as well as two sums of squares are.
    features = scale * centres[rng.integers(0, 6, size=300)] * (1 + 1e-2 * rng.normal(size=(300, 12)))
    features[:40] = -features[40:80]
    past = scale * rng.normal(size=(m, 12))
    rows, found, looked = Rows.of(view_of(300, 60, seed=seed)), [], [0]
    real = distances._Nearest._may_be_nearer

    def counted(self: distances._Nearest, row: int) -> np.ndarray | slice:
        looked[0] += 1
        return real(self, row)

    for many in (1 << 40, 16, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distances, "_MANY", many)
            patch.setattr(distances._Nearest, "_may_be_nearer", counted)
            found.append((
                distances.d2_sampling(features, 60, rows, drawn_first=False, either_sign=either_sign),
                distances.farthest_first(features, past, 60, rows, either_sign=either_sign),
            ))  # fmt: skip
    assert looked[0] > 100
    for drawn, first in found[1:]:
        assert drawn[0] == found[0][0][0]
        assert first[0] == found[0][1][0]
        np.testing.assert_allclose(drawn[1], found[0][0][1], rtol=1e-6, atol=1e-10 * (features**2).sum(axis=1).max())


def test_where_all_is_one_point_ties_are_broken_by_the_draw() -> None:
    features, view = np.ones((30, 2)), view_of(30, 4)
    tie = uniforms(view.seed, view.round, "tie", view.ids)
    first = int(np.argmin(tie))
    for recipe in (KMeansPlusPlus(features), FarthestFirst(features, np.zeros((0, 2)))):
        assert picked(recipe, view) == [int(row) for row in np.argsort(tie)[:4]]
        assert picked(recipe, view)[0] == first
    assert Rows.of(view).lowest_tie(np.ones(30, dtype=bool)) == sorted(view.ids).index(view.ids[first])


def test_a_point_lies_at_no_distance_of_itself_and_none_is_below() -> None:
    vectors = np.random.default_rng(4).normal(size=(200, 64)) * 1e4
    both = np.concatenate([vectors, -vectors])
    found = distances.squared_distances(both, both, either_sign=True)
    assert (found >= 0).all()
    assert not np.diag(found).any()
    assert not np.diag(found[:200, 200:]).any()
    assert (found[:200, :200] + np.eye(200) > 0).all()
