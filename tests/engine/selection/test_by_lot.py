"""Stochastic batches: Gumbel-top-k draws as one draws one after another without putting back."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.seeds import uniforms
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import GumbelTopK
from tests.engine.selection.test_execute import view_of

VALUES = np.array([0.1, 1.0, 0.4, 2.0, 0.7])
WEIGHTS = {
    "softmax": np.exp(1.5 * VALUES),
    "power": VALUES**1.5,
    "softrank": np.array([5.0, 2.0, 4.0, 1.0, 3.0]) ** -1.5,
}


def picked(recipe: GumbelTopK, n: int, k: int, seed: int = 1) -> list[int]:
    view = view_of(n, k, seed=seed)
    return [view.ids.index(pick.pair_id) for pick in execute(recipe, view)]


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_first_two_come_as_often_as_one_would_draw_them(kind: str) -> None:
    """P(i, then j) = w_i / Σw · w_j / (Σw − w_i), over 4,000 seeds."""
    weight = WEIGHTS[kind]
    counts: dict[tuple[int, int], int] = dict.fromkeys(permutations(range(5), 2), 0)
    for seed in range(4000):
        first, second = picked(GumbelTopK(VALUES, kind, 1.5), 5, 2, seed)  # type: ignore[arg-type]
        counts[first, second] += 1
    total, chi = weight.sum(), 0.0
    for (i, j), count in counts.items():
        expected = 4000 * weight[i] / total * weight[j] / (total - weight[i])
        chi += (count - expected) ** 2 / expected
    assert chi < 43.8  # χ², 19 degrees of freedom, p = 0.001


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=15),
    st.sampled_from(["softmax", "power", "softrank"]),
    st.sampled_from([0.0, 0.5, 1.0, 8.0]),
    st.integers(0, 1000),
)
def test_it_picks_what_the_definition_picks(values: list[float], kind: str, coldness: float, seed: int) -> None:
    """Scores with Gumbel(0, 1/β) noise (Kirsch et al., section 3): the noise a function of the pair alone."""
    n, view = len(values), view_of(len(values), min(5, len(values)), seed=seed)
    noise = [-np.log(-np.log(u)) for u in uniforms(seed, 1, "gumbel", view.ids)]
    tie = uniforms(seed, 1, "tie", view.ids)
    order = sorted(range(n), key=lambda row: (-values[row], tie[row]))

    def perturbed(row: int) -> float:
        if coldness == 0:
            return noise[row]
        if kind == "softmax":
            return values[row] + noise[row] / coldness
        if kind == "softrank":
            return -np.log(order.index(row) + 1) + noise[row] / coldness
        return np.log(values[row]) + noise[row] / coldness if values[row] > 0 else -np.inf

    wanted = sorted(range(n), key=lambda row: (-perturbed(row), tie[row]))[: view.k]
    assert picked(GumbelTopK(np.array(values), kind, coldness), n, view.k, seed) == wanted  # type: ignore[arg-type]


def test_cold_it_is_the_top_and_warm_it_knows_no_values() -> None:
    assert picked(GumbelTopK(VALUES, "softmax", 1e6), 5, 3) == [3, 1, 4]
    assert picked(GumbelTopK(VALUES, "softrank", 1e6), 5, 3) == [3, 1, 4]
    for kind in ("softmax", "power", "softrank"):
        assert picked(GumbelTopK(VALUES, kind, 0.0), 5, 3) == picked(GumbelTopK(-VALUES, kind, 0.0), 5, 3)  # type: ignore[arg-type]


def test_what_has_no_weight_comes_last() -> None:
    values = np.array([0.0, 3.0, -1.0, 0.0, 1.0])
    for seed in range(20):
        assert set(picked(GumbelTopK(values, "power"), 5, 2, seed)) == {1, 4}
    assert sorted(picked(GumbelTopK(np.zeros(4), "power"), 4, 4)) == [0, 1, 2, 3]


def test_the_numbers_behind_a_pick() -> None:
    view, recipe = view_of(5, 5), GumbelTopK(VALUES, "softmax", 1.5)
    picks = execute(recipe, view)
    np.testing.assert_array_equal(scores_of(recipe, view), VALUES)
    share = {pick.pair_id: pick.why["chance_of_first_draw"] for pick in picks}
    wanted = WEIGHTS["softmax"] / WEIGHTS["softmax"].sum()
    assert [share[i] for i in view.ids] == pytest.approx(wanted.tolist())
    assert {pick.why["rank_in_pool"] for pick in picks} == {1.0, 2.0, 3.0, 4.0, 5.0}
