"""What every oracle must do. None is an answer too: "not yet", a person has to say."""

import copy
import inspect
import json
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest

from engine.data.pool import PreferenceData
from engine.errors import OracleError
from engine.oracles.base import ORACLES, Oracle, Question
from engine.records import Answer, Label, Pair
from tests.contracts.texts import small_world

# Settings beside the defaults that answer in another way.
FURTHER = [{"name": "gold", "temperature": 0.0}, {"name": "gold", "scorer": "howto"},
           {"name": "reward_model", "draw": "argmax"},
           {"name": "routing", "models": [{"name": "gold", "temperature": 0.0}, "recorded"], "smallest_margin": 1.5},
           {"name": "noisy", "of": "gold", "temperature": 2.0, "labellers": 3, "worst_flip_rate": 0.5,
            "position_bias": 0.3, "length_bias": 0.3}]  # fmt: skip
# By default it asks a server.
NEEDS: dict[str, dict[str, str]] = {"judge": {"name": "judge", "local": "sample"}}
ALL = pytest.mark.parametrize(
    "oracle",
    [ORACLES.build(NEEDS.get(str(value), value)) for value in [*ORACLES.names(), *FURTHER]],
    ids=lambda o: "-".join(str(v) for v in o.spec().values())[:60],
)


def answers(oracle: Oracle, data: PreferenceData, pairs: Sequence[Pair], seed: int = 1) -> list[Label | None]:
    return list(oracle.label(Question(tuple(pairs), data, seed)))


def test_all_oracles_are_here() -> None:
    assert {"gold", "recorded"} <= set(ORACLES.names())


@ALL
def test_one_answer_a_pair_in_order(oracle: Oracle) -> None:
    data = small_world(20)
    found = answers(oracle, data, list(data.pairs.values()))
    assert len(found) == len(data.pairs)
    for pair, label in zip(data.pairs.values(), found, strict=True):
        if label is not None:
            assert label.pair_id == pair.id
            assert label.answer in get_args(Answer)
            assert label.oracle == oracle.name
            json.dumps(label.detail)


@ALL
def test_order_company_and_repetition_change_no_answer(oracle: Oracle) -> None:
    data = small_world(20)
    pairs = list(data.pairs.values())
    together = answers(oracle, data, pairs)
    assert answers(oracle, data, pairs) == together
    assert answers(oracle, data, pairs[::-1])[::-1] == together
    assert [answers(oracle, data, [pair])[0] for pair in pairs] == together


@ALL
def test_no_answer_depends_on_which_response_is_named_first(oracle: Oracle) -> None:
    data = small_world(20)
    turned = [Pair.of(pair.prompt_id, pair.b, pair.a) for pair in data.pairs.values()]
    assert answers(oracle, data, turned) == answers(oracle, data, list(data.pairs.values()))


@ALL
def test_only_simulated_answers_vary_with_the_seed(oracle: Oracle) -> None:
    """What people or the file said is bought once a study, so a seed must not change it."""
    data = small_world(40)
    pairs = list(data.pairs.values())
    if not oracle.simulated:
        assert answers(oracle, data, pairs, seed=1) == answers(oracle, data, pairs, seed=2)


@ALL
def test_it_leaves_the_data_as_it_was_and_answers_nothing_for_nothing(oracle: Oracle) -> None:
    data = small_world()
    before = copy.deepcopy(data)
    answers(oracle, data, list(data.pairs.values()))
    assert data == before
    assert answers(oracle, data, []) == []


@ALL
def test_it_answers_the_pairs_it_says_it_can(oracle: Oracle) -> None:
    data = small_world()
    data.comparisons = data.comparisons[::2]
    can = oracle.can_answer(data)
    if can is not None:
        assert can <= set(data.pairs)
        assert len(answers(oracle, data, [data.pairs[i] for i in sorted(can)])) == len(can)
        cannot = [pair for pair in data.pairs.values() if pair.id not in can]
        with pytest.raises(OracleError, match=cannot[0].id):
            answers(oracle, data, cannot)


@ALL
@pytest.mark.parametrize("text", ["", "   ", "Ünïcode ☂ <b>&amp;</b>", "word " * 5000, "\x00\ufffd"])
def test_it_scores_any_text_or_says_that_it_scores_none(oracle: Oracle, text: str) -> None:
    prompts = list(small_world(1).prompts.values())
    if not oracle.scores_texts():
        with pytest.raises(OracleError, match=r"as evaluator|gives no number"):
            oracle.score_texts(prompts, [text])
        return
    first, again = (oracle.score_texts(prompts, [text]) for _ in range(2))
    assert len(first) == 1
    assert np.isfinite(first).all() or (len(text) > 10_000 and np.isnan(first).all()), "NaN: longer than it reads"
    assert list(first) == list(again) or np.isnan(again).all()


@ALL
def test_it_survives_json_and_says_what_it_is(oracle: Oracle) -> None:
    cls = type(oracle)
    assert ORACLES.build(json.loads(json.dumps(oracle.spec()))) == oracle
    assert (inspect.getdoc(cls) or "") != inspect.getdoc(Oracle)
    assert cls.summary().endswith(".")
    assert cls.title
    assert cls.source
    for name, field in cls.model_fields.items():
        assert field.description, f"{name} has no description"
        assert not field.is_required(), f"{name} has no default"
