"""The shipped model: its size, its tokenizer and template, and that what it says parses."""

import json
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample_data import make_model
from sample_data.world import splits
from sample_data.world.gold import score


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(make_model.MODEL, local_files_only=True)


@pytest.fixture(scope="module")
def model():
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(make_model.MODEL, local_files_only=True).eval()


@pytest.fixture(scope="module")
def built():
    return splits.build()


@pytest.fixture(scope="module")
def numbers():
    return json.loads((make_model.MODEL / "training.json").read_text(encoding="utf-8"))


def test_size(model, numbers):
    import torch

    assert model.config.model_type == "llama"
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert sum(weight.numel() for weight in model.parameters()) == numbers["parameters"] <= 2_500_000
    assert sum(path.stat().st_size for path in make_model.MODEL.iterdir()) <= 10_000_000
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    } <= {path.name for path in make_model.MODEL.iterdir()}


def test_special_tokens_agree_everywhere(model, tokenizer):
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(model.config, name) == getattr(model.generation_config, name) == getattr(tokenizer, name)
    assert len({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}) == 3
    assert len(tokenizer) == model.config.vocab_size == model.get_input_embeddings().weight.shape[0]
    assert model.generation_config.do_sample is False


@given(st.text())
def test_tokenizer_gives_any_text_back(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_tokenizer_knows_every_byte_and_adds_nothing(tokenizer):
    strange = "".join(map(chr, range(0x250))) + "🙂👩‍👩‍👧 שלום مرحبا 漢字"
    assert tokenizer.decode(tokenizer(strange)["input_ids"]) == strange
    from tokenizers.pre_tokenizers import ByteLevel

    assert set(ByteLevel.alphabet()) <= set(tokenizer.get_vocab())
    assert tokenizer("Hello")["input_ids"] == tokenizer("Hello", add_special_tokens=False)["input_ids"]
    assert tokenizer("")["input_ids"] == []


TURNS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "How do I clean my oak table?"},
    {"role": "assistant", "content": "Gladly."},
    {"role": "user", "content": "And my desk lamp?"},
    {"role": "assistant", "content": "Whatever."},
]


def test_template_has_one_bos_and_every_answer_ends_with_eos(tokenizer):
    text = tokenizer.apply_chat_template(TURNS, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert text == (
        "<|bos|><|system|>Be kind.<|user|>How do I clean my oak table?<|assistant|>Gladly.<|eos|>"
        "<|user|>And my desk lamp?<|assistant|>Whatever.<|eos|>"
    )
    assert ids == tokenizer(text)["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.eos_token_id) == 2
    assert ids[-1] == tokenizer.eos_token_id
    with pytest.raises(Exception, match="roles are system, user and assistant"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


@settings(max_examples=50)
@given(st.text(max_size=40), st.text(max_size=40))
def test_prompt_and_response_tokenise_apart(tokenizer, prompt, response):
    turns = [{"role": "user", "content": prompt}]
    whole = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": response}], tokenize=False)
    head = make_model.prompt_ids(tokenizer, prompt)
    tail = tokenizer(response, add_special_tokens=False)["input_ids"]
    assert tokenizer(whole, add_special_tokens=False)["input_ids"] == [*head, *tail, tokenizer.eos_token_id]


def test_recorded_numbers_lie_inside_the_bounds(numbers):
    assert numbers["samples"] == 500
    assert numbers["parsed_at_t1"] >= 0.95
    assert 0.25 <= numbers["greedy_right"] <= 0.60
    assert numbers["greedy_parsed"] >= 0.95
    assert 8 <= numbers["prompt_tokens"] <= 20
    assert 20 <= numbers["response_tokens"] <= 45


def test_shipped_weights_have_the_recorded_loss(model, tokenizer, built, numbers):
    loss = make_model.mean_loss(model, make_model.encode(tokenizer, built.valid, []), tokenizer.pad_token_id)
    assert loss == pytest.approx(numbers["loss"], rel=1e-3)


def test_samples_parse_and_greedy_leaves_room(model, tokenizer, built):
    asked = built.probe[::5]
    sampled = make_model.generate(model, tokenizer, asked, sample=True, seed=11)
    assert mean(score(prompt, text).parsed for prompt, text in zip(asked, sampled, strict=True)) >= 0.90
    assert len(set(sampled)) >= 95
    greedy = make_model.generate(model, tokenizer, asked, sample=False)
    right = mean(score(prompt, text).right == 1.0 for prompt, text in zip(asked, greedy, strict=True))
    assert 0.2 <= right <= 0.65


def test_answers_end_by_themselves(model, tokenizer, built):
    for text in make_model.generate(model, tokenizer, built.probe[:50], sample=True, seed=3):
        assert len(tokenizer(text)["input_ids"]) < make_model.NEW_TOKENS
