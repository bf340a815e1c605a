"""Noise, position, pace: numbers worked by hand, and a strategy that buys noise is seen to."""

import numpy as np
import pandas as pd
import pytest

from engine.analysis.labelling import by_length, first_shown, left, pace
from engine.analysis.noise import bought_noise, disagreement, flip_rate, noise
from tests.engine.analysis.test_labellers import frame


def test_disagreement_with_oneself_and_with_others_by_hand():
    votes = frame([
        ("p1", "mia", "a"), ("p1", "ole", "a"), ("p1", "ida", "b"), ("p2", "mia", "a"), ("p2", "ole", "b"),
        ("p3", "mia", "tie"), ("p3", "ole", "skip"), ("g1", "mia", "b", {"kind": "gold", "known": "a"}),
        ("p1", "mia", "a", {"kind": "repeat"}), ("p2", "mia", "b", {"kind": "repeat"}),
        ("p3", "mia", "tie", {"kind": "repeat"}), ("p2", "ole", "b", {"kind": "repeat"}),
    ])  # fmt: skip
    found = noise(votes)
    assert (found.itself.count, found.itself.n) == (1, 4)
    assert (found.others.count, found.others.n) == (1, 2)  # p1: mia and ole agree; p2: they do not; p3: one is a skip
    assert found.flip_itself[0] == pytest.approx((1 - 0.5**0.5) / 2)
    assert found.flip_others[0] == pytest.approx(0.5)
    assert disagreement(votes) == {"p1": pytest.approx(2 / 3), "p2": 1.0}
    nothing = noise(frame([]))
    assert (nothing.itself.share, nothing.flip_itself, nothing.flip_others) == (None, None, None)


def test_a_flip_rate_is_found_again_from_two_answers():
    rng = np.random.default_rng(3)
    truth = rng.integers(2, size=4000)
    said = truth[:, None] ^ (rng.random((4000, 2)) < 0.15)
    votes = frame([(f"p{n}", who, "ab"[said[n, w]]) for n in range(4000) for w, who in enumerate(("mia", "ole"))])
    rate, low, high = noise(votes).flip_others
    assert low < 0.15 < high
    assert rate == pytest.approx(0.15, abs=0.02)
    assert flip_rate(0.0) == 0.0
    assert flip_rate(0.6) is None, "more than by lot is no flip rate"


def test_a_strategy_that_buys_noise_is_seen_to_and_one_that_does_not_is_not():
    rng = np.random.default_rng(5)
    of_pair = {f"p{n}": float(rng.random() < (0.4 if n < 200 else 0.1)) for n in range(1000)}
    noisy = bought_noise(of_pair, [f"p{n}" for n in range(200)], [f"p{n}" for n in range(400, 700)], what="noisy")
    assert noisy.n == 200
    assert noisy.n_random == 300
    assert 0.1 < noisy.low < 0.3 < noisy.high < 0.5
    even = bought_noise(of_pair, [f"p{n}" for n in range(700, 1000)], [f"p{n}" for n in range(400, 700)])
    assert even.low < 0 < even.high
    few = bought_noise({"p1": 1.0, "p2": 0.0}, ["p1", "gone"], ["p2"])
    assert (few.difference, few.low) == (1.0, None)
    assert bought_noise({}, ["p1"], []).difference is None


def test_pace_and_what_is_left():
    found = pace([10.0, 20.0, float("nan"), 30.0, 5000.0])
    assert (found.median, found.mean, found.n) == (25.0, 240.0, 4)  # 5000 s counts as 900
    assert found.an_hour == pytest.approx(15.0)
    assert pace([]) is None
    rest = left(100, 60, found, price=0.5)
    assert (rest.answers, rest.seconds, rest.money) == (40, 9600.0, 20.0)
    assert (left(10, 12, None).answers, left(10, 12, None).seconds) == (0, None)
    assert rest.cost() == 20.0
    assert rest.cost(an_hour=30.0) == pytest.approx(20.0 + 9600 / 3600 * 30)
    assert left(100, 60, found).cost(30.0) == pytest.approx(80.0)
    assert (left(100, 60, found).cost(), left(100, 60, None).cost(30.0)) == (None, None)


def test_seconds_by_length():
    lengths = np.repeat([100.0, 200.0, 300.0, 400.0, 500.0], 20)
    found = by_length(lengths, lengths / 10)
    assert [part.length for part in found] == [100, 200, 300, 400, 500]
    assert [part.median for part in found] == [10, 20, 30, 40, 50]
    assert sum(part.n for part in found) == 100
    assert by_length(np.array([1.0, float("nan")]), np.array([float("nan"), 2.0])) == []
    assert len(by_length(np.full(9, 7.0), np.arange(9.0))) == 1, "one length is one part"


def test_the_side_shown_first_is_counted_of_answers_that_name_a_side():
    votes = pd.DataFrame({"answer": ["a", "b", "b", "tie", "a"], "first": ["a", "a", "b", "a", ""]})
    found = first_shown(votes)
    assert (found.count, found.n) == (2, 3)
