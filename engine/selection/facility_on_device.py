"""Facility location on an accelerator: every pair's worth anew at every pick, and no pick waited for.

A device reads all similarities in the time that the host takes to ask who is to be looked at, so nothing is lazy here.
Similarities are float32 of a float64 product and sums are float64, as in numpy; where two neighbours are alike to the
bit, either may be kept.
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.selection.on_device import Batch, moved, parts
from engine.selection.recipes import FacilityLocation
from engine.selection.rows import Rows

if TYPE_CHECKING:
    import torch


def room(recipe: FacilityLocation) -> int:
    """Bytes that it holds on the device beside the features."""
    n = len(recipe.features)
    return 4 * n * n if n <= recipe.dense else 40 * n * min(recipe.neighbours, n)


def located(
    recipe: FacilityLocation, features: np.ndarray, rows: Rows, k: int
) -> tuple[list[int], np.ndarray, list[float], list[float]]:
    """As `facility.cover`: rows, every row's rise before the batch, each pick's when it was picked, mean similarity."""
    import torch

    unit, past = (_unit(moved(x, rows)) for x in (features, recipe.past.reshape(-1, features.shape[1])))
    cover = unit.new_zeros(len(unit), dtype=torch.float32)
    for part in parts(unit, len(past)) if len(past) else ():
        cover[part] = _similar(unit[part], past, recipe.either_sign).amax(1)
    likeness: Likeness = (_Nearest if len(unit) > recipe.dense else _Dense)(unit, recipe, rows)
    batch, worth = Batch(unit, k, rows), likeness.rises(cover)
    before, means = worth.clone(), unit.new_zeros(k)
    for step in range(k):
        if step:
            worth = likeness.rises(cover)
        # Who is picked already raises nothing; nobody is worth less than that.
        worth.index_fill_(0, batch.picked[:step], -torch.inf)
        row, _ = batch.take(batch.best(worth), worth)
        torch.maximum(cover, likeness.of(row), out=cover)
        means[step] = cover.mean(dtype=torch.float64)
    return batch.rows_picked(), before.cpu().numpy(), batch.gains.tolist(), means.tolist()


class Likeness(Protocol):
    """Who is similar to whom in the pool."""

    def rises(self, cover: "torch.Tensor") -> "torch.Tensor":
        """Σᵢ max(s(i, j) − cover(i), 0) of every row j, (n,) float64."""

    def of(self, row: "torch.Tensor") -> "torch.Tensor":
        """How similar each is to `row` (1,): (n,) float32."""


class _Dense:
    """All similarities, (n, n) float32."""

    def __init__(self, unit: "torch.Tensor", recipe: FacilityLocation, rows: Rows) -> None:
        import torch

        self.kernel = unit.new_empty(len(unit), len(unit), dtype=torch.float32)
        for part in parts(unit, len(unit)):
            if part.start:
                rows.check()
            self.kernel[part] = _similar(unit[part], unit, recipe.either_sign)

    def rises(self, cover: "torch.Tensor") -> "torch.Tensor":
        """As `Likeness`: Σ max(s, c) − Σ c, of which float32 holds every term to the bit."""
        import torch

        base = cover.sum(dtype=torch.float64)
        found = base.new_zeros(len(cover))
        for part in parts(self.kernel, len(cover)):
            found += torch.maximum(self.kernel[part], cover[part, None]).sum(0, dtype=torch.float64)
        return (found - base).clamp_(min=0)

    def of(self, row: "torch.Tensor") -> "torch.Tensor":
        """As `Likeness`."""
        return self.kernel.index_select(0, row)[0]


class _Nearest:
    """Similarities of each pair to its nearest, (n, m) float32, and the order that puts them neighbour by neighbour."""

    def __init__(self, unit: "torch.Tensor", recipe: FacilityLocation, rows: Rows) -> None:
        import torch

        n, m = len(unit), min(recipe.neighbours, len(unit))
        self.near = torch.empty(n, m, dtype=torch.int64, device=unit.device)
        self.similar = torch.empty(n, m, dtype=torch.float32, device=unit.device)
        for part in parts(unit, n):
            if part.start:
                rows.check()
            found = _similar(unit[part], unit, recipe.either_sign)
            own = torch.arange(part.start, part.start + len(found), device=unit.device)[:, None]
            # It is one of its neighbours whatever else is like it.
            near = found.scatter(1, own, torch.inf).topk(m).indices
            self.near[part], self.similar[part] = near, found.gather(1, near)
        flat = self.near.flatten()
        self.order, self.counts = flat.argsort(stable=True), torch.bincount(flat, minlength=n)

    def rises(self, cover: "torch.Tensor") -> "torch.Tensor":
        """As `Likeness`."""
        import torch

        more = (self.similar.double() - cover.double()[:, None]).clamp_(min=0).flatten()
        return torch.segment_reduce(more[self.order], "sum", lengths=self.counts, unsafe=True)

    def of(self, row: "torch.Tensor") -> "torch.Tensor":
        """As `Likeness`: 0 for whom it is no neighbour."""
        return self.similar.masked_fill(self.near != row, 0.0).amax(1)


def _similar(one: "torch.Tensor", other: "torch.Tensor", either_sign: bool) -> "torch.Tensor":
    found = one @ other.T
    return (found.abs_() if either_sign else found.clamp_(min=0)).float()


def _unit(vectors: "torch.Tensor") -> "torch.Tensor":
    """Rows divided by their length; a zero row stays zero and is like nobody."""
    length = vectors.norm(dim=1, keepdim=True)
    tensor: torch.Tensor = vectors / length.masked_fill(length == 0, 1.0)
    return tensor
