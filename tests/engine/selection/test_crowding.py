"""BAL-PM's design against the formula, one pair and one point at a time; and what it is for: spread."""

from math import log

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from engine.data.pool import PoolView
from engine.records import Pair
from engine.seeds import rng_for
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import Crowding


def view_of(prompts: int, each: int, k: int, seed: int) -> PoolView:
    pairs = [Pair.of(f"p{n:02}", f"r{n}{m}", f"s{n}{m}") for n in range(prompts) for m in range(each)]
    order = rng_for(seed, None, "order").permutation(len(pairs))
    return PoolView([pairs[row] for row in order], {}, k=k, seed=seed, round_number=2)


def world(view: PoolView, seed: int, past: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A value a pair, a point a prompt, and points of past picks, some of them prompts of the pool."""
    rng = rng_for(seed, None, "crowd")
    names = sorted(set(view.prompt_ids))
    points = dict(zip(names, rng.normal(size=(len(names), 3)), strict=True))
    gone = [points[names[n % len(names)]] if n % 2 else rng.normal(size=3) for n in range(past)]
    features = np.array([points[name] for name in view.prompt_ids])
    return spread * rng.normal(size=len(view)), features, np.array(gone).reshape(past, 3)


def slow(view: PoolView, values: np.ndarray, features: np.ndarray, past: np.ndarray, neighbour: int,
         weight: float, dimension: float) -> tuple[list[str], list[float]]:  # fmt: skip
    """argmax of U + β [log(2 D + 1e-4) − ψ(n + 1) / d], n counted anew over all that was acquired."""
    different = {tuple(point) for point in [*features, *past]}
    acquired = [tuple(point) for point in past]
    ids: list[str] = []
    before: list[float] = []
    for turn in range(view.k):
        best: tuple[float, str, tuple[float, ...]] | None = None
        for pair_id, value, point in zip(view.ids, values, features, strict=True):
            away = sorted(float(np.linalg.norm(point - np.array(other))) for other in different - {tuple(point)})
            reach = away[min(neighbour, len(away)) - 1] if away else 0.0
            near = sum(float(np.linalg.norm(point - np.array(other))) < reach for other in acquired)
            score = value + weight * (log(2 * reach + 1e-4) - digamma(near + 1) / dimension)
            if turn == 0:
                before.append(score)
            if pair_id not in ids and (best is None or score > best[0]):
                best = (score, pair_id, tuple(point))
        assert best is not None
        ids.append(best[1])
        acquired.append(best[2])
    return ids, before


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 7), st.integers(1, 12), st.integers(0, 10_000))
def test_picks_and_scores_are_those_of_the_formula(
    prompts: int, each: int, past: int, neighbour: int, seed: int
) -> None:
    view = view_of(prompts, each, k=min(5, prompts * each), seed=seed)
    values, features, gone = world(view, seed, past, spread=0.3)
    recipe = Crowding(values, features, gone, neighbour, weight=0.5, dimension=2.0)
    ids, before = slow(view, values, features, gone, neighbour, 0.5, 2.0)
    assert [pick.pair_id for pick in execute(recipe, view)] == ids
    np.testing.assert_allclose(scores_of(recipe, view), before, rtol=1e-9)  # type: ignore[arg-type]


def test_a_batch_spreads_over_prompts_where_values_are_alike() -> None:
    """Without the entropy the three best pairs are of one prompt; with it of three, and a gain falls as it fills."""
    view = view_of(6, 3, k=3, seed=1)
    _, features, _ = world(view, 1, 0)
    values = np.array([1.0 if name == "p02" else 0.99 for name in view.prompt_ids])
    nothing = np.zeros((0, 3))
    alone = execute(Crowding(values, features, nothing, 3, weight=0.0), view)
    spread = execute(Crowding(values, features, nothing, 3, weight=0.5), view)
    prompt_of = dict(zip(view.ids, view.prompt_ids, strict=True))
    assert {prompt_of[pick.pair_id] for pick in alone} == {"p02"}
    assert len({prompt_of[pick.pair_id] for pick in spread}) == 3
    assert all(pick.score is not None and pick.gain is not None and pick.gain <= pick.score for pick in spread)
    assert [pick.why["acquired_nearby"] for pick in alone] == [0.0, 1.0, 2.0]


def test_prompts_asked_about_before_count_as_acquired() -> None:
    view = view_of(6, 1, k=1, seed=3)
    _, features, _ = world(view, 3, 0)
    values = np.zeros(6)
    first = execute(Crowding(values, features, np.zeros((0, 3)), 2, weight=1.0), view)[0].pair_id
    there = features[view.ids.index(first)]
    again = execute(Crowding(values, features, np.array([there] * 20), 2, weight=1.0), view)[0].pair_id
    assert again != first
