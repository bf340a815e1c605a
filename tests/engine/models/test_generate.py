"""Draws against the slow twin (the text read anew for every token), against HF generate, alone against in company."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.divergence import kl_to_reference
from engine.models.generate import Draw, generate
from engine.models.generate_sample import sample
from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded, TooLong, encode_prompt
from engine.records import Message, Prompt
from engine.seeds import key_for
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.engine import naive

PROMPTS = [Prompt.of([Message("user", text)]) for text in ("hi", "Tell me of Rome", "hi there, you", "Count to ten")]
ROWS = [prompt for prompt in PROMPTS for _ in range(5)]
KEYS = [key_for(1, 2, "test", f"{prompt.id}:{n}") for n, prompt in enumerate(ROWS)]


def of_many_lengths(policy: Policy, push: float = 3.0) -> Policy:
    """The end token made likelier by a push on its logit, so that draws differ in length."""
    head = policy.model.get_base_model().get_output_embeddings()
    pushes = torch.zeros(head.weight.shape[0])
    pushes[policy.end_id] = push
    head.register_forward_hook(lambda _m, _i, out: out + pushes)
    return policy


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma2"])
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.8)])
def test_draws_equal_the_slow_twin(family: str, temperature: float, top_p: float, tmp_path: Path) -> None:
    changes = {"head_dim": 8, "sliding_window": 16} if family == "gemma2" else {}
    folder = save_tiny_model(tmp_path / family, family, **changes)
    policy = move(load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1))
    of_many_lengths(policy, 3.0 if temperature == 1 else 1.5)
    found = generate(policy, ROWS, keys=KEYS, temperature=temperature, top_p=top_p, max_new_tokens=24)
    for prompt, key, draw in zip(ROWS, KEYS, found, strict=True):
        uniform = np.random.default_rng(key).random(24)
        assert list(draw.token_ids) == naive.draw(policy, encode_prompt(policy, prompt), uniform, temperature, top_p)
        assert draw.ended == (draw.token_ids[-1] == policy.end_id)
        assert draw.ended or len(draw.token_ids) == 24
    assert {draw.ended for draw in found} == {True, False}
    assert len({len(draw.token_ids) for draw in found}) > 3


def test_a_draw_is_a_function_of_its_key_not_of_its_company(tiny_policy: Policy) -> None:
    of_many_lengths(move(tiny_policy))
    whole = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=20)

    def same(found: list[Draw], rows: list[int]) -> None:
        assert [draw.token_ids for draw in found] == [whole[i].token_ids for i in rows]
        np.testing.assert_allclose([draw.logp for draw in found], [whole[i].logp for i in rows], rtol=1e-5)

    order = list(np.random.default_rng(0).permutation(len(ROWS)))
    same(generate(tiny_policy, [ROWS[i] for i in order], keys=[KEYS[i] for i in order], max_new_tokens=20), order)
    same(generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=20, max_rows=3), list(range(len(ROWS))))
    same([generate(tiny_policy, [ROWS[i]], keys=[KEYS[i]], max_new_tokens=20)[0] for i in (3, 11)], [3, 11])
    other = generate(tiny_policy, ROWS, keys=[key + 1 for key in KEYS], max_new_tokens=20)
    assert sum(a.token_ids == b.token_ids for a, b in zip(other, whole, strict=True)) <= 2


def test_a_longer_limit_only_goes_on(tiny_policy: Policy) -> None:
    short = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=5)
    long = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=15)
    assert [draw.token_ids for draw in short] == [draw.token_ids[:5] for draw in long]


def test_greedy_equals_hf_generate(tiny_policy: Policy) -> None:
    of_many_lengths(move(tiny_policy))
    found = generate(tiny_policy, PROMPTS, keys=[0] * 4, temperature=0, max_new_tokens=30)
    for prompt, draw in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([encode_prompt(tiny_policy, prompt)])
        theirs = tiny_policy.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=30
        )
        assert list(draw.token_ids) == theirs[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("temperature", [0, 0.7, 1.0])
def test_logp_is_that_of_the_tokens_scored_at_temperature_1(tiny_policy: Policy, temperature: float) -> None:
    of_many_lengths(move(tiny_policy))
    found = generate(tiny_policy, ROWS, keys=KEYS, temperature=temperature, max_new_tokens=20)
    encoded = [Encoded(encode_prompt(tiny_policy, p), d.token_ids) for p, d in zip(ROWS, found, strict=True)]
    again = score_responses(tiny_policy, encoded, with_entropy=False).logp
    np.testing.assert_allclose([draw.logp for draw in found], again, rtol=1e-5, atol=1e-5)


def test_reference_draws_are_those_of_a_fresh_adapter(tiny_policy: Policy) -> None:
    fresh = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    move(tiny_policy)
    assert generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10, reference=True) == fresh
    assert generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10) != fresh


def test_the_text_has_no_special_token_and_the_context_is_the_end(tiny_policy: Policy) -> None:
    tiny_policy.context_tokens = 24
    prompt = PROMPTS[1]
    used = len(encode_prompt(tiny_policy, prompt))
    draws = generate(of_many_lengths(tiny_policy), [prompt] * 30, keys=range(30), max_new_tokens=50)
    assert max(len(draw.token_ids) for draw in draws) == 24 - used
    assert all(draw.ended or len(draw.token_ids) == 24 - used for draw in draws)
    assert not any("<|" in draw.text for draw in draws if draw.ended)
    tiny_policy.context_tokens = used
    with pytest.raises(TooLong, match=f"has {used} tokens"):
        generate(tiny_policy, [prompt], keys=[1], max_new_tokens=5)


def test_no_prompts_no_draws_and_keys_must_match(tiny_policy: Policy) -> None:
    assert generate(tiny_policy, [], keys=[], max_new_tokens=5) == []
    with pytest.raises(ValueError, match="a key for each of its 4 prompts, got 1"):
        generate(tiny_policy, PROMPTS, keys=[1], max_new_tokens=5)


def test_sampling_follows_the_distribution() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.0, 0.3, 0.2]])).expand(20001, 4)
    uniform = torch.linspace(0, 1, 20001)
    token, logp = sample(logits, uniform, 1.0, 1.0)
    shares = torch.bincount(token, minlength=4) / 20001
    np.testing.assert_allclose(shares.numpy(), [0.5, 0.0, 0.3, 0.2], atol=1e-4)
    np.testing.assert_allclose(logp.exp().numpy(), torch.tensor([0.5, 0.0, 0.3, 0.2])[token].numpy(), rtol=1e-5)
    token, logp = sample(logits, uniform, 1.0, 0.7)
    np.testing.assert_allclose((torch.bincount(token, minlength=4) / 20001).numpy(), [0.625, 0, 0.375, 0], atol=1e-4)
    assert float(logp.exp().min()) == pytest.approx(0.3)


def test_kl_is_zero_at_the_reference_and_the_twins_sum_else(tiny_policy: Policy) -> None:
    draws = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    assert not kl_to_reference(tiny_policy, ROWS, draws).any()
    move(tiny_policy)
    found = kl_to_reference(tiny_policy, ROWS, draws)
    encoded = [Encoded(encode_prompt(tiny_policy, p), d.token_ids) for p, d in zip(ROWS, draws, strict=True)]
    np.testing.assert_allclose(found, naive.kl(tiny_policy, encoded), rtol=1e-4)
    assert (found > 0).all()


def test_a_hair_from_the_reference_the_kl_is_never_negative(tiny_policy: Policy) -> None:
    draws = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    assert (kl_to_reference(move(tiny_policy, size=1e-7), ROWS, draws) >= 0).all()
