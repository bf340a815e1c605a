"""Scores against the slow twin, for several families of models; reference = the SFT model loaded by itself."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cache import MemoryCache
from engine.errors import ModelError
from engine.models.load import load_policy
from engine.models.logps import reference_logps, response_logps, score_responses
from engine.models.packs import pack, trees_of
from engine.models.passes import read_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_responses
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.engine import naive
from tests.engine.models.texts import some_texts

SOFT = {"final_logit_softcapping": 2.0, "head_dim": 8, "sliding_window": 16}


@pytest.mark.parametrize(("family", "changes"), [("llama", {}), ("gpt2", {}), ("qwen2", {}), ("gemma2", SOFT)])
def test_scores_equal_the_slow_twin_in_every_family(family: str, changes: dict, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / family, family, **changes)
    policy = move(load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1))
    encoded = encode_responses(policy, *some_texts())
    for model, found in (
        (policy.model, score_responses(policy, encoded)),
        (naive.sft_model(folder), score_responses(policy, encoded, reference=True)),
    ):
        logp, entropy = naive.scores(model, encoded)
        np.testing.assert_allclose(found.logp, logp, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.entropy, entropy, rtol=1e-5, atol=1e-5)
    assert found.tokens.tolist() == [len(text.response_ids) for text in encoded]


def test_the_adapter_moves_the_scores_and_off_it_is_the_sft_model(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    encoded = encode_responses(tiny_policy, *some_texts())
    alone, _ = naive.scores(naive.sft_model(tiny_model_dir), encoded)
    fresh = score_responses(tiny_policy, encoded).logp
    moved = score_responses(move(tiny_policy), encoded)
    np.testing.assert_allclose(fresh, alone, rtol=0, atol=1e-5)
    assert np.abs(moved.logp - alone).min() > 1e-3
    np.testing.assert_array_equal(score_responses(tiny_policy, encoded, reference=True).logp, fresh)


def test_the_reference_may_be_nested(tiny_policy: Policy) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    reference = score_responses(tiny_policy, encoded, reference=True).logp
    with tiny_policy.reference():
        np.testing.assert_array_equal(score_responses(tiny_policy, encoded, reference=True).logp, reference)
        np.testing.assert_array_equal(score_responses(tiny_policy, encoded).logp, reference)
    assert np.abs(score_responses(tiny_policy, encoded).logp - reference).min() > 1e-3


def test_order_padding_and_batch_size_change_nothing(tiny_policy: Policy) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    whole = score_responses(tiny_policy, encoded)
    order = [5, 0, 3, 7, 1, 6, 2, 4]
    for found, rows in (
        (score_responses(tiny_policy, encoded, max_tokens=1), range(8)),
        (score_responses(tiny_policy, encoded, max_tokens=90), range(8)),
        (score_responses(tiny_policy, [encoded[i] for i in order]), order),
    ):
        np.testing.assert_allclose(found.logp, whole.logp[list(rows)], rtol=1e-5)
        np.testing.assert_allclose(found.entropy, whole.entropy[list(rows)], rtol=1e-5)


def test_a_uniform_model_has_the_entropy_of_its_vocabulary(tiny_policy: Policy) -> None:
    with torch.no_grad():
        tiny_policy.model.get_base_model().get_output_embeddings().weight.zero_()
    encoded = encode_responses(tiny_policy, *some_texts())
    found = score_responses(tiny_policy, encoded)
    size = math.log(len(tiny_policy.tokenizer))
    np.testing.assert_allclose(found.entropy, size, rtol=1e-6)
    np.testing.assert_allclose(found.logp, -size * found.tokens, rtol=1e-6)


def test_an_empty_response_is_its_end_token(tiny_policy: Policy) -> None:
    prompts, responses = some_texts()
    text = encode_responses(tiny_policy, prompts, [r for r in responses if r.text == ""])[0]
    assert text.response_ids == (tiny_policy.end_id,)
    found = score_responses(tiny_policy, [text])
    assert found.logp[0] == pytest.approx(naive.scores(tiny_policy.model, [text])[0][0], abs=1e-5)


def test_nothing_to_score_gives_nothing(tiny_policy: Policy) -> None:
    assert score_responses(tiny_policy, []).logp.shape == (0,)


def test_without_entropy_it_is_nan_and_the_rest_the_same(tiny_policy: Policy) -> None:
    encoded = encode_responses(tiny_policy, *some_texts())
    found = score_responses(tiny_policy, encoded, with_entropy=False)
    assert np.isnan(found.entropy).all()
    np.testing.assert_array_equal(found.logp, score_responses(tiny_policy, encoded).logp)


def test_an_impossible_token_adds_no_entropy(tiny_policy: Policy) -> None:
    head = tiny_policy.model.get_base_model().get_output_embeddings()
    handle = head.register_forward_hook(lambda _m, _i, out: out.index_fill(1, torch.tensor([0]), -torch.inf))
    found = score_responses(tiny_policy, [Encoded((1, 3, 70), (80, 2))])
    handle.remove()
    assert np.isfinite(found.entropy).all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused_in_a_sentence(tiny_policy: Policy, value: float) -> None:
    texts = [Encoded((1, 3), (70, 2)), Encoded((1, 3, 4), (70, 80, 2)), Encoded((1,), (60, 2))]
    with torch.no_grad():
        tiny_policy.model.get_base_model().get_input_embeddings().weight[80] = value
    said = (
        r"1 of 3 responses a log-probability that is not finite, in float32 \(the first has 3 tokens behind .* of 3\)"
    )
    for read in (score_responses, read_responses):
        with pytest.raises(ModelError, match=said) as found:
            read(tiny_policy, texts)
        assert "dpo.learning_rate" in found.value.next_step
        read(tiny_policy, [texts[0], texts[2]])


def test_a_pack_carries_the_gradient_of_the_adapter(tiny_policy: Policy) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    together = pack(encoded, trees_of(encoded, share=True), tiny_policy.device)
    logps = response_logps(tiny_policy, together)[np.argsort(together.index)]
    np.testing.assert_allclose(logps.detach().numpy(), naive.scores(tiny_policy.model, encoded)[0], rtol=1e-5)
    logps.sum().backward()
    found = np.concatenate([p.grad.numpy().ravel() for n, p in tiny_policy.model.named_parameters() if "lora_" in n])
    wanted = naive.gradients(tiny_policy, encoded).sum(0)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_reference_logps_come_from_the_cache_for_the_same_set_only(tiny_policy: Policy) -> None:
    prompts, responses = some_texts()
    cache = MemoryCache()
    first = reference_logps(tiny_policy, prompts, responses, cache)
    with torch.no_grad():
        tiny_policy.model.get_base_model().get_output_embeddings().weight.zero_()
    assert reference_logps(tiny_policy, prompts, responses, cache) == first
    fewer = reference_logps(tiny_policy, prompts, responses[:3], cache)
    assert fewer[responses[0].id] != pytest.approx(first[responses[0].id], rel=1e-3)
    assert list(first) == [response.id for response in responses]
