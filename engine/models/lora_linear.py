"""The adapted linear layer as one function: y = W x + b + s B (A x), and its backward without waste.

PEFT computes the same with three more passes over the output and lets autograd keep them. Here the adapter's product is
added in place, W gets no gradient, and what backward needs is x and A x. The adapter is computed in its own float32.
Hu et al. 2021, arXiv:2106.09685, eq. 3. A layer may be tapped: its backward then hands what the gradients of A and B
are made of to whoever asks, token by token, and makes neither.
"""

from types import MethodType
from typing import Any, Protocol, cast

import torch
from peft.tuners.lora import LoraLayer
from torch.autograd.function import once_differentiable
from transformers.pytorch_utils import Conv1D

from engine.errors import ModelError
from engine.models.products import product

ADAPTER = "default"


class Tap(Protocol):
    """Who hears a layer's backward pass."""

    def keep(self, x: torch.Tensor) -> torch.Tensor | None:
        """What of the layer's input (T, in) is to be kept until then."""

    def hear(self, kept: torch.Tensor | None, inner: torch.Tensor, g: torch.Tensor, u: torch.Tensor | None) -> None:
        """What was kept, A x (T, r), ∂/∂y (T, out) and Bᵀ ∂/∂y (T, r), or None for that while the adapter is off."""


class _Adapted(torch.autograd.Function):
    """x (…, in), W (out, in), bias (out,) or None, A (r, in), B (out, r), s, tap, is the adapter on → (…, out)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        tap: Tap | None,
        on: bool,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        inner = product(rows.to(a.dtype), a)
        y = product(x, weight, bias)  # no view of something else: a model may go on in place
        # A fresh adapter's B is 0, and so is all that is made of it. A GPU would have to be waited for to know.
        ctx.adds = on and (b.device.type != "cpu" or bool(b.any()))
        if ctx.adds:
            _add(y.view(-1, y.shape[-1]), inner, b.T, scale)
        ctx.save_for_backward(rows if tap is None else tap.keep(rows), weight, a, b, inner)
        ctx.shape, ctx.scale, ctx.tap, ctx.on = x.shape, scale, tap, on
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, a, b, inner = ctx.saved_tensors
        g = gradient.reshape(-1, gradient.shape[-1])
        wide = g.to(b.dtype)
        u = product(wide, b.T.contiguous()) if ctx.adds or (ctx.on and ctx.tap is not None) else None
        of_x = of_a = of_b = None
        if ctx.needs_input_grad[0]:
            of_x = product(g, weight.T)
            if u is not None:
                _add(of_x, u, a, ctx.scale)
            of_x = of_x.view(ctx.shape)
        if ctx.tap is not None:
            ctx.tap.hear(rows, inner, wide, u)
        elif ctx.on:
            # The narrow side first: the other way about the same product takes up to six times as long on a CPU.
            of_a = torch.zeros_like(a) if u is None else product(u.T, rows.to(a.dtype).T).mul_(ctx.scale)
            of_b = product(inner.T, wide.T).mul_(ctx.scale).T
        return of_x, None, None, of_a, of_b, None, None, None


def _add(to: torch.Tensor, narrow: torch.Tensor, wide: torch.Tensor, scale: float) -> None:
    """Adds scale · narrow wide, of (T, r) and (r, n), to (T, n) of whatever dtype."""
    if to.dtype == narrow.dtype:
        to.addmm_(narrow, wide, alpha=scale)
    else:
        to += product(narrow * scale, wide.T).to(to.dtype)


def adapted(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    a: torch.Tensor,
    b: torch.Tensor,
    scale: float,
    tap: Tap | None = None,
    *,
    on: bool = True,
) -> torch.Tensor:
    """y (…, out) from x (…, in), W (out, in), A (r, in) and B (out, r), with gradient to x, A and B; with the adapter
    not `on` it is not added, and with a `tap` A and B get no gradient."""
    found: torch.Tensor = _Adapted.apply(x, weight, bias, a, b, scale, tap, on)  # type: ignore[no-untyped-call]
    return found


def _forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """In place of PEFT's forward, whenever it would do no more than the plain update."""
    base, tap = self.base_layer, self.__dict__.get("tap")
    on = not self.disable_adapters
    if not on and tap is None:
        return cast(torch.Tensor, base(x, *args, **kwargs))
    plain = not (args or kwargs or self.merged or self.lora_variant) and self.active_adapters == [ADAPTER]
    if not plain or (self.training and not isinstance(self.lora_dropout[ADAPTER], torch.nn.Identity)):
        if tap is not None:
            raise ModelError(
                "A layer with an adapter computes more than its plain update, so its gradients cannot be told apart.",
                "Put the model in eval mode, and take a plain LoRA adapter.",
            )
        return cast(torch.Tensor, type(self).forward(self, x, *args, **kwargs))
    weight = base.weight.T if isinstance(base, Conv1D) else base.weight  # GPT-2's weights are kept transposed
    a, b = self.lora_A[ADAPTER].weight, self.lora_B[ADAPTER].weight
    if tap is not None:
        a, b = a.detach(), b.detach()
    return adapted(x, weight, base.bias, a, b, self.scaling[ADAPTER], tap, on=on)


def is_lean(module: torch.nn.Module) -> bool:
    """Whether the layer computes itself as above, and so can be tapped."""
    return isinstance(module, LoraLayer) and isinstance(cast(Any, module).base_layer, torch.nn.Linear | Conv1D)


def make_lean(model: torch.nn.Module) -> None:
    """Let every adapted linear layer of a PEFT model compute itself as above; all other layers stay PEFT's."""
    for module in model.modules():
        if is_lean(module):
            cast(Any, module).forward = MethodType(_forward, module)
