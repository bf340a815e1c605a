"""Where pairs go: models keep what they agree on; people get flips, small margins, conflicts and a random share."""

from collections import Counter
from typing import Any

import pytest

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.errors import ConfigError
from engine.oracles.base import ORACLES, Question
from engine.oracles.people import People
from engine.oracles.routing import Routing
from engine.records import Label
from tests.contracts.texts import small_world

SURE = {"name": "gold", "temperature": 0.0}


def routing(*models: Any, **how: Any) -> Routing:
    found = ORACLES.build({"name": "routing", "models": list(models), "check_share": 0.0, **how})
    assert isinstance(found, Routing)
    return found


def ask(oracle: Routing, data: PreferenceData) -> list[Label | None]:
    return list(oracle.label(Question(tuple(data.pairs.values()), data, 1)))


def test_what_models_agree_on_is_theirs_and_conflicts_go_to_people() -> None:
    data = small_world(10)
    known = {one.pair_id: one.answer for one in data.comparisons}
    labels = ask(routing(SURE, "recorded"), data)
    for pair, label in zip(data.pairs.values(), labels, strict=True):
        tied = data.scores[pair.a] == data.scores[pair.b]
        assert (label is None) == tied
        if label is not None:
            assert (label.answer, label.oracle, label.detail["by"]) == (known[pair.id], "routing", "models")
            assert label.detail["routed"] == "models agree"
    turned = {"a": "b", "b": "a"}
    data.comparisons = [Comparison(c.pair_id, turned[c.answer]) for c in data.comparisons]
    assert ask(routing(SURE, "recorded"), data) == [None] * len(data.pairs)
    with_people = routing(SURE, "recorded")
    said = [Label(pair.id, "b", "people", {"answers": {"b": 1}}) for pair in data.pairs.values()]
    noted = with_people.noted(Question(tuple(data.pairs.values()), data, 1), said)
    assert Counter(label.detail["routed"] for label in noted) == {"conflict": len(said)}
    assert all(label.answer == "b" and label.detail["answers"] == {"b": 1} for label in noted)
    assert noted[0].detail["said"] == [
        ["gold", _gold(data, noted[0].pair_id)],
        ["recorded", turned[known[noted[0].pair_id]]],
    ]


def _gold(data: PreferenceData, pair_id: str) -> str:
    pair = data.pairs[pair_id]
    gap = data.scores[pair.a] - data.scores[pair.b]
    return "tie" if gap == 0 else "a" if gap > 0 else "b"


def test_small_margins_and_a_random_share_go_to_people() -> None:
    data = small_world(100)
    labels = ask(routing(SURE, smallest_margin=1.5), data)
    for pair, label in zip(data.pairs.values(), labels, strict=True):
        assert (label is None) == (abs(data.scores[pair.a] - data.scores[pair.b]) < 1.5)
    shares = [[label is None for label in ask(routing(SURE, check_share=share), data)] for share in (0.1, 0.3)]
    assert 0.04 < sum(shares[0]) / len(data.pairs) < 0.17
    assert 0.2 < sum(shares[1]) / len(data.pairs) < 0.4
    assert all(more for less, more in zip(*shares, strict=True) if less), "a larger share holds the smaller"
    assert ask(routing(SURE, check_share=1.0), data) == [None] * len(data.pairs)


def test_order_flips_and_skips_of_a_judge_go_to_people() -> None:
    data = small_world(6)
    judge = ORACLES.build({"name": "judge", "local": "sample", "device": "cpu"})
    alone = judge.label(Question(tuple(data.pairs.values()), data, 1))
    labels = ask(routing({"name": "judge", "local": "sample", "device": "cpu"}), data)
    for of_judge, label in zip(alone, labels, strict=True):
        assert of_judge is not None
        flipped = len(set(of_judge.detail["orders"])) > 1
        assert (label is None) == flipped
    assert any(label is None for label in labels)
    pair = next(iter(data.pairs.values()))
    long = data.responses[pair.a]
    data.responses[pair.a] = type(long)(long.id, long.prompt_id, "word " * 3000)
    one = routing({"name": "reward_model", "draw": "argmax"})
    assert one.label(Question((pair,), data, 1)) == [None]
    noted = one.noted(Question((pair,), data, 1), [Label(pair.id, "a", "people")])
    assert noted[0].detail["routed"] == "skipped by a model"
    assert "refused" not in noted[0].detail["of"], "it is answered"


def test_it_is_a_campaign_and_says_what_it_will_take() -> None:
    assert issubclass(Routing, People) and routing(SURE).people and not routing(SURE).simulated
    said = routing({"name": "judge", "url": "http://127.0.0.1:9/v1"}, check_share=0.1).forecast(200)
    assert said[0].startswith("Of 200 labels people answer at least about 20 (the random share) and at most all")
    assert said[1] == "The audit slice and the held-out sample, up to 120 pairs, are people's alone."
    assert "asked 400 times for 200 labels" in said[2], "of the batches alone"
    data = small_world(4)
    data.comparisons = data.comparisons[::2]
    assert routing(SURE, "recorded").can_answer(data) == frozenset(c.pair_id for c in data.comparisons)
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    for models, words in ((["people"], "come behind the models"), (["routing"], "come behind"), ([], "at least 1")):
        with pytest.raises(ConfigError, match=words):
            StudyConfig.from_dict({**study, "oracle": {"name": "routing", "models": models}})
    config = StudyConfig.from_dict({**study, "oracle": {"name": "routing", "models": ["gold"]}})
    assert config.seeds == (1,)
    assert StudyConfig.from_dict(config.model_dump(mode="json")) == config
