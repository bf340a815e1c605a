"""Embeddings against one text at a time."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from engine.errors import ModelError
from engine.models.embed import embed_responses, embed_sentences
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import TEMPLATE, move, save_byte_tokenizer, save_tiny_model
from tests.engine import naive
from tests.engine.models.hub import answering
from tests.engine.models.texts import some_texts


@pytest.mark.parametrize("layer", [-1, 0, 1])
@pytest.mark.parametrize("reference", [True, False])
def test_the_mean_is_over_the_response_alone(
    tiny_policy: Policy, tiny_model_dir: Path, layer: int, reference: bool
) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    model = naive.sft_model(tiny_model_dir) if reference else tiny_policy.model
    alone = embed_responses(tiny_policy, encoded, reference=reference, layer=layer)
    after = embed_responses(tiny_policy, encoded, reference=reference, layer=layer, text="prompt_and_response")
    for text, found, with_prompt in zip(encoded, alone, after, strict=True):
        spoken = text.response_ids[:-1] or text.response_ids
        whole = text.prompt_ids + spoken
        np.testing.assert_allclose(found, naive.mean_hidden(model, spoken, 0, layer), atol=1e-5)
        wanted = naive.mean_hidden(model, whole, len(text.prompt_ids), layer)
        np.testing.assert_allclose(with_prompt, wanted, atol=1e-5)
    assert alone.dtype == np.float32
    small = embed_responses(tiny_policy, encoded[::-1], reference=reference, layer=layer, max_tokens=1)
    np.testing.assert_allclose(small[::-1], alone, atol=1e-5)


@pytest.mark.parametrize("text", ["response", "prompt_and_response"])
def test_the_last_token_is_the_one_before_the_end(
    tiny_policy: Policy, text: Literal["response", "prompt_and_response"]
) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    for max_tokens in (4096, 1):
        found = embed_responses(tiny_policy, encoded, text=text, pooling="last", max_tokens=max_tokens)
        for one, state in zip(encoded, found, strict=True):
            spoken = one.response_ids[:-1] or one.response_ids
            whole = one.prompt_ids + spoken if text == "prompt_and_response" else spoken
            wanted = naive.mean_hidden(tiny_policy.model, whole, len(whole) - 1, -1)
            np.testing.assert_allclose(state, wanted, atol=1e-5)


def test_a_bos_is_read_but_not_averaged(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "bos")
    save_byte_tokenizer(folder, TEMPLATE, adds_bos=True)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1)
    encoded = encode_responses(policy, *some_texts())
    for text, found in zip(encoded, embed_responses(policy, encoded), strict=True):
        spoken = text.response_ids[:-1] or text.response_ids
        np.testing.assert_allclose(found, naive.mean_hidden(policy.model, (1, *spoken), 1, -1), atol=1e-5)


def test_a_layer_that_is_not_there(tiny_policy: Policy) -> None:
    encoded = encode_responses(tiny_policy, *some_texts())
    assert embed_responses(tiny_policy, encoded, layer=-3).shape == (8, 32)
    for layer in (3, -4):
        with pytest.raises(ModelError, match=f"no layer {layer}: its hidden states are 0 to 2"):
            embed_responses(tiny_policy, encoded, layer=layer)


def test_the_shipped_sentence_encoder_knows_likeness() -> None:
    cat, kitten, tax = embed_sentences(["A cat sleeps.", "A kitten is sleeping.", "The tax is due in May."])
    assert cat.dtype == np.float32
    assert cat @ kitten > 0.6 > 0.3 > cat @ tax
    assert embed_sentences([]).shape[0] == 0


def test_a_sentence_encoder_of_a_hub_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(503) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        with pytest.raises(
            ModelError, match=r"'some/encoder' cannot be loaded: .* nor could it be fetched from the hub"
        ):
            embed_sentences(["text"], "some/encoder")
        assert server.asked == ["/api/models/some/encoder/revision/main"]


def test_a_sentence_encoder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="cannot be loaded"):
        embed_sentences(["text"], str(tmp_path / "empty"))
