"""Intervals against numbers worked by hand."""

import numpy as np
import pytest

from engine.analysis.intervals import t_interval


def test_three_values_by_hand() -> None:
    # mean 2, s = 1, t(0.975, 2) = 4.30265, half = 4.30265 / √3 = 2.48414
    interval = t_interval([1.0, 2.0, 3.0])
    assert interval.mean == 2.0
    assert interval.low == pytest.approx(-0.48414, abs=1e-4)
    assert interval.high == pytest.approx(4.48414, abs=1e-4)
    assert interval.n == 3


def test_fewer_than_three_give_no_interval() -> None:
    assert t_interval([1.0, 3.0]).low is None
    with pytest.raises(ValueError, match="at least one"):
        t_interval([])


def test_it_covers() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        interval = t_interval(rng.normal(5.0, 2.0, size=4))
        assert interval.low is not None and interval.high is not None
        inside += interval.low < 5.0 < interval.high
    assert 0.935 < inside / 2000 < 0.965
