"""Random Llamas and labelled pairs of known shape for the benchmarks: nothing is downloaded, seeds are fixed."""

import os
import string
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from engine.dpo.batches import Example
from engine.models.load import load_policy
from engine.models.policy import Policy, input_layer, output_layer
from engine.models.tokens import Encoded, encode_responses
from engine.records import Message, Pair, Prompt, Response
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import save_byte_tokenizer

_LETTERS = np.array(list(string.ascii_lowercase + " "))


@dataclass(frozen=True)
class Shape:
    """Of a model: vocabulary, width, layers, heads, and the rank of its adapter; Llama unless `family` says else."""

    vocabulary: int
    width: int
    layers: int
    heads: int = 8
    rank: int = 8
    key_values: int | None = None
    inner: int | None = None
    family: Literal["llama", "qwen2"] = "llama"
    tied: bool = False
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"random Llama V={self.vocabulary:,} H={self.width} L={self.layers} r={self.rank}"


BODY = Shape(8_192, 512, 8)
"""Most of the work is in the layers: 30 M parameters."""
HEAD = Shape(32_768, 256, 6)
"""Most of the work is in the output layer: 13 M parameters without the embedding."""
TINY = Shape(512, 32, 2, heads=4, rank=4)


@dataclass(frozen=True)
class Lengths:
    """Medians of lognormal lengths in bytes (a byte is a token), before the template's own tokens; σ of the log."""

    prompt: float = 48
    response: float = 64
    spread: float = 0.6


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, no progress bars and no warnings of the libraries; afterwards all as before."""
    import datasets

    shown, shown_too = logging.is_progress_bar_enabled(), datasets.is_progress_bar_enabled()
    before = os.environ.get("TQDM_DISABLE")
    os.environ["TQDM_DISABLE"] = "1"
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.pop("TQDM_DISABLE")
        if before is not None:
            os.environ["TQDM_DISABLE"] = before
        if shown:
            logging.enable_progress_bar()
        if shown_too:
            datasets.enable_progress_bars()


def save_model(folder: Path, shape: Shape, *, tokens: int = 1024, dtype: str = "float32", device: str = "cpu") -> Path:
    """The model folder with the byte tokenizer; drawn on the device, weights as small as an untrained model's."""
    save_byte_tokenizer(folder)
    config = AutoConfig.for_model(
        shape.family,
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner or shape.width * 43 // 16,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_values or shape.heads,
        max_position_embeddings=tokens,
        tie_word_embeddings=shape.tied,
        initializer_range=0.02,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    with quiet(), torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []), torch.device(device):
        torch.manual_seed(7)
        AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).save_pretrained(str(folder))
    return folder


def load(folder: Path, shape: Shape, *, dtype: str = "float32", device: str = "cpu") -> Policy:
    """A fresh policy, B = 0."""
    lora = LoraSettings(rank=shape.rank, alpha=2 * shape.rank)
    with quiet():
        return load_policy(ModelSettings(path=str(folder), device=device, dtype=dtype, lora=lora), seed=1)


def pairs(count: int, lengths: Lengths = Lengths(), seed: int = 0) -> list[Example]:
    """Labelled pairs, each of a prompt of its own; random letters, so that no two texts are alike."""
    rng = np.random.default_rng(seed)

    def text(median: float) -> str:
        size = int(np.clip(rng.lognormal(np.log(median), lengths.spread), 2, 8 * median))
        return "".join(_LETTERS[rng.integers(0, len(_LETTERS), size)])

    found = []
    for _ in range(count):
        prompt = Prompt.of([Message("user", text(lengths.prompt))])
        chosen, rejected = (Response.of(prompt.id, text(lengths.response)) for _ in range(2))
        found.append(Example(Pair.of(prompt.id, chosen.id, rejected.id).id, prompt, chosen, rejected))
    return found


def prompts_of(examples: Sequence[Example]) -> dict[str, Prompt]:
    return {example.prompt.id: example.prompt for example in examples}


def responses_of(examples: Sequence[Example]) -> list[Response]:
    """Chosen and rejected of each pair, one after the other."""
    return [response for example in examples for response in (example.chosen, example.rejected)]


def encoded(policy: Policy, examples: Sequence[Example]) -> list[Encoded]:
    """Tokens of `responses_of`, in that order."""
    return encode_responses(policy, prompts_of(examples), responses_of(examples))


def useful_tokens(texts: Sequence[Encoded]) -> int:
    """Tokens of pairs (chosen and rejected in turn) with the prompt counted once and no padding, for every way."""
    return sum(text.length for text in texts) - sum(len(text.prompt_ids) for text in texts[::2])


def matmul_parameters(policy: Policy) -> tuple[int, int]:
    """Weights that a token is multiplied with: in the layers, and in the output layer. Adapter and embedding not."""
    head = output_layer(policy.model).weight
    apart = {id(head), id(input_layer(policy.model).weight)}
    own = [w for name, w in policy.model.named_parameters() if "lora_" not in name and w.ndim == 2]
    return sum(w.numel() for w in own if id(w) not in apart), head.numel()


def floor_flops(policy: Policy, texts: Sequence[Encoded], passes: int, *, shared: bool = True) -> float:
    """2 FLOPs a weight and token and pass (a backward by activations is one pass): the least an exact result costs.

    Texts are chosen and rejected in turn; the output layer counts at response positions only; attention is left out.
    """
    layers, head = matmul_parameters(policy)
    tokens = useful_tokens(texts) if shared else sum(text.length for text in texts)
    return 2.0 * passes * (layers * tokens + head * sum(len(text.response_ids) for text in texts))


def fast_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 natively (AVX512-BF16 or AMX); without, it would only be slower."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _bf16_flag()


def _bf16_flag() -> bool:
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags
