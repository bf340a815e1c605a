"""What layers of transformers do between their products, in fewer passes over memory: norms and rotations on a CPU.

There each of their ten small steps reads and writes every number again, and so does each on autograd's way back. A
layer computes itself as below only where that gives the same on numbers drawn for it, and only while it reads float32
or bfloat16 on a CPU; all else stays transformers'.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

import torch
from torch.autograd.function import once_differentiable

_CLOSE = 1e-5
"""Largest difference from what transformers' own gives, relative to its largest number."""
_ROTATION = "apply_rotary_pos_emb"
"""What models of transformers call the function that rotates queries and keys; each has its own."""
_ASKS_FOR_MORE = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
"""How a layer answers that wants something else than what is tried on it."""


class _Normed(torch.autograd.Function):
    """x (…, H), gain (H,), which gets no gradient, ε → gain · x / √(mean x² + ε), computed in float32.

    Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, gain: torch.Tensor, epsilon: float) -> torch.Tensor:
        wide = x.float()
        mean = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.shape[-1])
        size: torch.Tensor = mean.add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, gain, size)
        return (wide * size).mul_(gain).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        x, gain, size = ctx.saved_tensors
        wide, found = x.float(), gradient.float() * gain
        along = (found * wide).sum(-1, keepdim=True).mul_(size**3).div_(-x.shape[-1])
        return found.mul_(size).addcmul_(wide, along).to(x.dtype), None, None


class _Rotated(torch.autograd.Function):
    """x (n, heads, T, d), cos and sin (n, T, d) → its halves turned: x₁ cos − x₂ sin and x₂ cos + x₁ sin.

    Su et al. 2021, arXiv:2104.09864, eq. 34, with halves where the paper has neighbours, as transformers' models do.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        cos, (first, second) = cos.unsqueeze(1), sin.unsqueeze(1).chunk(2, -1)
        ctx.save_for_backward(cos, first, second)
        return _mixed(x, cos, -first, second)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, first, second = ctx.saved_tensors
        return _mixed(gradient, cos, second, -first), None, None


def _mixed(x: torch.Tensor, own: torch.Tensor, second: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """own · x, and of its halves second · x₂ added to the first and first · x₁ to the second."""
    found = x * own
    (x1, x2), (to1, to2) = x.chunk(2, -1), found.chunk(2, -1)
    to1.addcmul_(x2, second)
    to2.addcmul_(x1, first)
    return found


def fuse(model: torch.nn.Module) -> None:
    """Let the norms and rotations of a model compute themselves as above, where that gives the same."""
    for module in model.modules():
        if "forward" in vars(module):  # somebody else's already
            continue
        if type(module).__name__.endswith("RMSNorm"):
            _fuse_norm(module)
        elif isinstance(own := type(module).forward, FunctionType) and _ROTATION in own.__code__.co_names:
            _fuse_rotation(module, own)


def _plain(x: torch.Tensor) -> bool:
    return x.dtype in (torch.float32, torch.bfloat16) and x.device.type == "cpu"


def _alike(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    return found.shape == wanted.shape and bool((found - wanted).abs().max() <= _CLOSE * wanted.abs().max())


def _fuse_norm(module: Any) -> None:
    epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    weight = getattr(module, "weight", None)
    if epsilon is None or weight is None or not _plain(weight) or weight.ndim != 1:
        return
    # Of small numbers, too, for which ε counts.
    drawn = torch.arange(2.0 * len(weight)).sin().add_(0.5).view(2, -1)
    for_each = (drawn, drawn * epsilon**0.5)
    with torch.no_grad():
        try:
            exact = deepcopy(module).float()
            wanted = [exact(x) for x in for_each]
        except _ASKS_FOR_MORE:
            return
        for from_one in (0.0, 1.0):  # Gemma keeps how far a gain is from 1
            gain = weight.float() + from_one
            found = [_Normed.apply(x, gain, epsilon) for x in for_each]  # type: ignore[no-untyped-call]
            if all(_alike(f, w) for f, w in zip(found, wanted, strict=True)):
                module.forward = MethodType(_norm_forward(from_one, epsilon), module)
                return


def _norm_forward(from_one: float, epsilon: float) -> Callable[..., Any]:
    def forward(self: Any, x: torch.Tensor, *more: Any, **how: Any) -> Any:
        if more or how or not _plain(x) or self.weight.requires_grad:
            return type(self).forward(self, x, *more, **how)
        gain = self.weight.float() + from_one if from_one else self.weight
        return _Normed.apply(x, gain, epsilon)  # type: ignore[no-untyped-call]

    return forward


def _fuse_rotation(module: Any, own: FunctionType) -> None:
    """Gives a layer its own forward, which finds another function where it looks its rotation up: that of its file is
    everybody's, and stays."""
    ours = _rotation(own.__globals__[_ROTATION])
    if ours is not None:
        known = {**own.__globals__, _ROTATION: ours}
        copy = FunctionType(own.__code__, known, own.__name__, own.__defaults__, own.__closure__)
        copy.__kwdefaults__ = own.__kwdefaults__
        module.forward = MethodType(copy, module)


@lru_cache(maxsize=64)
def _rotation(theirs: Callable[..., Any]) -> Callable[..., Any] | None:
    """Ours in place of theirs, or None if that gives something else."""

    def rotate(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *more: Any, **how: Any) -> Any:
        fits = cos.shape == sin.shape == (len(q), q.shape[2], q.shape[3]) and q.shape[3] == k.shape[3]
        if more or how or not fits or not all(map(_plain, (q, k, cos, sin))):
            return theirs(q, k, cos, sin, *more, **how)
        return tuple(_Rotated.apply(x, cos, sin) for x in (q, k))  # type: ignore[no-untyped-call]

    drawn = torch.arange(2.0 * 3 * 5 * 8).sin()
    q, k = drawn.view(2, 3, 5, 8), drawn[:80].view(2, 1, 5, 8)
    cos, sin = drawn[80:160].view(2, 5, 8), drawn[160:].view(2, 5, 8)
    try:
        wanted = theirs(q, k, cos, sin)
        return rotate if all(_alike(*both) for both in zip(rotate(q, k, cos, sin), wanted, strict=True)) else None
    except _ASKS_FOR_MORE:
        return None
