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
_EVEN = 8
"""Tokens side by side are a multiple of it: squares of 355 take a sixth longer than of 360."""


@dataclass(frozen=True)
class Side:
    """Trees side by side, n of W tokens: `queries` and `keys` (heads · n · W,) say which row of all tokens' heads each
    number comes from, `real` (n · W, 1) is 0 where it is padding, `hidden` (n, W, W) −inf where a token does not see
    another, else 0."""

    queries: torch.Tensor
    keys: torch.Tensor
    real: torch.Tensor
    hidden: torch.Tensor

    @property
    def rows(self) -> int:
        """Heads of tokens, padding and all."""
        return len(self.queries)


@dataclass(frozen=True)
class Sides:
    """All trees of a pack in groups of like length; `back` (T · heads,) is where each token's heads lie in the groups,
    one after the other."""

    groups: tuple[Side, ...]
    back: torch.Tensor


def sides_of(masks: Sequence[torch.Tensor], heads: int, shared: int = 1) -> Sides:
    """From who sees whom in each tree, bool (W, W), in the order of the row; `shared` heads of queries have a head of
    keys in common."""
    sizes = [len(mask) for mask in masks]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    groups: list[list[int]] = []
    for n in sorted(range(len(sizes)), key=lambda n: (sizes[n], n)):
        if not groups or sizes[n] > _ALIKE * sizes[groups[-1][0]]:
            groups.append([])
        groups[-1].append(n)
    found: list[Side] = []
    head = torch.arange(heads)[:, None]
    back = torch.zeros(sum(sizes), heads, dtype=torch.long)
    before = 0
    for group in groups:
        width = -(-sizes[group[-1]] // _EVEN) * _EVEN
        steps = torch.arange(width)
        lengths = torch.tensor([sizes[n] for n in group])[:, None]
        place = (torch.tensor([starts[n] for n in group])[:, None] + steps.minimum(lengths - 1)).view(1, -1)
        hidden = torch.full((len(group), width, width), float("-inf"))
        for at, n in enumerate(group):
            hidden[at, : sizes[n], : sizes[n]].masked_fill_(masks[n], 0.0)
            hidden[at, sizes[n] :, 0] = 0.0  # what padding sees is thrown away, but must be a number
            own = before + head * len(group) * width + at * width + steps[: sizes[n]]
            back[starts[n] : starts[n] + sizes[n]] = own.T
        queries, keys = place * heads + head, place * (heads // shared) + head // shared
        real = (steps < lengths).reshape(-1, 1).float()
        found.append(Side(queries.view(-1), keys.view(-1), real, hidden))
        before += heads * len(group) * width
    return Sides(tuple(found), back.view(-1))


class _Attended(torch.autograd.Function):
    """Queries (T, heads, d), keys (T, fewer heads, d), values (T, as many, e), sides, scale → (T, heads, e)."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sides: Sides, scale: float
    ) -> torch.Tensor:
        rows = [x.reshape(-1, x.shape[-1]) for x in (q, k, v)]
        outs, parts = _room(sides, v)
        kept = []
        for side, out in zip(sides.groups, parts, strict=True):
            own = [_wide(x, at, side) for x, at in zip(rows, (side.queries, side.keys, side.keys), strict=True)]
            scores = products(own[0].to(side.hidden.dtype) * scale, own[1].to(side.hidden.dtype).mT)
            _by_tree(scores, side).add_(side.hidden)
            chance = scores.softmax(-1)
            products(chance.to(q.dtype), own[2], out=out)
            kept += [*own, chance, out]
        ctx.save_for_backward(*kept)
        ctx.sides, ctx.scale, ctx.shared = sides, scale, q.shape[1] // k.shape[1]
        return outs.index_select(0, sides.back).view(*q.shape[:2], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        kept, sides = ctx.saved_tensors, ctx.sides
        rows = gradient.reshape(-1, gradient.shape[-1])
        rooms = [_room(sides, x) for x in kept[:3]]
        for number, side in enumerate(sides.groups):
            q, k, v, chance, out = kept[5 * number : 5 * number + 5]
            of_q, of_k, of_v = (parts[number] for _, parts in rooms)
            g = _wide(rows, side.queries, side)
            g.view(-1, *side.real.shape[:1], g.shape[-1]).mul_(side.real)
            # Where chances are near 0 or 1 these two are nearly alike: in bfloat16 nothing would be left of them.
            exact = g.to(chance.dtype)
            slope = products(exact, v.to(chance.dtype).mT).sub_((exact * out).sum(-1, keepdim=True))
            slope = slope.mul_(chance).to(q.dtype)
            products(slope, k, out=of_q).mul_(ctx.scale)
            products(slope.mT, q, out=of_k).mul_(ctx.scale)
            products(chance.to(q.dtype).mT, g, out=of_v)
        found = [outs.index_select(0, sides.back).view(*gradient.shape[:2], -1) for outs, _ in rooms]
        if ctx.shared > 1:
            found[1:] = [x.unflatten(1, (-1, ctx.shared)).sum(2) for x in found[1:]]
        return *found, None, None


def _room(sides: Sides, like: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Room for the heads of all groups, as wide as those (…, d), and the part of each group (heads · n, W, d)."""
    sizes = [side.rows for side in sides.groups]
    rows = like.new_empty(sum(sizes), like.shape[-1])
    return rows, [x.unflatten(0, (-1, len(g.hidden[0]))) for x, g in zip(rows.split(sizes), sides.groups, strict=True)]


def _wide(rows: torch.Tensor, at: torch.Tensor, side: Side) -> torch.Tensor:
    """Heads of tokens (…, d) → (heads · n, W, d), padding a copy of its tree's last token."""
    return rows.index_select(0, at).view(-1, side.hidden.shape[1], rows.shape[1])


def _by_tree(scores: torch.Tensor, side: Side) -> torch.Tensor:
    """(heads · n, W, W) as (heads, n, W, W)."""
    return scores.view(-1, *side.hidden.shape)


def takes(query: torch.Tensor) -> bool:
    """Whether such heads go this way: on a CPU, in float32 or in what it multiplies natively."""
    if query.device.type != "cpu":
        return False
    return query.dtype == torch.float32 or (query.dtype == torch.bfloat16 and native_bfloat16() != "")


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sides: Sides, scale: float) -> torch.Tensor:
    """softmax(scale · q kᵀ + hidden) v of each tree: (T, heads, e) from queries (T, heads, d), keys of as many heads or
    fewer, each shared by queries side by side, and values (T, as many, e)."""
    found: torch.Tensor = _Attended.apply(query, key, value, sides, scale)  # type: ignore[no-untyped-call]
    return found
