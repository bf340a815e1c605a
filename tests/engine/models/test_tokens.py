"""Tokens of prompts and responses, refusal of what does not fit, batches."""

from pathlib import Path

import pytest

from engine.errors import ModelError
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.tokens import TooLong, encode, encode_prompts, encode_responses
from engine.records import Message, Prompt
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import TEMPLATE, save_byte_tokenizer, save_tiny_model
from tests.engine.models.texts import some_texts


def test_the_template_wraps_the_prompt_and_the_response_ends(tiny_policy: Policy) -> None:
    prompt = Prompt.of([Message("system", "S"), Message("user", "hi")])
    found = encode(tiny_policy, prompt, "yo")
    assert tiny_policy.tokenizer.decode(found.prompt_ids) == "<s><|system|>S<|end|><|user|>hi<|end|><|assistant|>"
    assert tiny_policy.tokenizer.decode(found.response_ids) == "yo<|end|>"


def test_one_by_one_equals_all_at_once(tiny_policy: Policy) -> None:
    prompts, responses = some_texts()
    together = encode_responses(tiny_policy, prompts, responses)
    assert together == [encode(tiny_policy, prompts[r.prompt_id], r.text) for r in responses]


def test_an_end_token_written_by_a_person_stays_text(tiny_policy: Policy) -> None:
    found = encode(tiny_policy, Prompt.of([Message("user", "hi")]), "a<|end|>b")
    assert found.response_ids.count(tiny_policy.end_id) == 1
    assert len(found.response_ids) == len("a<|end|>b") + 1


def test_a_text_that_does_not_fit_is_refused_with_its_numbers(tiny_policy: Policy) -> None:
    prompt = Prompt.of([Message("user", "hi")])
    used = len(encode(tiny_policy, prompt, "").prompt_ids)
    fits = "x" * (tiny_policy.context_tokens - used - 1)
    assert encode(tiny_policy, prompt, fits).length == tiny_policy.context_tokens
    with pytest.raises(
        TooLong, match=f"together {tiny_policy.context_tokens + 1}; .* takes {tiny_policy.context_tokens}"
    ):
        encode(tiny_policy, prompt, fits + "x")


def test_a_tokenizer_that_adds_a_bos_does_not_add_a_second(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "bos")
    save_byte_tokenizer(folder, TEMPLATE, adds_bos=True)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1)
    assert policy.tokenizer("hi")["input_ids"][0] == policy.tokenizer.bos_token_id
    found = encode(policy, Prompt.of([Message("user", "hi")]), "yo")
    assert (found.prompt_ids + found.response_ids).count(policy.tokenizer.bos_token_id) == 1


def test_a_turn_the_template_refuses_is_named(tiny_policy: Policy) -> None:
    tiny_policy.tokenizer.chat_template = "{{ raise_exception('no system turn') }}"
    with pytest.raises(ModelError, match="no system turn"):
        encode(tiny_policy, Prompt.of([Message("system", "S"), Message("user", "hi")]), "yo")


def test_a_prompt_without_tokens_is_refused(tiny_policy: Policy) -> None:
    tiny_policy.tokenizer.chat_template = "{{ '' }}"
    with pytest.raises(ModelError, match="no tokens"):
        encode(tiny_policy, Prompt.of([Message("user", "hi")]), "yo")


def test_prompts_for_generation_end_in_the_same_column(tiny_policy: Policy) -> None:
    ids, mask = encode_prompts(tiny_policy, [(5, 6, 7), (8,)])
    assert ids.tolist() == [[5, 6, 7], [0, 0, 8]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
