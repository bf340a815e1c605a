"""Which device and dtype a model gets, and why: in bfloat16 where the hardware multiplies it and the model agrees."""

from typing import Any

import torch

from engine.errors import ModelError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WIDE = 1024
"""Hidden numbers a token from which on products outweigh the conversions around them on a CPU."""
NATIVE = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}
"""What torch calls a CPU's instructions for bfloat16, and what people call them."""
GAP = 0.1
"""Largest mean gap between a model's logits in float32 and in bfloat16, in their standard deviations."""


def choose_device(device: str = "auto") -> tuple[torch.device, str]:
    """The device, and why; ModelError if the one asked for is not there."""
    if device == "auto":
        there = torch.cuda.is_available()
        chosen = torch.device("cuda" if there else "cpu")
        return chosen, f"{chosen.type}: " + ("a CUDA device is there" if there else "no CUDA device is there")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"model.device is {device!r}.", "Allowed: auto, cpu, cuda, cuda:0, cuda:1, …") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"model.device is {device!r}, but {torch.cuda.device_count()} CUDA devices are there.",
            "Take auto or cpu, or a device that is there.",
        )
    return chosen, f"{device}: the config says so"


def choose_dtype(dtype: str, device: torch.device, width: int) -> tuple[torch.dtype, str]:
    """The dtype of the base weights of a model `width` numbers wide, and why. By what is there, never by a clock: a
    study that goes on later goes on in the same numbers."""
    if dtype != "auto":
        return _DTYPES[dtype], f"{dtype}: the config says so"
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16, "bfloat16: the device computes it natively"
    if device.type != "cpu":
        return torch.float32, f"float32: exact, and the default on a {device.type} device without bfloat16"
    native = native_bfloat16()
    if native and width >= WIDE:
        return torch.bfloat16, f"bfloat16: this CPU computes it natively ({native})"
    return torch.float32, "float32: exact, and the default on a cpu"


def native_bfloat16() -> str:
    """By which instructions this CPU multiplies bfloat16; "" if by none."""
    able = torch.cpu.get_capabilities()
    return next((name for key, name in NATIVE.items() if able.get(key)), "")


def gap_between(one: Any, other: Any) -> float:
    """How far the logits of two models lie apart on average, in standard deviations of the first's."""
    rows = int(one.get_input_embeddings().num_embeddings)
    ids = torch.tensor([[(7 * n + 11) % rows for n in range(32)]])
    with torch.no_grad():
        wanted, found = (base(input_ids=ids, use_cache=False).logits[0].float() for base in (one, other))
    return float((found - wanted).abs().mean() / wanted.std().clamp_min(1e-6))
