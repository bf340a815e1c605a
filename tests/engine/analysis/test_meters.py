"""Meters of a batch beside random ones, worked by hand where the chance is known."""

from math import comb

import numpy as np
import pytest

from engine.analysis.meters import coverage, distinct, meter, random_batches
from engine.analysis.redundancy import cosines, mean_nearest, redundancy


def test_a_random_batch_has_no_pair_twice_and_is_the_same_for_a_seed_and_round() -> None:
    drawn = random_batches(30, 10, seed=3, round_number=2)
    assert drawn.shape == (200, 10)
    assert all(len(set(rows)) == 10 for rows in drawn)
    assert np.array_equal(drawn, random_batches(30, 10, seed=3, round_number=2))
    assert not np.array_equal(drawn, random_batches(30, 10, seed=3, round_number=3))
    assert random_batches(4, 10, seed=1, round_number=1).shape == (200, 4)


def test_a_meter_by_hand() -> None:
    """Four candidates of values 0 to 3; the three random batches have means 0.5, 1.5, 2.5."""
    values = np.array([0.0, 1.0, 2.0, 3.0])
    found = meter(lambda rows: float(values[rows].mean()), [3, 2], np.array([[0, 1], [1, 2], [2, 3]]))
    assert (found.value, found.mean) == (2.5, 1.5)
    assert (found.low, found.high) == (pytest.approx(0.55), pytest.approx(2.45)), "2.5 % and 97.5 % between the three"


def test_distinct_kinds_leave_out_what_has_none() -> None:
    assert distinct(np.array([0, 0, 1, -1, 2]))(np.array([0, 1, 3, 4])) == 2.0


def test_coverage_of_a_random_batch_is_what_the_urn_gives() -> None:
    """Of 5, 3 and 2 pairs a draw of 4 misses a kind of m with chance C(10 − m, 4) / C(10, 4)."""
    expected = sum(1 - comb(10 - m, 4) / comb(10, 4) for m in (5, 3, 2))
    found = coverage([5, 3, 2], 3, 4, seed=1, round_number=1, draws=20_000)
    assert found.mean == pytest.approx(expected, abs=0.02)
    assert (found.value, found.low, found.high) == (3.0, 2.0, 3.0)
    assert coverage([1, 1], 2, 60, seed=1, round_number=1).mean == 2.0, "a batch larger than what is there takes all"


def test_the_nearest_other_row_is_that_of_redundancy() -> None:
    rows = np.random.default_rng(2).normal(size=(12, 5))
    for signed in (True, False):
        assert redundancy(rows, signed=signed).n == 12
    assert mean_nearest(rows) == redundancy(rows).nearest
    assert mean_nearest(rows[:1]) is None
    assert cosines(rows[:2], rows[:3])[0, 0] == pytest.approx(1.0)


def test_where_a_batch_has_one_pair_a_prompt_the_random_ones_have_too() -> None:
    """Five prompts of 1 to 5 pairs: five picks are of all five, seven have two prompts twice, and none thrice."""
    prompts = np.repeat(np.arange(5), [1, 2, 3, 4, 5])[np.random.default_rng(0).permutation(15)]
    for k, most in ((5, 1), (7, 2), (15, 5)):
        drawn = random_batches(15, k, seed=3, round_number=2, prompts=prompts)
        assert drawn.shape == (200, k)
        for rows in drawn:
            assert len(set(rows)) == k
            counts = np.bincount(prompts[rows], minlength=5)
            assert counts.max() == most and counts.min() >= 1
    assert set(random_batches(15, 5, seed=3, round_number=2, prompts=prompts).ravel()) == set(range(15)), (
        "all are drawn"
    )
    few = random_batches(15, 3, seed=3, round_number=2, prompts=prompts)
    assert all(len(set(prompts[rows])) == 3 for rows in few)
