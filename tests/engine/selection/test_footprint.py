"""What a design is said to hold against what it holds, counted allocation by allocation."""

import tracemalloc

import numpy as np
import pytest

from engine.records import Pair
from engine.selection.execute import execute
from engine.selection.footprint import held, told
from engine.selection.recipes import (
    Crowding,
    FacilityLocation,
    FarthestFirst,
    GreedyLogDet,
    KMeansPlusPlus,
    Recipe,
    Scores,
    Shuffled,
)
from tests.engine.selection.test_execute import view_of

N, D, K = 6_000, 64, 40
RNG = np.random.default_rng(0)
FEATURES, FEW, MANY = RNG.normal(size=(N, D)), RNG.normal(size=(20, D)), RNG.normal(size=(300, D))
UNIT = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
DESIGNS: dict[str, Recipe] = {
    "few past": GreedyLogDet(FEATURES, FEW, 0.1),
    "more past than dimensions": GreedyLogDet(FEATURES, MANY, 0.1),
    "all tied": GreedyLogDet(UNIT, FEW[:0], 0.1),
    "the whole pool": GreedyLogDet(FEATURES, FEW, 0.1, whole_pool=True),
    "of a subset": GreedyLogDet(FEATURES, FEW, 0.1, among=50),
    "k-means++": KMeansPlusPlus(FEATURES),
    "k-center": FarthestFirst(FEATURES, FEW),
    "all similarities": FacilityLocation(FEATURES, FEW),
    "nearest neighbours": FacilityLocation(FEATURES, FEW, dense=100),
    "crowding": Crowding(FEATURES[:, 0], FEATURES[:, :8], FEW[:, :8]),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_no_more_is_held_than_is_said_and_not_much_less(name: str) -> None:
    recipe, view = DESIGNS[name], view_of(N, K)
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(300))
    assert len(view.ids) == len(view.prompt_ids) == N  # kept by the view
    tracemalloc.start()
    execute(recipe, view)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = held(recipe, K)
    assert peak < said + 2e6  # ids, draws and picks
    assert said < 4 * peak


def test_the_sentence() -> None:
    recipe = GreedyLogDet(FEATURES, FEW, 0.1)
    assert told(recipe, view_of(N, K)) == told(Shuffled(recipe), view_of(N, K))
    assert told(recipe, view_of(N, K)).startswith("picking 40 of 6,000 pairs, d = 64, at most ")
    assert told(Scores(FEATURES[:, 0]), view_of(N, K)) == "picking 40 of 6,000 pairs"


def test_it_grows_with_the_pool_and_not_with_its_square() -> None:
    """But for the similarities of a pool that is small enough for all of them."""
    for name, recipe in DESIGNS.items():
        if isinstance(recipe, GreedyLogDet | KMeansPlusPlus | FarthestFirst):
            large = type(recipe)(**{**vars(recipe), "features": np.broadcast_to(FEATURES[:1], (1_000_000, D))})
            assert held(large, K) < 4 * 8 * 1_000_000 * D, name
    large = FacilityLocation(np.broadcast_to(FEATURES[:1], (1_000_000, D)), FEW)
    assert held(large, K) < 6 * 8 * 1_000_000 * max(D, large.neighbours)
