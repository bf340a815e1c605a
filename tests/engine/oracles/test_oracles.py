"""Oracles: who answers, and on what the answer depends."""

import numpy as np
import pytest

from engine.data.pool import Comparison, PreferenceData
from engine.errors import OracleError
from engine.oracles.base import Question
from engine.oracles.gold import Gold
from engine.oracles.recorded import Recorded, majority
from engine.records import Message, Pair, Prompt, Response


def world(n: int, gap: float = 1.0) -> PreferenceData:
    data = PreferenceData()
    for i in range(n):
        prompt = Prompt.of([Message("user", f"question {i}")])
        one, other = Response.of(prompt.id, "good"), Response.of(prompt.id, "bad")
        data.prompts[prompt.id] = prompt
        data.responses |= {one.id: one, other.id: other}
        data.scores |= {one.id: gap, other.id: 0.0}
        pair = Pair.of(prompt.id, one.id, other.id)
        data.pairs[pair.id] = pair
    return data


def good_side(data: PreferenceData, pair: Pair) -> str:
    return "a" if data.responses[pair.a].text == "good" else "b"


def test_gold_draws_by_bradley_terry() -> None:
    data = world(3000, gap=1.2)
    pairs = tuple(data.pairs.values())
    labels = Gold().label(Question(pairs, data, seed=1))
    share = np.mean([label.answer == good_side(data, p) for label, p in zip(labels, pairs, strict=True) if label])
    assert share == pytest.approx(1 / (1 + np.exp(-1.2)), abs=0.025)


def test_gold_answers_by_pair_not_by_order_or_company() -> None:
    data = world(50)
    pairs = tuple(data.pairs.values())
    together = {label.pair_id: label.answer for label in Gold().label(Question(pairs, data, 3)) if label}
    alone = [Gold().label(Question((pair,), data, 3))[0] for pair in reversed(pairs)]
    assert {label.pair_id: label.answer for label in alone if label} == together
    other = {label.pair_id: label.answer for label in Gold().label(Question(pairs, data, 4)) if label}
    assert other != together


def test_gold_at_temperature_zero_takes_the_higher_score_and_ties_equal_ones() -> None:
    data = world(20)
    pairs = tuple(data.pairs.values())
    for label, pair in zip(Gold(temperature=0).label(Question(pairs, data, 1)), pairs, strict=True):
        assert label is not None and label.answer == good_side(data, pair)
    flat = world(5, gap=0.0)
    answers = Gold(temperature=0).label(Question(tuple(flat.pairs.values()), flat, 1))
    assert {label.answer for label in answers if label} == {"tie"}


def test_gold_without_scores_says_what_to_do() -> None:
    data = world(2)
    data.scores.clear()
    with pytest.raises(OracleError, match="have no score"):
        Gold().label(Question(tuple(data.pairs.values()), data, 1))


def test_recorded_takes_the_majority_and_an_even_vote_is_a_tie() -> None:
    assert majority(["a", "a", "b"]) == "a"
    assert majority(["a", "b"]) == "tie"
    data = world(1)
    (pair,) = data.pairs.values()
    data.comparisons += [Comparison(pair.id, "b"), Comparison(pair.id, "b"), Comparison(pair.id, "a")]
    (label,) = Recorded().label(Question((pair,), data, 1))
    assert label is not None and label.answer == "b" and label.detail["votes"] == {"b": 2, "a": 1}
    assert Recorded().can_answer(data) == {pair.id}


def test_recorded_without_an_answer_names_the_pair() -> None:
    data = world(1)
    (pair,) = data.pairs.values()
    with pytest.raises(OracleError, match=pair.id):
        Recorded().label(Question((pair,), data, 1))
