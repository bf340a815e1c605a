"""Filters against a slow version written from the formula, on small random problems."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.filters.base import Judged
from engine.filters.difficulty import Difficulty
from engine.filters.dual_margin import DualMargin

MARGINS = st.lists(
    st.tuples(st.floats(-6, 6, allow_subnormal=False), st.floats(-6, 6, allow_subnormal=False)),
    min_size=2, max_size=12, unique_by=(lambda pair: round(pair[0], 3), lambda pair: round(pair[1], 3)),
)  # fmt: skip


def judged(margins: list[tuple[float, float]], moved: bool = True) -> Judged:
    external, implicit = (np.array(side) for side in zip(*margins, strict=True))
    return Judged(
        tuple(f"x{i}" for i in range(len(margins))), {"external": external, "implicit": implicit}, moved, 1, 2
    )


def probability(m: float, low: float, high: float) -> float:
    return (min(max(m, low), high) - low) / (high - low)


@settings(max_examples=80, deadline=None)
@given(MARGINS, st.sampled_from(["multiply", "add"]), st.floats(0.1, 1.0))
def test_dual_margin_keeps_what_the_formula_ranks_highest(
    margins: list[tuple[float, float]], fusion: str, share: float
) -> None:
    one = DualMargin(fusion=fusion, share=share, external_high=3.0, implicit_high=2.0, external_low=-2.0)
    values = []
    for external, implicit in margins:
        p, q = probability(external, -2, 3), probability(implicit, -2, 2)
        if fusion == "add":
            values.append(p + q)
        else:
            below = p * q + (1 - p) * (1 - q)
            values.append(0.5 if below == 0 else p * q / below)
    kept = one.keep(judged(margins))
    assert kept.sum() == max(1, math.floor(share * len(margins) + 1e-9))
    worst_kept = min(v for v, k in zip(values, kept, strict=True) if k)
    best_left = max((v for v, k in zip(values, kept, strict=True) if not k), default=-1.0)
    assert worst_kept >= best_left - 1e-12


def test_dual_margin_by_hand() -> None:
    """Ends −2 and 2: margins (0, 1) give ½ and ¾, fused ¾; (2, −1) give 1 and ¼, fused 1; (−2, 2) cannot decide: ½."""
    labels = judged([(0, 1), (2, -1), (-2, 2), (-1, -1)])
    ends = {"external_high": 2.0, "implicit_high": 2.0}
    for share, kept in ((0.25, [1]), (0.5, [0, 1]), (0.75, [0, 1, 2])):
        assert np.flatnonzero(DualMargin(share=share, **ends).keep(labels)).tolist() == kept
    added = DualMargin(fusion="add", share=0.5, **ends).keep(labels)  # 1.25, 1.25, 1.0, 0.5
    assert np.flatnonzero(added).tolist() == [0, 1]
    assert np.flatnonzero(DualMargin(margins="implicit", share=0.25).keep(labels)).tolist() == [2]
    assert np.flatnonzero(DualMargin(margins="external", share=0.25).keep(labels)).tolist() == [1]


def test_without_an_upper_end_the_largest_margin_is_it() -> None:
    labels = judged([(9, 0.0), (5, 0.1), (1, 0.2), (-8, 0.3)])
    assert np.flatnonzero(DualMargin(margins="external", share=0.5).keep(labels)).tolist() == [0, 1]
    low = judged([(-9, 0.0), (-5, 0.1)])
    assert DualMargin(margins="external", share=0.5).keep(low).sum() == 1, "all below the lower end: a draw"


@settings(max_examples=80, deadline=None)
@given(MARGINS, st.floats(0.1, 1.0))
def test_difficulty_keeps_the_first_of_its_order(margins: list[tuple[float, float]], share: float) -> None:
    labels, n = judged(margins), len(margins)
    gaps = [implicit for _, implicit in margins]
    orders = {"signed_ascending": lambda g: g, "absolute_ascending": abs, "absolute_descending": lambda g: -abs(g)}
    for gap, key in orders.items():
        kept = Difficulty(gap=gap, share=share).keep(labels)
        wanted = sorted(key(g) for g in gaps)[: max(1, math.floor(share * n + 1e-9))]
        assert sorted(key(g) for g, k in zip(gaps, kept, strict=True) if k) == wanted


def test_a_band_keeps_all_that_lie_in_it_or_the_nearest() -> None:
    labels = judged([(0, -2), (1, -0.5), (2, 0.5), (3, 4)])
    assert Difficulty(gap="band", low=-1, high=1).keep(labels).tolist() == [False, True, True, False]
    assert Difficulty(gap="band", low=-1, high=0.5, share=0.1).keep(labels).tolist() == [False, True, True, False]
    assert Difficulty(gap="band", low=2, high=3).keep(labels).tolist() == [False, False, False, True]


def test_ends_that_cross_are_refused() -> None:
    with pytest.raises(ValidationError, match="low is 2 and high 1; low must be below high"):
        Difficulty(low=2, high=1)
    with pytest.raises(ValidationError, match="implicit_low is -2 and implicit_high -3"):
        DualMargin(implicit_high=-3)
