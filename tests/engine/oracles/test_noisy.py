"""Simulated labellers make the mistakes they are told to, at their rates, keyed by seed and pair."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.errors import ConfigError, OracleError
from engine.oracles.base import ORACLES, Question
from engine.records import Label, Message, Pair, Prompt, Response

N = 3000
WITHIN = 4.5 * np.sqrt(0.25 / N)


@pytest.fixture(scope="module")
def data() -> PreferenceData:
    """Recorded answers that go by no length: the response "right" is preferred; the longer one half of the time."""
    found = PreferenceData()
    for n in range(N):
        prompt = Prompt.of([Message("user", f"q {n}")])
        found.prompts[prompt.id] = prompt
        right, wrong = f"right {n}", f"wrong {n}"
        texts = (right + " and more", wrong) if n % 2 else (right, wrong + " and more")
        good, bad = (Response.of(prompt.id, text) for text in texts)
        found.responses |= {good.id: good, bad.id: bad}
        found.scores |= {good.id: 1.0, bad.id: 0.0}
        pair = Pair.of(prompt.id, good.id, bad.id)
        found.pairs[pair.id] = pair
        found.comparisons.append(Comparison(pair.id, "a" if pair.a == good.id else "b"))
    return found


def ask(data: PreferenceData, seed: int = 1, **how: Any) -> list[Label]:
    oracle = ORACLES.build({"name": "noisy", "flip_rate": 0.0, **how})
    return [label for label in oracle.label(Question(tuple(data.pairs.values()), data, seed)) if label is not None]


def share(labels: list[Label], of: Callable[[Label], bool]) -> float:
    return float(np.mean([of(label) for label in labels]))


def wrong(label: Label) -> bool:
    return label.answer != label.detail["knew"]


def test_without_noise_it_says_what_the_other_says(data: PreferenceData) -> None:
    assert share(ask(data), wrong) == 0


def test_flips_come_at_their_rate_and_follow_the_seed(data: PreferenceData) -> None:
    first, second = ask(data, 1, flip_rate=0.2), ask(data, 2, flip_rate=0.2)
    for labels in (first, second):
        assert share(labels, wrong) == pytest.approx(0.2, abs=WITHIN)
        assert all(("flip" in label.detail["mistakes"]) == wrong(label) for label in labels)
    both = np.mean([wrong(one) and wrong(other) for one, other in zip(first, second, strict=True)])
    assert both == pytest.approx(0.04, abs=WITHIN), "independent of each other"
    assert ask(data, 1, flip_rate=0.2) == first
    more = ask(data, 1, flip_rate=0.3)
    assert all(wrong(other) for one, other in zip(first, more, strict=True) if wrong(one)), "a higher rate flips more"


def test_position_and_length_bias_take_their_share(data: PreferenceData) -> None:
    biased = ask(data, position_bias=0.2)
    assert share(biased, lambda x: x.answer == x.detail["first"]) == pytest.approx(0.6, abs=WITHIN)
    assert share(biased, wrong) == pytest.approx(0.1, abs=WITHIN)
    texts = {pair.id: (data.responses[pair.a].text, data.responses[pair.b].text) for pair in data.pairs.values()}
    longer = ask(data, length_bias=0.3)
    took = share(longer, lambda x: x.answer == ("a" if len(texts[x.pair_id][0]) > len(texts[x.pair_id][1]) else "b"))
    assert took == pytest.approx(0.65, abs=WITHIN)
    assert share(longer, lambda x: x.answer == x.detail["first"]) == pytest.approx(0.5, abs=WITHIN)


def test_temperature_draws_by_the_scores(data: PreferenceData) -> None:
    for temperature in (0.5, 2.0):
        expected = 1 / (1 + np.exp(1 / temperature))
        assert share(ask(data, temperature=temperature), wrong) == pytest.approx(expected, abs=WITHIN)
        of_gold = ask(data, temperature=temperature, of={"name": "gold", "temperature": 0.0})
        assert share(of_gold, wrong) == pytest.approx(expected, abs=WITHIN)
    bare = PreferenceData(data.prompts, data.responses, data.pairs, data.comparisons, {})
    with pytest.raises(OracleError, match="temperature draws by scores, and pair"):
        ask(bare, temperature=1.0)


def test_labellers_differ_in_skill(data: PreferenceData) -> None:
    labels = ask(data, flip_rate=0.05, worst_flip_rate=0.45, labellers=5)
    for n, rate in enumerate((0.05, 0.15, 0.25, 0.35, 0.45), start=1):
        own = [label for label in labels if label.detail["labeller"] == f"simulated {n}"]
        assert len(own) == pytest.approx(N / 5, abs=120)
        assert share(own, wrong) == pytest.approx(rate, abs=4.5 * np.sqrt(0.25 / len(own)))


def test_ties_are_not_flipped_and_skips_stay(data: PreferenceData) -> None:
    few = data.only_prompts(list(data.prompts)[:6])
    few.comparisons = [
        Comparison(i, answer) for i, answer in zip(few.pairs, ["tie", "skip", "both_bad"] * 2, strict=True)
    ]
    labels = ask(few, flip_rate=1.0)
    assert [label.answer for label in labels] == ["tie", "skip", "both_bad"] * 2


def test_what_makes_no_sense_is_refused() -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    for changes, words in (
        ({"of": "people"}, "answers by itself"),
        ({"of": "noisy"}, "answers by itself"),
        ({"of": "nobody"}, "No oracle is called 'nobody'"),
        ({"flip_rate": 0.3, "worst_flip_rate": 0.1}, "worst_flip_rate is below"),
        ({"of": {"name": "gold", "temprature": 1}}, "temprature"),
    ):
        with pytest.raises(ConfigError, match=words):
            StudyConfig.from_dict({**study, "oracle": {"name": "noisy", **changes}})


def test_a_study_keeps_all_parameters_of_the_oracle_that_knows() -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    config = StudyConfig.from_dict({**study, "oracle": {"name": "noisy", "of": {"name": "gold", "scorer": "howto"}}})
    kept = config.model_dump(mode="json")
    assert kept["oracle"]["of"] == {"name": "gold", "scorer": "howto", "temperature": 1.0}
    assert StudyConfig.from_dict(kept) == config
