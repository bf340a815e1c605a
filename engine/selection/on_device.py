"""The greedy designs on an accelerator: all on the device, no pick waited for, the same picks as numpy's in float64.

A pick is an index that stays a tensor; picks and gains come back once, at the end. Every row is kept up to date with
every pick, by one read of the features: a device that reads at terabytes a second has no use for bounds. Sums are added
up in another order there, so a pick may be another where two worths, or a draw and an edge, agree to rounding.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engine.selection.distances import SAME
from engine.selection.logdet import factored
from engine.selection.rows import ROUNDING, Rows

if TYPE_CHECKING:
    import torch

WORTH_IT = 1 << 22
"""Numbers in the features below which moving them costs more than it saves."""
_LOOKS = 64
"""Picks between two looks at whether somebody wants a stop: only there is the device waited for."""
_CELLS = 1 << 25
"""Numbers of a block that is computed at once."""


def usable(device: str | None, features: np.ndarray, beside: int = 0) -> bool:
    """Whether these features are worth the way to the device, and fit there with room to work and `beside` bytes."""
    if device is None or features.size < WORTH_IT:
        return False
    import torch

    if torch.device(device).type != "cuda":
        return True
    if not torch.cuda.is_available():
        return False
    # What torch holds for later use is room as well; half as much again as the features, and the blocks.
    room = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return 1.5 * 8 * features.size + 3 * 8 * _CELLS + beside < room


def greedy_log_det(
    features: np.ndarray, past: np.ndarray, ridge: float, k: int, rows: Rows
) -> tuple[list[int], np.ndarray, list[float]]:
    """As `logdet.greedy_log_det` where V grows in the batch: V⁻¹ = (I − GᵀG) / λ, every pick one row of G."""
    import torch

    at = moved(features, rows)
    if len(past) > at.shape[1]:  # V is the smaller one: in its space λ = 1 and nothing is past
        factor = moved(factored(past.T @ past, ridge), rows)
        for part in parts(at, at.shape[1]):
            at[part] = torch.linalg.solve_triangular(factor, at[part].T, upper=False).T
        past, ridge = past[:0], 1.0
    m = len(past)
    grown = at.new_zeros(m + k, at.shape[1])
    if m:
        factor = moved(factored(past @ past.T, ridge), rows)
        grown[:m] = torch.linalg.solve_triangular(factor, moved(past, rows), upper=False)
    worth, product = at.new_empty(len(at)), at.new_empty(len(at))
    for part in parts(at, max(m, at.shape[1])):
        explained = (at[part] @ grown[:m].T).square_().sum(dim=1)
        worth[part] = ((at[part] * at[part]).sum(dim=1) - explained).clamp_(min=0) / ridge
    before, batch = worth.clone(), Batch(at, k, rows)
    for step in range(k):
        row, gain = batch.take(batch.best(worth), worth)
        known, picked = grown[: m + step], at.index_select(0, row)[0]
        grown[m + step] = (picked - known.T @ (known @ picked)) / (ridge * (1 + gain)).sqrt()
        torch.mv(at, grown[m + step], out=product)
        worth.addcmul_(product, product, value=-1 / ridge).clamp_(min=0)
        worth.index_fill_(0, batch.picked[: step + 1], -torch.inf)
    return batch.rows_picked(), before.cpu().numpy(), batch.gains.tolist()


def farthest_first(
    features: np.ndarray, past: np.ndarray, k: int, rows: Rows, *, either_sign: bool
) -> tuple[list[int], np.ndarray, list[float]]:
    """As `distances.farthest_first`."""
    import torch

    at = moved(features, rows)
    lengths = (at * at).sum(dim=1)
    nearest = torch.full_like(lengths, torch.inf)
    if len(past):
        known = moved(past, rows)
        for part in parts(at, len(past)):
            to = _squared(at[part] @ known.T, lengths[part, None] + (known * known).sum(dim=1), either_sign)
            nearest[part] = to.min(dim=1).values
    before = (nearest if len(past) else lengths).sqrt()
    batch, worth = Batch(at, k, rows), (nearest if len(past) else lengths).clone()
    for step in range(k):
        row, _ = batch.take(batch.best(worth), worth)
        _add(nearest, at, lengths, row, either_sign)
        worth.copy_(nearest).index_fill_(0, batch.picked[: step + 1], -torch.inf)
    return batch.rows_picked(), before.cpu().numpy(), batch.gains.sqrt().tolist()


def d2_sampling(
    features: np.ndarray, k: int, rows: Rows, *, drawn_first: bool, either_sign: bool
) -> tuple[list[int], list[float], list[float]]:
    """As `distances.d2_sampling`, with the draws of the same stream."""
    import torch

    at, uniform = moved(features, rows), rows.stream("k-means++").random(k)
    draws, n = moved(uniform, rows), len(features)
    lengths = (at * at).sum(dim=1)
    nearest, batch = torch.full_like(lengths, torch.inf), Batch(at, k, rows)
    chances = at.new_zeros(k)
    for step in range(k):
        if step == 0:
            first = torch.full_like(batch.picked[:1], int(uniform[0] * n))
            row, _ = batch.take(first if drawn_first else batch.best(lengths), lengths)
            chances[0] = 1 / n if drawn_first else 1.0
        else:
            edge = nearest.cumsum(0)
            drawn = torch.searchsorted(edge, draws[step : step + 1] * edge[-1:], right=True)
            last = torch.where(nearest > 0, batch.index, -1).amax()
            row = torch.where(drawn < n, drawn, last)
            row = torch.where(edge[-1:] > 0, row, batch.lowest_open())
            row, weight = batch.take(row, nearest)
            chances[step] = torch.where(edge[-1] > 0, weight / edge[-1], 1 / (n - step))
        _add(nearest, at, lengths, row, either_sign)
        nearest.index_fill_(0, row, 0.0)
    return batch.rows_picked(), batch.gains.tolist(), chances.tolist()


class Batch:
    """The picks so far and what each was worth, on the device."""

    def __init__(self, at: "torch.Tensor", k: int, rows: Rows) -> None:
        import torch

        self.check, self.step, n = rows.check, 0, len(at)
        rank = np.empty(n, dtype=np.int64)
        rank[np.argsort(rows.tie, kind="stable")] = np.arange(n)
        self.rank = torch.from_numpy(rank).to(at.device)
        self.index = torch.arange(n, device=at.device)
        self.picked = torch.zeros(k, dtype=torch.int64, device=at.device)
        self.gains = at.new_zeros(k)

    def best(self, worth: "torch.Tensor") -> "torch.Tensor":
        """The row of highest worth, of those equal but for rounding the one whose draw is lowest, (1,)."""
        import torch

        best = worth.amax()
        return torch.where(worth >= best - ROUNDING * best.abs(), self.rank, len(self.rank)).argmin().view(1)

    def lowest_open(self) -> "torch.Tensor":
        """The row not picked whose draw is lowest, (1,)."""
        return self.rank.index_fill(0, self.picked[: self.step], len(self.rank)).argmin().view(1)

    def take(self, row: "torch.Tensor", worth: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
        """The next pick is `row` (1,): the row, and its worth (a scalar). Now and then somebody may stop it here."""
        if self.step % _LOOKS == 0:
            self.picked[:1].tolist()  # waits for the device
            self.check()
        gain = worth.index_select(0, row)[0]
        self.picked[self.step : self.step + 1] = row
        self.gains[self.step] = gain
        self.step += 1
        return row, gain

    def rows_picked(self) -> list[int]:
        """All picks, best first: the one copy from the device."""
        return [int(row) for row in self.picked.tolist()]


def moved(array: np.ndarray, rows: Rows) -> "torch.Tensor":
    """A copy on the device, float64."""
    import torch

    return torch.tensor(array, dtype=torch.float64, device=rows.device)


def _add(
    nearest: "torch.Tensor", at: "torch.Tensor", lengths: "torch.Tensor", row: "torch.Tensor", either_sign: bool
) -> None:
    """`nearest` (n,), the squared distance of each row to the nearest point, with `row` one more of the points."""
    import torch

    to = _squared(torch.mv(at, at.index_select(0, row)[0]), lengths + lengths.index_select(0, row), either_sign)
    torch.minimum(nearest, to, out=nearest)


def _squared(product: "torch.Tensor", reach: "torch.Tensor", either_sign: bool) -> "torch.Tensor":
    """‖φ‖² + ‖ψ‖² − 2 φ·ψ of inner products and the sums of squared lengths, exactly 0 where alike."""
    found = reach - 2 * (product.abs_() if either_sign else product)
    return found.masked_fill_(found < SAME * reach, 0.0)


def parts(at: "torch.Tensor", width: int) -> Iterator[slice]:
    """Rows so many at a time that `width` numbers for each fit into `_CELLS`."""
    at_once = max(1, _CELLS // max(1, width))
    for start in range(0, len(at), at_once):
        yield slice(start, start + at_once)
