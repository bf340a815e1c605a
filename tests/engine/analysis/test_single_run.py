"""Intervals of one run, differences of two sets, and what lists share by lot, against another way to each number."""

import numpy as np
import pytest
from scipy import stats

from engine.analysis.certainty import share_of
from engine.analysis.shadows import placed, shared_by_lot
from engine.analysis.single_run import apart, gain, level, of_share, of_values


def wilson(count: int, n: int) -> tuple[float, float]:
    span = stats.binomtest(count, n).proportion_ci(method="wilson")
    return span.low, span.high


def test_a_level_is_wilson_s_over_prompts():
    found = level(np.array([1, 1, 1, 0.0]), list("abcd"), share=True)
    assert (found.mean, found.n) == (0.75, 4)
    assert (found.low, found.high) == pytest.approx(wilson(3, 4))
    sure = level(np.ones(4), list("abcd"), share=True)
    assert sure.low < 0.6, "four of four are no certainty"
    assert sure.high == pytest.approx(1.0)


def test_pairs_of_a_prompt_are_one_draw():
    twice = level(np.repeat([1.0, 1, 1, 0], 2), list("aabbccdd"), share=True)
    assert (twice.low, twice.high) == pytest.approx(wilson(3, 4))
    loss = level(np.repeat([-1.0, -2, -3, -6], 2), list("aabbccdd"), share=False)
    once = stats.t.interval(0.95, 3, -3, np.std([-1, -2, -3, -6], ddof=1) / 2)
    assert (loss.mean, loss.low, loss.high, loss.n) == pytest.approx((-3, *once, 4))


def test_a_gain_is_paired_and_without_spread_has_no_interval():
    found = gain(np.array([1, 1, 1, 0.0]), np.full(4, 0.5), list("abcd"), share=False)
    half = stats.t.ppf(0.975, 3) * 0.5 / 2
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25 - half, 0.25 + half))
    assert gain(np.array([1, 1, 1, 0.0]), np.full(4, 0.5), list("abcd"), share=True).high == 1
    assert of_values([2.0, 2.0, 2.0]).low is None
    assert of_values([1.0, 2.0]).low is None
    assert of_values([]) is None


def test_two_shares_apart_are_newcombe_s():
    one, other = share_of(np.arange(70) < 56), share_of(np.arange(80) < 48)
    found = apart(of_share(one), of_share(other))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5), (
        "Newcombe 1998, table II, (a), method 10"
    )
    assert found.difference == pytest.approx(0.2)
    assert apart(of_share(one), None).difference is None


def test_what_two_draws_share_over_rounds_is_what_drawing_gives():
    found = shared_by_lot([(2, 5, 5, 16), (3, 4, 6, 12)])
    assert (found.shared, found.of) == (5, 9)
    assert found.chance == pytest.approx(25 / 16 + 2)
    rng = np.random.default_rng(5)
    drawn = rng.hypergeometric(5, 11, 5, 20_000) + rng.hypergeometric(4, 8, 6, 20_000)
    inside = ((drawn >= found.low) & (drawn <= found.high)).mean()
    assert inside >= 0.95
    assert ((drawn > found.low) & (drawn <= found.high)).mean() < 0.975
    assert drawn.mean() == pytest.approx(found.chance, abs=0.05)


def test_random_batches_lie_where_they_are_said_to():
    rng, n, k = np.random.default_rng(6), 40, 10
    ranks = 100 * (np.arange(n) + 0.5) / n
    means = [rng.choice(ranks, k, replace=False).mean() for _ in range(4000)]
    found = placed([(ranks[-k:].tolist(), n)])
    assert found.mean == pytest.approx(87.5)
    assert 0.94 <= np.mean([(found.low <= mean <= found.high) for mean in means]) <= 0.97
    assert placed([([], 40)]) is None
