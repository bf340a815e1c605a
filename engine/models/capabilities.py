"""What this machine can do for a model, as findings for `workbench doctor`: device, bfloat16, its memory, attention."""

import json
import sys
from typing import Any

import torch

from engine.models import varlen_attention as varlen
from engine.models.device import NATIVE, WIDE, choose_device, choose_dtype

HEAD = 64
"""Width of the attention heads that are tried."""
SMALL_GIB = 8.0
"""Below it a GPU holds little more than a model of a billion weights, its adapter and a batch."""


def findings() -> list[dict[str, str]]:
    """A finding a line: what, found, state (good or warn) and what to do ("" for nothing)."""
    device, reason = choose_device()
    _, why = choose_dtype("auto", device, WIDE)
    found = [_line("device", f"a worker here takes {reason}"), _line("dtype", f"a worker here takes {why}")]
    return [*found, *(_of_cuda(device) if device.type == "cuda" else _of_cpu()), _threads()]


def _of_cuda(device: torch.device) -> list[dict[str, str]]:
    cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    names = ", ".join(
        f"{card.name} ({card.total_memory / 2**30:.0f} GiB, sm_{card.major}{card.minor})" for card in cards
    )
    free, total = (n / 2**30 for n in torch.cuda.mem_get_info(device))
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return [
        _line("GPU", names),
        _line("GPU memory", f"{free:.1f} of {total:.1f} GiB free", free >= SMALL_GIB, "End what else uses the GPU."),
        _line("bfloat16", "the GPU computes it" if native else "the GPU only imitates it", native,
              "Nothing is wrong; float32 is taken, which is slower and larger."),
        _attention(device, torch.bfloat16 if native else torch.float16),
        _paged(),
    ]  # fmt: skip


def _attention(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """Which kernel reads packs: the variable-length one is tried, there and back."""
    heads = torch.zeros(1, 1, 1, HEAD, device=device, dtype=dtype)
    if varlen.is_there(heads, heads):
        return _line("attention", "variable-length flash kernel of torch")
    able = torch.backends.cuda
    kernels = {
        "flash": able.flash_sdp_enabled() and torch.cuda.get_device_capability(device) >= (8, 0),
        "memory-efficient": able.mem_efficient_sdp_enabled(),
        "plain": able.math_sdp_enabled(),
    }
    among = ", ".join(name for name, there in kernels.items() if there)
    found = f"scaled-dot-product attention ({among}), a prompt after the other"
    return _line(
        "attention", found, False, "Variable-length attention takes torch 2.10 or newer and an Ampere GPU or newer."
    )


def _paged() -> dict[str, str]:
    from transformers.utils.import_utils import is_flash_attn_2_available, is_flash_attn_3_available

    there = is_flash_attn_2_available() or is_flash_attn_3_available()
    found = "paged cache of transformers, flash attention" if there else "our own slots; no flash-attn package is here"
    return _line("generation", found, there, "To draw faster: pip install flash-attn --no-build-isolation.")


def _of_cpu() -> list[dict[str, str]]:
    able = torch.cpu.get_capabilities()
    native = [name for key, name in NATIVE.items() if able.get(key)]
    wide = f"this CPU computes it ({', '.join(native)}), for models {WIDE:,} numbers wide or more"
    return [
        _line("GPU", "none that PyTorch can use", False, "A model beyond some hundred million weights wants one."),
        _line("bfloat16", wide if native else "this CPU does not compute it; float32 is taken"),
        _line("attention", "matrix products for short texts, scaled-dot-product attention else"),
    ]


def _threads() -> dict[str, str]:
    return _line("threads", f"{torch.get_num_threads()} of PyTorch")


def _line(what: str, found: str, good: bool = True, next_step: str = "") -> dict[str, str]:
    state, step = ("good", "") if good else ("warn", next_step)
    return {"what": what, "found": found, "state": state, "next_step": step}


def main(out: Any = None) -> None:
    """`python -m engine.models.capabilities`: the findings as one line of JSON, for a process that loads no torch."""
    (out or sys.stdout).write(json.dumps(findings()) + "\n")


if __name__ == "__main__":
    main()
