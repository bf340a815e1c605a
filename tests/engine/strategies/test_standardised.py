"""BAL-PM on standardised prompts: neither the unit nor the origin of a column decides, as a slip in brackets let it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.selection.execute import execute, scores_of
from engine.strategies.bal_pm import BalPm, _standardised
from tests.contracts.views import World, frozen, world_for
from tests.engine.strategies.test_ensemble import bal_pm

SCALE, SHIFT = np.array([1.0, 300.0, 0.02, 5.0]), np.array([0.0, 1000.0, -3.0, 20.0])
WIDE = BalPm(standardised=True, weight=3.0, neighbour=3)
"""So that where a prompt lies counts for more than what the ensemble says."""


def in_other_units(world: World) -> World:
    """The same prompts, each column of their embedding in another unit and from another origin."""

    def change(name: str, values: np.ndarray) -> np.ndarray:
        return frozen(values * SCALE + SHIFT) if name == "prompt_embedding" else values

    past = {name: change(name, values) for name, values in (world.picked_values or {}).items()}
    return replace(world.with_values(change), picked_values=past or None)


def picks(strategy: BalPm, view: PoolView) -> list[int]:
    return [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)]


def slow(view: PoolView) -> list[int]:
    """Column by column: less the mean, and that by the standard deviation; each prompt counts once."""
    points, past = (of["prompt_embedding"].astype(float) for of in (view, view.picked))
    different = sorted({tuple(point) for point in [*points, *past]})
    columns = [[point[c] for point in different] for c in range(points.shape[1])]
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        (sum((x - mean) ** 2 for x in column) / len(column)) ** 0.5 for column, mean in zip(columns, means, strict=True)
    ]

    def standard(rows: np.ndarray) -> np.ndarray:
        found = [[(x - m) / s for x, m, s in zip(row, means, spreads, strict=True)] for row in rows]
        return np.array(found).reshape(rows.shape)

    return bal_pm(view, k=3, weight=3.0, points=[standard(points), standard(past)])


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0, 5]), st.integers(1, 9))
def test_it_picks_what_its_formula_picks(seed: int, picked: int, k: int) -> None:
    view = in_other_units(world_for(WIDE, picked=picked, seed=seed)).view(k=k, seed=seed)
    assert picks(WIDE, view) == slow(view)


@pytest.mark.parametrize("picked", [0, 5])
def test_units_and_origins_of_the_columns_change_nothing_then(picked: int) -> None:
    world = world_for(WIDE, picked=picked)
    here, there = world.view(k=6), in_other_units(world).view(k=6)
    assert picks(WIDE, here) == picks(WIDE, there)
    assert scores_of(WIDE.recipe(here), here) == pytest.approx(scores_of(WIDE.recipe(there), there), rel=1e-3)
    raw = WIDE.model_copy(update={"standardised": False})
    assert picks(raw, here) != picks(raw, there), "else this would show nothing"


def test_by_hand() -> None:
    """Columns 0, 2, 4 and 10, 30, 50 over three different prompts, one of them twice; a third column is constant."""
    features, past = np.array([[0, 10, 7], [2, 30, 7], [0, 10, 7]]), np.array([[4, 50, 7]])
    found, gone = _standardised(features, past)
    away = 2 / np.sqrt(8 / 3)
    np.testing.assert_allclose(found, [[-away, -away, 0], [0, 0, 0], [-away, -away, 0]], atol=1e-12)
    np.testing.assert_allclose(gone, [[away, away, 0]], atol=1e-12)
