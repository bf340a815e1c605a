"""The last token's hidden state, the length of a response, and an embedding pooled otherwise."""

import json

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.config import StudyConfig
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.signals.base import SIGNALS, Pass, Texts
from engine.signals.embedding import Embedding
from engine.signals.hidden_state import HiddenState
from engine.signals.response_length import ResponseLength
from tests.conftest import move
from tests.contracts.texts import small_world
from tests.engine import naive


@pytest.fixture
def texts() -> Texts:
    data = small_world()
    return Texts(tuple(data.prompts.values()), tuple(data.responses.values()), tuple(data.pairs.values()))


def on(policy: Policy) -> Pass:
    return Pass(policy, 0.1, 1, 2, {}, MemoryCache())


def test_it_is_the_state_at_the_last_token_behind_the_prompt(tiny_policy: Policy, tiny_model_dir, texts: Texts) -> None:
    move(tiny_policy)
    encoded = encode_responses(tiny_policy, {p.id: p for p in texts.prompts}, texts.responses)
    for model, signal in (
        (naive.sft_model(tiny_model_dir), HiddenState()),
        (tiny_policy.model, HiddenState(model="policy")),
    ):
        for one, found in zip(encoded, signal.compute(texts, on(tiny_policy)), strict=True):
            whole = one.prompt_ids + one.response_ids[:-1]
            np.testing.assert_allclose(found, naive.mean_hidden(model, whole, len(whole) - 1, -1), atol=1e-5)


def test_pooled_by_the_mean_it_is_the_embedding_with_the_prompt(tiny_policy: Policy, texts: Texts) -> None:
    mean = HiddenState(pooling="mean").compute(texts, on(tiny_policy))
    np.testing.assert_array_equal(mean, Embedding(text="prompt_and_response").compute(texts, on(tiny_policy)))
    last = Embedding(text="prompt_and_response", pooling="last").compute(texts, on(tiny_policy))
    np.testing.assert_array_equal(last, HiddenState().compute(texts, on(tiny_policy)))
    assert np.abs(last - mean).max() > 0.01
    assert "last response token" in HiddenState().made_on()
    assert "last response token" in Embedding(pooling="last").made_on()


def test_what_was_saved_before_there_was_a_choice_of_pooling_holds() -> None:
    """Cache keys and study files of the default are as they were."""
    assert "pooling" not in Embedding().spec()
    chosen = Embedding(pooling="last")
    assert chosen.spec()["pooling"] == "last"
    for signal in (Embedding(), chosen):
        assert SIGNALS.build(json.loads(json.dumps(signal.spec()))) == signal
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "signals": [{"name": "embedding", "layer": 2}]}
    dumped = StudyConfig.from_dict({**study, "strategies": ["random", "real"]}).model_dump(mode="json")["signals"]
    assert dumped == [{"name": "embedding", "model": "reference", "layer": 2, "text": "response", "encoder": None}]


def test_length_is_counted_in_tokens(tiny_policy: Policy, texts: Texts) -> None:
    """A byte a token in the tiny model, and one that ends the response; no pass is made."""
    tiny_policy.model.register_forward_pre_hook(lambda *_: pytest.fail("a pass was made"))
    found = ResponseLength().compute(texts, on(tiny_policy))
    assert found.tolist() == [len(response.text.encode()) + 1 for response in texts.responses]
