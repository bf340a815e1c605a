"""PCA and dissimilarity against numpy's SVD and by hand."""

import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.projection import dissimilarity, plane_of, turned, umap_places
from engine.errors import DataError


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.linspace(3, 0.2, d) + 5).astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(50, 7), (5, 12), (300, 2), (40, 30)])
@pytest.mark.parametrize("centred", [True, False])
def test_the_plane_is_that_of_an_svd(n: int, d: int, centred: bool) -> None:
    values = rows(n, d)
    plane = plane_of(lambda: [values[:3], values[3:]], centred=centred)
    twin = values.astype(np.float64) - (values.mean(axis=0, dtype=np.float64) if centred else 0)
    _, singular, right = np.linalg.svd(twin, full_matrices=False)
    assert plane.explained == pytest.approx((singular[:2] ** 2 / (singular**2).sum()).tolist())
    for axis, expected in zip(plane.axes, right, strict=False):
        assert abs(float(axis @ expected)) == pytest.approx(1, abs=1e-6)
        assert axis[np.abs(axis).argmax()] > 0
    assert np.abs(plane.place(values)) == pytest.approx(np.abs(twin @ right[:2].T), rel=1e-4, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_swapped_sides_give_the_same_plane_of_differences(swap: list[bool]) -> None:
    values = rows(12, 5) - 5
    sign = np.where(swap, -1, 1)[:, None].astype(np.float32)
    one, other = plane_of(lambda: [values], centred=False), plane_of(lambda: [values * sign], centred=False)
    assert one.axes == pytest.approx(other.axes, abs=1e-9)
    assert one.place(values) * sign == pytest.approx(other.place(values * sign), abs=1e-5)


def test_few_directions_leave_axes_at_zero() -> None:
    nothing = plane_of(lambda: [])
    assert nothing.explained == (0.0, 0.0)
    same = plane_of(lambda: [np.ones((4, 3), np.float32)])
    assert (same.explained, same.place(np.ones((4, 3))).tolist()) == ((0.0, 0.0), [[0.0, 0.0]] * 4)
    line = plane_of(lambda: [np.array([[0.0], [1.0], [2.0]])])
    assert line.explained == (1.0, 0.0)
    assert line.place(np.array([[2.0]])).tolist() == [[1.0, 0.0]]


def test_dissimilarity_by_hand() -> None:
    """Same direction 0, right angle 1, opposite 2; 60° gives 1 − 0.5; of nothing there is none."""
    one = np.array([[2, 0], [1, 0], [1, 0], [1, 0], [0, 0]], dtype=np.float32)
    other = np.array([[5, 0], [0, 3], [-1, 0], [0.5, 3**0.5 / 2], [1, 0]], dtype=np.float32)
    found = dissimilarity(one, other)
    assert found[:4] == pytest.approx([0, 1, 2, 0.5], abs=1e-6)
    assert np.isnan(found[4])


def test_turned_rows_point_to_one_side_and_stay_on_their_line() -> None:
    values = rows(20, 4) - 5
    found = turned(values)
    assert (found[:, 0] >= 0).all()
    assert np.array_equal(np.abs(found), np.abs(values))
    assert np.array_equal(turned(-values), found)


def test_more_directions_are_those_of_an_svd() -> None:
    values = rows(60, 9)
    plane = plane_of(lambda: [values], directions=5)
    _, singular, right = np.linalg.svd(values.astype(np.float64) - values.mean(axis=0, dtype=np.float64))
    assert plane.explained == pytest.approx((singular[:5] ** 2 / (singular**2).sum()).tolist())
    assert np.abs((plane.axes * right[:5]).sum(axis=1)) == pytest.approx(1, abs=1e-6)
    narrow = plane_of(lambda: [values[:, :1]], directions=2)
    assert narrow.axes.shape == (2, 1)
    assert narrow.place(values[:, :1])[:, 1].tolist() == [0.0] * 60


def test_umap_without_its_package_or_with_few_points_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(DataError, match=r'not installed here.*pip install -e "\.\[umap\]"'):
        umap_places(rows(40, 3), 0, "t")


def test_umap_is_fitted_to_the_first_rows_and_places_the_others_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[tuple[int, int]] = []

    class Flat:
        """In the place of UMAP, which takes half a minute to compile: it keeps the first two numbers."""

        def __init__(self, **settings: object) -> None:
            assert settings["random_state"] == settings["transform_seed"]

        def fit_transform(self, part: np.ndarray) -> np.ndarray:
            fitted.append((0, len(part)))
            return part[:, :2]

        def transform(self, part: np.ndarray) -> np.ndarray:
            fitted.append((1, len(part)))
            return part[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Flat))
    monkeypatch.setattr("engine.analysis.projection.FITTED", 20)
    values = rows(50, 3)
    assert np.array_equal(umap_places(values, 0, "t"), values[:, :2]), "every row once, in order"
    assert fitted == [(0, 20), (1, 20), (1, 10)]
    with pytest.raises(DataError, match="more than 15 points; here are 15"):
        umap_places(values[:15], 0, "t")
