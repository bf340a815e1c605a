"""What labels' details say of a judge: by hand, with intervals that stay where shares can lie, and that hold."""

import numpy as np
import pytest

from engine.analysis.judging import judged_facts, split_of, wilson


def asked(*orders: tuple[str | None, str | None], **more: object) -> list[dict[str, object]]:
    return [{"orders": list(two), "requests": 2, **more} for two in orders]


def test_by_hand() -> None:
    facts = judged_facts([
        *asked(("a", "a"), ("b", "b"), ("a", "b"), ("b", "a"), ("tie", "tie"), ("a", "tie"), tokens_read=10, cost=0.5),
        *asked((None, "a"), refused="unparsable"), {"refused": "too long for the judge", "requests": 0},
    ])  # fmt: skip
    assert (facts.labels, facts.pairs, facts.requests) == (8, 6, 14)
    assert facts.consistency is not None and facts.first_slot is not None and facts.bias is not None
    assert facts.consistency.mean == 0.5, "three of six: two sides and one tie"
    assert facts.first_slot.mean == pytest.approx(np.mean([0.5, 0.5, 1, 0, 1])), "of five pairs with a side"
    assert facts.bias.mean == pytest.approx(2 * 0.6 - 1)
    assert facts.refused == {"unparsable": 1, "too long for the judge": 1}
    assert (facts.tokens_read, facts.cost) == (60, 3.0)


def test_intervals_stay_within_what_can_be_and_have_a_width() -> None:
    fair = judged_facts(asked(*[("a", "a"), ("b", "b")] * 5))
    assert fair.consistency is not None and fair.bias is not None
    assert (fair.consistency.mean, fair.consistency.high) == (1.0, pytest.approx(1.0))
    assert fair.consistency.low == pytest.approx(0.722, abs=0.001), "Wilson, 10 of 10"
    assert fair.bias.mean == 0 and fair.bias.high == pytest.approx(0.278, abs=0.001)
    few = judged_facts(asked(("a", "b"), ("a", "b"), ("a", "a")))
    assert few.first_slot is not None and few.first_slot.high == 1.0
    assert judged_facts([]).consistency is None


def test_the_interval_of_a_share_holds_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = [wilson(row.tolist()) for row in (rng.random((600, 40)) < 0.8).astype(float)]
    within = [one.low <= 0.8 <= one.high for one in held if one.low is not None and one.high is not None]
    assert np.mean(within) > 0.92


def by(people: int, models: int) -> list[dict[str, str]]:
    return [{"by": "people"}] * people + [{"by": "models"}] * models


def test_the_split_of_what_is_left_is_expected_from_the_rounds_so_far() -> None:
    assert split_of({}, 4) is None
    found = split_of({1: by(6, 14), 2: by(4, 16)}, 4)
    assert found is not None and found.expected is not None
    assert (found.rounds, found.people, found.labels, found.left) == ([(1, 6, 20), (2, 4, 20)], 10, 40, 40)
    low, high = found.expected.low, found.expected.high
    assert found.expected.mean == 10.0 and low is not None and high is not None
    assert 0 <= low < 10 < high <= 40
    last = split_of({1: by(6, 14), 2: by(4, 16)}, 2)
    assert last is not None and (last.left, last.expected) == (0, None)
    none = split_of({1: by(0, 20)}, 2)
    assert none is not None and none.expected is not None
    assert none.expected.mean == 0.0 and (none.expected.high or 0) >= 1, "none so far does not promise none"


def test_the_interval_of_the_split_to_come_holds() -> None:
    rng = np.random.default_rng(3)
    held = []
    for share in (0.1, 0.4):
        for seen, comes in zip(rng.binomial(40, share, 400), rng.binomial(120, share, 400), strict=True):
            found = split_of({1: by(int(seen), 40 - int(seen))}, 4)
            assert found is not None and found.expected is not None and found.left == 120
            held.append((found.expected.low or 0) <= comes <= (found.expected.high or 0))
    assert 0.92 <= np.mean(held) <= 0.99
