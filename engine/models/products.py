"""Products in float32 on a CPU, of frozen layers and of attention, by whichever of torch's libraries uses all of it.

torch hands them to MKL, which on AMD's CPUs takes AVX2 though they have AVX-512. oneDNN lies beside it in torch and
asks the CPU what it has: twice as fast there, and as exact. Which of them it is depends on the CPU and on shapes, never
on a clock, so that a run that goes on does so to the bit. On Intel's CPUs and in other dtypes all stays torch's.

torch's only way to oneDNN for float32 is to allow it bfloat16 inside. A CPU without AMX has no such product, so that
oneDNN takes its own of float32: only such CPUs are let, and what it gives is compared with MKL's before any is used.
"""

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

_CPUS = Path("/proc/cpuinfo")
_LEAST = 1 << 22
"""Multiplications of a product below which starting it takes as long as it saves."""
_KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}
"""Code that oneDNN, and torch beside it, keep for shapes already met: half a megabyte each, 1,024 of them unless said
before the first. There and back a pack meets some thirty, layer after layer."""
_CLOSE = 1e-5
"""Largest difference from torch's own product, relative to its largest number."""
_log = logging.getLogger(__name__)


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """x Wᵀ + b, (…, out) from (…, in) and (out, in), without gradient; a new tensor."""
    if not _suits(x, weight):
        return linear(x, weight, bias)
    with _onednn():
        rows = linear(x.reshape(-1, x.shape[-1]), weight, bias)
    return rows.resize_(*x.shape[:-1], len(weight))  # no view of the rows: a model may go on in place


def products(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
    """a b of n matrices, (n, m, o) from (n, m, k) and (n, k, o), without gradient; into `out` if there is one."""
    plain = a.dtype == torch.float32 and a.device.type == "cpu"
    with _onednn() if plain and a.numel() * b.shape[-1] >= _LEAST and by_onednn() else nullcontext():
        return torch.bmm(a, b, out=out)


@lru_cache(maxsize=1)
def by_onednn() -> bool:
    """Whether this CPU's float32 products go to oneDNN: AVX-512 of a CPU that MKL does not know; tried once."""
    if not _unknown_to_mkl():
        return False
    for name, most in _KEPT.items():
        os.environ.setdefault(name, most)
    x = torch.arange(2.0 * 3 * 80 * 96).sin().view(2, 3, 80, 96)
    try:
        with _onednn():
            found = linear(x[0], x[1, 0].T.contiguous().T, x[1, 1, :, 0].contiguous()), x[0] @ x[1].mT
    except (AttributeError, RuntimeError) as error:
        _log.warning("oneDNN's products do not run here (%s); torch's own are taken.", error)
        return False
    wanted = linear(x[0], x[1, 0], x[1, 1, :, 0]), x[0] @ x[1].mT
    return all(bool((f - w).abs().max() <= _CLOSE * w.abs().max()) for f, w in zip(found, wanted, strict=True))


def _unknown_to_mkl() -> bool:
    if torch.cpu.get_capabilities().get("amx_bf16"):
        return False
    if not torch.backends.mkl.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        known = _CPUS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        known = platform.processor()
    return "AuthenticAMD" in known


def _suits(x: torch.Tensor, weight: torch.Tensor) -> bool:
    plain = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
    return plain and x.numel() * weight.shape[0] >= _LEAST and by_onednn()


@contextmanager
def _onednn() -> Iterator[None]:
    """Inside, torch hands products of float32 to oneDNN. Two settings of an attribute: what others compute in between
    is not touched."""
    matmul: Any = getattr(torch.backends.mkldnn, "matmul")  # noqa: B009 (its stubs do not know it)
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before


class _Frozen(torch.autograd.Function):
    """x (…, in), W (out, in) and bias (out,) or None, which get no gradient → (…, out)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return product(gradient, weight.T), None, None


def _forward(self: Any, x: torch.Tensor) -> torch.Tensor:
    """In place of a linear layer's own."""
    weight, bias = self.weight, self.bias
    if not _suits(x, weight) or weight.requires_grad or (bias is not None and bias.requires_grad):
        return linear(x, weight, bias)
    if not torch.is_grad_enabled() or not x.requires_grad:
        return product(x, weight, bias)
    found: torch.Tensor = _Frozen.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return found


def quicken(model: torch.nn.Module) -> None:
    """Let every plain linear layer of a model compute itself as above, where that is quicker; all else stays."""
    if not by_onednn():
        return
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.forward = MethodType(_forward, module)  # type: ignore[method-assign]
