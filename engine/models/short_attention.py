"""Attention of short trees on a CPU: padded side by side, with the chances kept for the way back.

Flash kernels recompute the chances to save memory, which is what long texts need. For texts of some hundred tokens two
matrix products there and five back cost less; memory is heads · W² a tree. Scores and chances are float32 whatever the
model is, as a flash kernel's are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from engine.models.device import native_bfloat16
from engine.models.products import products

LONGEST = 384
"""Tokens of a tree; beyond, chances take more memory traffic than they save."""
_ALIKE = 1.25
"""Trees go side by side while the longest is at most so much longer than the shortest."""


@dataclass(frozen=True)
class Side:
    """Trees side by side: `place` (n · W,) is the token in the row of each padded one, `real` (n · W, 1) 0 where it is
    padding, `hidden` (n, W, W) −inf where a token does not see another, else 0."""

    place: torch.Tensor
    real: torch.Tensor
    hidden: torch.Tensor


@dataclass(frozen=True)
class Sides:
    """All trees of a pack in groups of like length; `back` (T,) is where each token of the row lies in the groups, one
    after the other."""

    groups: tuple[Side, ...]
    back: torch.Tensor


def sides_of(masks: Sequence[torch.Tensor]) -> Sides:
    """From who sees whom in each tree, bool (W, W), in the order of the row."""
    sizes = [len(mask) for mask in masks]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    groups: list[list[int]] = []
    for n in sorted(range(len(sizes)), key=lambda n: (sizes[n], n)):
        if not groups or sizes[n] > _ALIKE * sizes[groups[-1][0]]:
            groups.append([])
        groups[-1].append(n)
    found: list[Side] = []
    back = torch.zeros(sum(sizes), dtype=torch.long)
    before = 0
    for group in groups:
        width = sizes[group[-1]]
        steps = torch.arange(width)
        lengths = torch.tensor([sizes[n] for n in group])[:, None]
        place = torch.tensor([starts[n] for n in group])[:, None] + steps.minimum(lengths - 1)
        hidden = torch.full((len(group), width, width), float("-inf"))
        for at, n in enumerate(group):
            hidden[at, : sizes[n], : sizes[n]].masked_fill_(masks[n], 0.0)
            hidden[at, sizes[n] :, 0] = 0.0  # what padding sees is thrown away, but must be a number
            back[starts[n] : starts[n] + sizes[n]] = before + at * width + steps[: sizes[n]]
        found.append(Side(place.reshape(-1), (steps < lengths).reshape(-1, 1).float(), hidden))
        before += len(group) * width
    return Sides(tuple(found), back)


class _Attended(torch.autograd.Function):
    """Queries, keys and values (heads, T, d), sides, scale → (heads, T, d)."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sides: Sides, scale: float
    ) -> torch.Tensor:
        kept, found = [], []
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # or each group would copy the whole of them
        for side in sides.groups:
            own = [wide(x, side) for x in (q, k, v)]
            scores = products(own[0].to(side.hidden.dtype) * scale, own[1].to(side.hidden.dtype).mT)
            chance = scores.add_(side.hidden).softmax(-1)
            out = products(chance.to(q.dtype), own[2])
            found.append(out.flatten(1, 2))
            kept += [*own, chance, out]
        ctx.save_for_backward(*kept)
        ctx.sides, ctx.scale = sides, scale
        return torch.cat(found, 1).index_select(1, sides.back)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        kept, parts = ctx.saved_tensors, []
        gradient = gradient.contiguous()
        for number, side in enumerate(ctx.sides.groups):
            q, k, v, chance, out = kept[5 * number : 5 * number + 5]
            g = wide(gradient, side).flatten(1, 2).mul_(side.real).view_as(out)
            # Where chances are near 0 or 1 these two are nearly alike: in bfloat16 nothing would be left of them.
            exact = g.to(chance.dtype)
            slope = products(exact, v.to(chance.dtype).mT).sub_((exact * out).sum(-1, keepdim=True))
            slope = slope.mul_(chance).to(q.dtype)
            of = (
                products(slope, k).mul_(ctx.scale),
                products(slope.mT, q).mul_(ctx.scale),
                products(chance.to(q.dtype).mT, g),
            )
            parts.append([x.flatten(1, 2) for x in of])
        of_q, of_k, of_v = (torch.cat(list(one), 1).index_select(1, ctx.sides.back) for one in zip(*parts, strict=True))
        return of_q, of_k, of_v, None, None


def takes(query: torch.Tensor) -> bool:
    """Whether such heads go this way: on a CPU, in float32 or in what it multiplies natively."""
    if query.device.type != "cpu":
        return False
    return query.dtype == torch.float32 or (query.dtype == torch.bfloat16 and native_bfloat16() != "")


def wide(x: torch.Tensor, side: Side) -> torch.Tensor:
    """(heads, T, d) → (heads, n, W, d), padding a copy of its tree's last token."""
    return x.index_select(1, side.place).view(x.shape[0], len(side.hidden), -1, x.shape[-1])


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sides: Sides, scale: float) -> torch.Tensor:
    """softmax(scale · q kᵀ + hidden) v of each tree: (heads, T, d) from three of that shape."""
    found: torch.Tensor = _Attended.apply(query, key, value, sides, scale)  # type: ignore[no-untyped-call]
    return found
