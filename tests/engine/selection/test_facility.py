"""Facility location, dense and by nearest neighbours, against the sum written out pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.loop import Stopped
from engine.records import Pair
from engine.seeds import uniforms
from engine.selection import facility
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import FacilityLocation
from engine.strategies.base import STRATEGIES
from tests.contracts.views import world_for
from tests.engine.selection.test_execute import view_of

SMALL = st.tuples(st.integers(0, 10_000), st.integers(1, 16), st.integers(1, 4), st.integers(0, 3), st.booleans())


def alike(one: np.ndarray, other: np.ndarray, either_sign: bool) -> float:
    """As the recipe says, to the digits of float32."""
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    cosine = float(one @ other / lengths) if lengths else 0.0
    return float(np.float32(abs(cosine) if either_sign else max(cosine, 0.0)))


def slow(
    features: np.ndarray, past: np.ndarray, k: int, tie: np.ndarray, either_sign: bool, neighbours: int | None = None
) -> tuple[list[int], list[float], list[float]]:
    """The whole sum for every candidate of every pick; with `neighbours` each row knows only so many."""
    n = len(features)
    kernel = np.array([[alike(i, j, either_sign) for j in features] for i in features])
    if neighbours is not None:
        for i in range(n):
            order = sorted(range(n), key=lambda j: (j != i, -kernel[i, j]))
            kernel[i, order[neighbours:]] = 0
    of_past = [max((alike(i, p, either_sign) for p in past), default=0.0) for i in features]
    picked, gains, before = list[int](), list[float](), list[float]()

    def total(chosen: list[int]) -> float:
        return sum(max([of_past[i], *(kernel[i, j] for j in chosen)]) for i in range(n))

    for _ in range(k):
        rise = {j: total([*picked, j]) - total(picked) for j in range(n) if j not in picked}
        before = before or list(rise.values())
        best = max(rise.values())
        picked.append(min((j for j, r in rise.items() if r >= best - 1e-9), key=lambda j: tie[j]))
        gains.append(rise[picked[-1]])
    return picked, gains, before


def found(recipe: FacilityLocation, view: PoolView) -> tuple[list[int], list[float]]:
    picks = execute(recipe, view)
    return [view.ids.index(pick.pair_id) for pick in picks], [pick.gain or 0.0 for pick in picks]


def world(seed: int, n: int, d: int, m: int) -> tuple[np.ndarray, np.ndarray, PoolView, np.ndarray]:
    rng = np.random.default_rng(seed)
    features, past, view = rng.normal(size=(n, d)), rng.normal(size=(m, d)), view_of(n, min(n, 7), seed=seed)
    if seed % 3 == 0 and n > 3:
        features[: n // 3] = -2 * features[n // 3 : 2 * (n // 3)]  # the same pairs for |cos|, the other way round
        features[-1] = 0  # like nobody
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(m))
    return features, past, view, uniforms(seed, view.round, "tie", view.ids)


@settings(deadline=None, max_examples=80)
@given(SMALL, st.sampled_from([1, 60, 1 << 22]))
def test_it_picks_what_the_sum_picks(small: tuple[int, int, int, int, bool], cells: int) -> None:
    seed, n, d, m, either_sign = small
    features, past, view, tie = world(seed, n, d, m)
    recipe = FacilityLocation(features, past, either_sign)
    wanted, gains, before = slow(features, past, view.k, tie, either_sign)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facility, "_CELLS", cells)
        patch.setattr(facility, "_ASKED", 1)
        rows, raised = found(recipe, view)
        scores = scores_of(recipe, view)
    assert rows == wanted
    np.testing.assert_allclose(raised, gains, atol=1e-5)
    np.testing.assert_allclose(scores, before, atol=1e-5)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10_000), st.integers(2, 16), st.integers(2, 4), st.integers(0, 3), st.booleans(),
       st.integers(1, 6))  # fmt: skip
def test_in_a_large_pool_each_pair_knows_its_nearest_only(
    seed: int, n: int, d: int, m: int, either_sign: bool, neighbours: int
) -> None:
    features, past, view, tie = world(3 * seed + 1, n, d, m)
    recipe = FacilityLocation(features, past, either_sign, neighbours, dense=1)
    wanted, gains, _ = slow(features, past, view.k, tie, either_sign, neighbours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facility, "_CELLS", 40)
        patch.setattr(facility, "_ASKED", 1)
        rows, raised = found(recipe, view)
    assert rows == wanted
    np.testing.assert_allclose(raised, gains, atol=1e-5)


def test_knowing_everybody_it_is_the_whole_sum() -> None:
    features, past, view, _ = world(7, 300, 6, 4)
    whole, part = (FacilityLocation(features, past, neighbours=300, dense=dense) for dense in (300, 299))
    assert found(whole, view)[0] == found(part, view)[0]
    assert [pick.why.get("neighbours_looked_at") for pick in execute(part, view)] == [300.0] * 7
    assert "neighbours_looked_at" not in execute(whole, view)[0].why


def test_it_takes_from_the_crowd_first_and_each_crowd_once() -> None:
    """Three directions of 20, 10 and 5 pairs: the batch takes one of each, the largest first; k-center has no eye for
    that. Then all are covered, and what is left is worth next to nothing."""
    rng = np.random.default_rng(2)
    of = np.repeat([0, 1, 2], [20, 10, 5])
    features = np.eye(3)[of] * rng.choice([-1, 1], size=(35, 1)) + 0.01 * rng.normal(size=(35, 3))
    view = view_of(35, 4)
    rows, gains = found(FacilityLocation(features, np.zeros((0, 3))), view)
    assert [int(of[row]) for row in rows[:3]] == [0, 1, 2]
    assert gains[3] < 0.05
    assert execute(FacilityLocation(features, np.zeros((0, 3))), view)[2].why["mean_similarity"] > 0.99
    assert of[found(FacilityLocation(features, features[:1]), view)[0][0]] == 1  # the first crowd is covered


def test_only_who_may_be_the_best_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = [0], facility._Dense.rise

    def counted(self: facility._Dense, rows: np.ndarray, worth: np.ndarray, since: np.ndarray) -> np.ndarray:
        asked[0] += len(rows)
        return real(self, rows, worth, since)

    monkeypatch.setattr(facility._Dense, "rise", counted)
    features, view = np.random.default_rng(1).normal(size=(800, 8)), view_of(800, 60)
    execute(FacilityLocation(features, features[:0]), view)
    assert asked[0] < 60 * 800 / 4


def test_it_can_be_stopped_while_similarities_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facility, "_CELLS", 400)

    def stop() -> None:
        raise Stopped

    features = np.random.default_rng(1).normal(size=(40, 3))
    for dense in (40, 39):
        with pytest.raises(Stopped):
            scores_of(FacilityLocation(features, features[:0], dense=dense), view_of(40, 0), stop)


def test_the_strategy_reads_directions_and_what_is_labelled() -> None:
    """|cos| of the differences of embeddings, or cos of the middles where positive; lengths do not matter."""
    for of, either_sign in (("difference", True), ("mean", False)):
        strategy = STRATEGIES.build({"name": "facility_location", "of": of})
        for picked in (0, 3, 11):
            view = world_for(strategy, picked=picked, seed=picked).view(k=6)
            (a, b), (c, d) = view.sides("embedding"), view.picked.sides("embedding")
            places, past = (a - b, c - d) if of == "difference" else (a + b, c + d)
            tie = uniforms(view.seed, view.round, "tie", view.ids)
            wanted, _, _ = slow(places.astype(float), past.astype(float), 6, tie, either_sign)
            assert [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)] == wanted
