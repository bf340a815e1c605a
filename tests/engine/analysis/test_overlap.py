"""Shared picks, rank correlation and the cut line, worked by hand and against slow twins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.overlap import by_chance, overlaps, shared
from engine.analysis.ranks import Spearman, cut_line, percentiles, percentiles_in, spearman


def series(*values: float) -> pd.Series:
    return pd.Series(values, index=[f"p{n}" for n in range(len(values))], dtype=float)


def test_shared_pairs_keep_the_order_of_the_first_batch():
    assert shared(["c", "a", "b"], ["b", "c", "x"]) == ["c", "b"]
    assert shared([], ["a"]) == []


def test_overlaps_both_ways_and_with_itself():
    found = overlaps({"x": ["a", "b", "c"], "y": ["c", "b"], "z": []})
    assert found["x", "y"] == found["y", "x"] == 2
    assert found["x", "x"] == 3
    assert found["z", "x"] == found["z", "z"] == 0


def test_two_random_batches_share_sixty_by_sixty_of_the_candidates():
    assert by_chance(60, 60, 1500) == pytest.approx(2.4)
    assert by_chance(60, 60, 0) == 0.0


def test_by_chance_equals_the_mean_over_many_draws():
    rng = np.random.default_rng(0)
    drawn = [len(set(rng.permutation(40)[:8]) & set(rng.permutation(40)[:10])) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(by_chance(8, 10, 40), abs=0.08)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_spearman_without_ties_is_the_textbook_formula():
    # ranks 1 2 3 4 5 against 2 1 4 3 5: sum of squared differences 4, rho = 1 - 6·4 / (5·24) = 0.8
    assert spearman(column(10, 20, 30, 40, 50), column(2, 1, 4, 3, 5)) == Spearman(pytest.approx(0.8), 5)


def test_spearman_with_ties_uses_mean_ranks():
    # x ranks 1, 2.5, 2.5, 4; y ranks 1, 2, 3, 4: cov 4.5, var 4.5 and 5, rho = 4.5 / sqrt(22.5)
    assert spearman(column(1, 2, 2, 3), column(1, 2, 3, 4)).rho == pytest.approx(4.5 / 22.5**0.5)


def test_spearman_of_two_rows_or_of_a_constant_is_none():
    assert spearman(column(1, 2), column(2, 1)) == Spearman(None, 2)
    assert spearman(column(1, 1, 1), column(1, 2, 3)) == Spearman(None, 3)


def slow_ranks(values: list[int]) -> list[float]:
    return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30))
def test_spearman_equals_its_slow_twin(rows):
    xs, ys = [x for x, _ in rows], [y for _, y in rows]
    rx, ry = slow_ranks(xs), slow_ranks(ys)
    mx, my = sum(rx) / len(rx), sum(ry) / len(ry)
    top = sum((a - mx) * (b - my) for a, b in zip(rx, ry, strict=True))
    down = (sum((a - mx) ** 2 for a in rx) * sum((b - my) ** 2 for b in ry)) ** 0.5
    found = spearman(column(*xs), column(*ys)).rho
    assert found == (None if down == 0 else pytest.approx(top / down))


def test_percentiles_by_hand():
    assert percentiles(series(1, 2, 2, 9)).tolist() == [12.5, 50.0, 50.0, 87.5]
    assert percentiles(series(5, np.nan)).iloc[0] == 50.0
    assert percentiles(series(5, np.nan)).isna().tolist() == [False, True]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20), st.lists(st.integers(-4, 4), max_size=5))
def test_percentiles_among_sorted_values_are_those_of_all(values, others):
    every = column(*values)
    found = percentiles_in(np.sort(every), every)
    assert found.tolist() == pytest.approx(percentiles(series(*values)).tolist())
    slow = [100 * (sum(v < x for v in values) + sum(v == x for v in values) / 2) / len(values) for x in others]
    assert percentiles_in(np.sort(every), column(*others)).tolist() == pytest.approx(slow)
    assert np.isnan(percentiles_in(np.sort(every), column(np.nan))).all()


def test_the_cut_is_the_lowest_score_of_a_batch_that_takes_the_top():
    cut = cut_line(column(0.1, 0.5, 0.7, 0.9), column(0.9, 0.7))
    assert cut is not None
    assert (cut.value, cut.left) == (0.7, 0)


def test_a_greedy_batch_has_picks_left_of_the_cut():
    cut = cut_line(column(0.1, 0.5, 0.7, 0.9), column(0.9, 0.5))
    assert cut is not None
    assert (cut.value, cut.left) == (0.7, 1)


def test_no_scores_or_no_picks_have_no_cut():
    assert cut_line(column(), column(np.nan)) is None
    assert cut_line(column(1, 2), column()) is None
