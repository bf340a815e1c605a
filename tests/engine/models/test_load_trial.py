"""What cannot be read as the engine reads is refused at the door, and what drops out by its own config does not."""

from pathlib import Path

import pytest
import torch
import transformers

from engine.errors import ModelError
from engine.models.load import load_policy, load_reader
from engine.models.policy import Policy
from engine.models.trial import check_reading
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import save_byte_tokenizer, save_tiny_model


def load(folder: Path) -> Policy:
    return load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1)


def save(folder: Path, kind: str, model: str, **config: object) -> Path:
    """A random model of any kind, width 32, 2 layers."""
    size = save_byte_tokenizer(folder)
    wide = {"vocab_size": size, "hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.2, **config}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        getattr(transformers, model)(getattr(transformers, kind)(**wide)).save_pretrained(str(folder))
    return folder


def test_a_model_that_looks_ahead_is_refused(tmp_path: Path) -> None:
    """BERT with an output layer loads as a causal model, and is none."""
    heads = {"num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 128}
    folder = save(tmp_path / "bert", "BertConfig", "BertLMHeadModel", **heads)
    with pytest.raises(ModelError, match=r"bert \(BertLMHeadModel\) .* depends on tokens that come later"):
        load(folder)
    decoder = save(tmp_path / "decoder", "BertConfig", "BertLMHeadModel", **heads, is_decoder=True)
    assert load(decoder).name == "decoder"  # the same, told to look back only


def test_a_model_of_state_spaces_alone_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "mamba", "MambaConfig", "MambaForCausalLM", state_size=8)
    with pytest.raises(ModelError, match=r"\(MambaForCausalLM\).* takes no past_key_values"):
        load(folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_broken_cache_is_seen_and_rounding_is_not(tiny_model_dir: Path, dtype: torch.dtype) -> None:
    base = transformers.AutoModelForCausalLM.from_pretrained(str(tiny_model_dir), dtype=dtype)
    check_reading(base, "tiny")
    handle = base.register_forward_pre_hook(
        lambda _, args, how: (args, {**how, "past_key_values": None}), with_kwargs=True
    )
    with pytest.raises(ModelError, match=r"tiny .* token by token"):
        check_reading(base, "tiny")
    handle.remove()
    check_reading(base, "tiny")


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_model_brings_no_dropout_of_its_own(tmp_path: Path, family: str) -> None:
    """GPT-2's is 0.1 unless said otherwise. In training the policy would then not be what the reference is."""
    changes = {"attention_dropout": 0.3} if family == "llama" else {}
    policy = load(save_tiny_model(tmp_path / family, family, **changes))
    ids = torch.arange(10, 40)[None]
    with torch.no_grad():
        calm = policy.model(input_ids=ids).logits
        policy.model.train()
        assert torch.equal(policy.model(input_ids=ids).logits, calm)


def test_lora_dropout_stays(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "llama")
    lora = LoraSettings(rank=4, dropout=0.25)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=lora), 1)
    assert {m.p for m in policy.model.modules() if isinstance(m, torch.nn.Dropout)} == {0.25}


def test_positions_that_change_with_the_company_bound_the_context(tmp_path: Path) -> None:
    """Long and short texts read together: up to 64 tokens each is read as if it were alone, so that is the window."""
    folder = save(
        tmp_path / "long", "Phi3Config", "Phi3ForCausalLM", num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128, original_max_position_embeddings=64, pad_token_id=0,
        rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 64,
                         "short_factor": [1.0] * 4, "long_factor": [9.0] * 4},
    )  # fmt: skip
    policy = load(folder)
    assert policy.context_tokens == 64
    ids = torch.arange(8, 8 + 100)[None]
    with torch.no_grad():
        short, whole, beyond = (policy.model(input_ids=ids[:, :n]).logits for n in (30, 64, 65))
    torch.testing.assert_close(whole[:, :30], short, atol=1e-4, rtol=1e-4)
    assert (beyond[:, :30] - short).abs().max() > 0.1  # what would be wrong
    settings = ModelSettings(path=str(folder), device="cpu", context_tokens=65, lora=LoraSettings(rank=4))
    for reading in (lambda: load_policy(settings, 1), lambda: load_reader(settings)):
        with pytest.raises(ModelError, match="65, but beyond 64 tokens long changes the positions"):
            reading()
