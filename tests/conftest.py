"""A tiny language model with a byte tokenizer, made on the spot. torch is imported inside the fixtures only."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from engine.models.policy import Policy

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # the first example of a test may wait for a busy machine


def save_byte_tokenizer(folder: Path, template: str | None = TEMPLATE, adds_bos: bool = False) -> int:
    """A tokenizer with one token a byte and the turn markers; gives the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<s>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(special + letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="<|end|>",
        pad_token="<pad>",
        additional_special_tokens=special[3:],
    )
    fast.chat_template = template
    fast.save_pretrained(str(folder))
    return len(fast)


def save_tiny_model(folder: Path, family: str = "llama", **changes: Any) -> Path:
    """A random model folder of that family: width 32, 2 layers, 128 positions, with the byte tokenizer."""
    import torch
    import transformers

    vocabulary = save_byte_tokenizer(folder)
    wide: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "initializer_range": 0.2,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    if family == "gpt2":
        wide = {
            "vocab_size": vocabulary,
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 128,
            "initializer_range": 0.2,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }
    named = {"llama": "Llama", "gpt2": "GPT2", "qwen2": "Qwen2", "gemma2": "Gemma2"}[family]
    config = getattr(transformers, f"{named}Config")(**{**wide, **changes})
    kind = getattr(transformers, "GPT2LMHeadModel" if family == "gpt2" else f"{named}ForCausalLM")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        kind(config).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of some 40,000 parameters as a model folder."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture
def tiny_policy(tiny_model_dir: Path) -> "Policy":
    """The tiny model with a fresh LoRA adapter of rank 4, on the CPU."""
    from engine.models.load import load_policy
    from engine.settings import LoraSettings, ModelSettings

    lora = LoraSettings(rank=4, alpha=8)
    return load_policy(ModelSettings(path=str(tiny_model_dir), device="cpu", lora=lora), seed=1)


def move(policy: "Policy", seed: int = 0, size: float = 0.2) -> "Policy":
    """Set every lora_B to seeded normal noise of that standard deviation, so that it differs from its reference."""
    from engine.models.adapters import adapter_state, set_adapter

    rng = np.random.default_rng(seed)
    state = adapter_state(policy)
    noisy = {n: rng.normal(0, size, w.shape).astype(np.float32) if "lora_B" in n else w for n, w in state.items()}
    set_adapter(policy, noisy)
    return policy
