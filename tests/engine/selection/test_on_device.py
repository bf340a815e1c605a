"""The designs in torch, here on a CPU: numpy's picks in float64, and no pick that the host waits for."""

import ast
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode

from engine.loop import Stopped
from engine.records import Pair
from engine.selection import distances, facility, facility_on_device, logdet, on_device
from engine.selection.execute import execute
from engine.selection.recipes import FacilityLocation, FarthestFirst, GreedyLogDet, KMeansPlusPlus, Recipe
from engine.selection.rows import Rows
from tests.engine.selection.test_execute import view_of
from tests.engine.selection.test_logdet import pool

SMALL = st.tuples(
    st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 6), st.sampled_from([0, 2, 12]),
    st.sampled_from(["normal", "unit", "copies", "long"]),
)  # fmt: skip


def rows_of(n: int, seed: int, check: Callable[[], None] = lambda: None) -> Rows:
    return Rows.of(view_of(n, 0, seed=seed), check, "cpu")


@settings(deadline=None, max_examples=80)
@given(SMALL)
def test_log_det_picks_what_numpy_picks(small: tuple[int, int, int, int, str]) -> None:
    seed, n, d, m, kind = small
    features, past, _ = pool(seed, n, d, m, kind)
    rows, k = rows_of(n, seed), min(n, 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "_CELLS", 20)
        found, before, gains = on_device.greedy_log_det(features, past, 0.1, k, rows)
    wanted, scores, worth = logdet.greedy_log_det(features, past, 0.1, k, rows.tie)
    assert found == wanted
    np.testing.assert_allclose(before, scores, rtol=1e-9)
    np.testing.assert_allclose(gains, worth, rtol=1e-7)


@settings(deadline=None, max_examples=80)
@given(SMALL, st.booleans())
def test_k_center_picks_what_numpy_picks(small: tuple[int, int, int, int, str], either_sign: bool) -> None:
    seed, n, d, m, kind = small
    features, past, _ = pool(seed, n, d, m, kind)
    rows, k = rows_of(n, seed), min(n, 9)
    found, before, gains = on_device.farthest_first(features, past, k, rows, either_sign=either_sign)
    wanted, scores, worth = distances.farthest_first(features, past, k, rows, either_sign=either_sign)
    assert found == wanted
    np.testing.assert_allclose(before, scores, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(gains, worth, rtol=1e-9, atol=1e-6)


@settings(deadline=None, max_examples=80)
@given(SMALL, st.booleans(), st.booleans())
def test_k_means_plus_plus_draws_what_numpy_draws(
    small: tuple[int, int, int, int, str], either_sign: bool, drawn_first: bool
) -> None:
    seed, n, d, _, kind = small
    features, _, _ = pool(seed, n, d, 0, kind)
    rows, k = rows_of(n, seed), min(n, 9)
    found, gains, chances = on_device.d2_sampling(features, k, rows, drawn_first=drawn_first, either_sign=either_sign)
    wanted, worth, shares = distances.d2_sampling(features, k, rows, drawn_first=drawn_first, either_sign=either_sign)
    assert found == wanted
    np.testing.assert_allclose(gains, worth, rtol=1e-9)
    np.testing.assert_allclose(chances, shares, rtol=1e-9)


@settings(deadline=None, max_examples=80)
@given(SMALL, st.booleans(), st.sampled_from([0, 4, 100]))
def test_facility_location_picks_what_numpy_picks(
    small: tuple[int, int, int, int, str], either_sign: bool, neighbours: int
) -> None:
    """With all similarities, with each one's nearest few, and with all its neighbours one by one."""
    seed, n, d, m, kind = small
    if neighbours == 4 and kind == "copies":  # which of equal neighbours is kept is left open
        kind = "normal"
    features, past, _ = pool(seed, n, max(d, 3), m, kind)
    rows, k = rows_of(n, seed), min(n, 9)
    recipe = FacilityLocation(features, past, either_sign, neighbours or 64, 0 if neighbours else 10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "_CELLS", 40)
        found, before, gains, means = facility_on_device.located(recipe, rows.finite(features), rows, k)
    wanted, scores, worth, similar = facility.cover(facility.likeness_of(recipe, rows), k, rows)
    assert found == wanted
    np.testing.assert_allclose(before, scores, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gains, worth, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(means, similar, rtol=1e-6)


class Waits(TorchFunctionMode):
    """Counts what makes the host wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        self.count += name in {"item", "tolist", "cpu", "numpy", "nonzero", "unique", "masked_select", "equal"} or (
            name.startswith("__") and name.strip("_") in {"bool", "int", "float", "index", "contains"}
        )
        return func(*args, **(kwargs or {}))


def runs() -> dict[str, Callable[[int, Rows], object]]:
    features, past, _ = pool(3, 400, 5, 2, "normal")
    whole, near = FacilityLocation(features, past), FacilityLocation(features, past, neighbours=9, dense=0)
    return {
        "facility location": lambda k, rows: facility_on_device.located(whole, features, rows, k),
        "facility location, nearest": lambda k, rows: facility_on_device.located(near, features, rows, k),
        "log det": lambda k, rows: on_device.greedy_log_det(features, past, 0.1, k, rows),
        "k-center": lambda k, rows: on_device.farthest_first(features, past, k, rows, either_sign=True),
        "k-means++": lambda k, rows: on_device.d2_sampling(features, k, rows, drawn_first=False, either_sign=True),
    }


@pytest.mark.parametrize("name", runs())
def test_a_pick_is_not_waited_for(name: str) -> None:
    """As many waits for 60 picks as for 4; one more, with a look at `check`, for every 64."""
    counts, looks = [], []
    for k in (4, 60, 200):
        asked = [0]

        def look(asked: list[int] = asked) -> None:
            asked[0] += 1

        with Waits() as waits:
            runs()[name](k, rows_of(400, 1, look))
        counts.append(waits.count)
        looks.append(asked[0])
    assert counts[0] == counts[1] == counts[2] - 3
    assert looks == [1, 1, 4]


def test_the_counter_of_waits_counts() -> None:
    with Waits() as waits:
        number = torch.ones(3)
        assert number.sum().item() == 3
        assert bool(number[0])
        number.tolist()
    assert waits.count == 3


@pytest.mark.parametrize("name", runs())
def test_it_can_be_stopped(name: str) -> None:
    left = [2]

    def check() -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    with pytest.raises(Stopped):
        runs()[name](200, rows_of(400, 1, check))


@pytest.mark.parametrize(
    "recipe", [GreedyLogDet, KMeansPlusPlus, FarthestFirst, FacilityLocation], ids=lambda recipe: recipe.__name__
)  # fmt: skip
def test_a_study_on_a_device_gets_the_same_batch(recipe: type[Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    features, past, _ = pool(4, 90, 6, 3, "unit")
    view = view_of(90, 12)
    view.picked.pairs = tuple(Pair.of("past", f"{i}x", f"{i}y") for i in range(3))
    given: dict[str, Any] = {} if recipe is KMeansPlusPlus else {"past": past}
    given |= {"ridge": 0.1} if recipe is GreedyLogDet else {}
    made = recipe(features, **given)  # type: ignore[call-arg, arg-type]
    wanted = execute(made, view)
    used: list[int] = []
    real = on_device.Batch.take
    monkeypatch.setattr(on_device.Batch, "take", lambda *a: used.append(1) or real(*a))
    assert execute(made, view, device="cpu") == wanted
    assert not used  # too small to be worth the way
    monkeypatch.setattr(on_device, "WORTH_IT", 1)
    found = execute(made, view, device="cpu")
    assert len(used) == 12
    assert [pick.pair_id for pick in found] == [pick.pair_id for pick in wanted]
    for pick, other in zip(found, wanted, strict=True):
        assert pick.why.keys() == other.why.keys()
        assert all(value == pytest.approx(other.why[name]) for name, value in pick.why.items() if value is not None)
        assert (pick.score, pick.gain) == pytest.approx((other.score, other.gain), rel=1e-5)


@pytest.mark.parametrize("module", [on_device, facility_on_device])
def test_torch_is_imported_only_where_it_is_used(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    top = {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names}
    assert top == {"numpy"}
