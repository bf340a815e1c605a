"""The benchmarks of selection run at a tiny size: both ways agree, and each row is there."""

from tests.bench import cache, distances, facility, logdet, selection


def test_log_det() -> None:
    lines = logdet.measure(600, 16, 20, quick=True)
    assert sum("log-det" in line for line in lines) == 4
    assert "the same picks" in lines[2]


def test_distances() -> None:
    lines = distances.measure(500, 64, 4, quick=True)
    assert any("k-center" in line and "the same picks" in line for line in lines)


def test_facility_location() -> None:
    lines = facility.measure(300, 16, 8, quick=True)
    assert sum("the same picks where asked" in line for line in lines) == 6


def test_a_second_strategy() -> None:
    assert "the same picks, scores and gains" in cache.measure(22, quick=True)[1]


def test_pools_of_several_sizes_and_a_device() -> None:
    points = selection.scaling((50, 200), 8, 5, turns=1)
    assert [(p["design"], p["pairs"]) for p in points] == [(d, n) for n in (50, 200) for d in selection.DESIGNS]
    lines = selection.measure_on("cpu", 300, 8, 6, quick=True)
    assert sum("the same picks" in line for line in lines) == 3
