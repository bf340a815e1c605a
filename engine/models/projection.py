"""Random projections of gradients to d numbers, made from a seed and never stored on disk.

Two stages. Within a layer one side of a gradient matrix is projected by signs: P M with M (side, r) and P (k, side);
the other side is the adapter's rank and small already, so no per-token product and no matrix over all weights is made.
Then the k × r numbers of all layers, D together, go through one dense matrix of signs to d. Both keep inner products in
the mean. For one matrix, with K = M Nᵀ, Var⟨PM, PN⟩ = (‖K‖² + tr K² − 2 Σ K_ii²) / k; for the second stage, of x and y,
Var⟨u, v⟩ = (‖x‖²‖y‖² + ⟨x, y⟩² − 2 Σ x_i² y_i²) / d (Achlioptas 2003; one-sided after Choe et al. 2024,
arXiv:2405.13954, who project both sides).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.resume import unasked
from engine.seeds import key_for

SIDE = 16
"""k is a multiple of it."""
_WIDER = 8
"""D is at least so many times d, so that the second stage decides how far inner products err."""
_ROWS = 4096
"""Rows of the dense matrix that are generated from one stream."""


def side_for(weights: Sequence[tuple[int, int]], dimension: int) -> int:
    """k for weights of (side, rank): the smallest multiple of `SIDE` that makes D wide enough for d, or the widest
    side, where nothing is projected in the first stage. A large model needs 16."""
    widest = max((side for side, _ in weights), default=SIDE)
    for k in range(SIDE, widest, SIDE):
        if sum(rank * min(side, k) for side, rank in weights) >= _WIDER * dimension:
            return k
    return max(SIDE, widest)


class Projection:
    """The signs of one seed, on one device; made when first asked for and kept while the object lives."""

    def __init__(
        self, dimension: int, seed: int, device: torch.device, check: Callable[[], None] = unasked, k: int = SIDE
    ) -> None:
        self.dimension, self.seed, self.device, self.check, self.k = dimension, seed, device, check, k
        self._sides: dict[str, torch.Tensor | None] = {}
        self._dense: torch.Tensor | None = None

    def side(self, name: str, size: int) -> torch.Tensor | None:
        """±1/√k, (size, k), for that side of that weight; None where it is no wider than k and stays as it is."""
        if name not in self._sides:
            self._sides[name] = None if size <= self.k else self._signs(f"side {name}", size, self.k)
        return self._sides[name]

    def dense(self, vectors: torch.Tensor) -> torch.Tensor:
        """(n, D) → (n, d), float32."""
        if self._dense is None or len(self._dense) != vectors.shape[1]:
            blocks = []
            for start in range(0, vectors.shape[1], _ROWS):
                self.check()
                rows = min(_ROWS, vectors.shape[1] - start)
                blocks.append(self._signs(f"dense {start}", rows, self.dimension))
            self._dense = torch.cat(blocks)
        return vectors @ self._dense

    def _signs(self, what: str, rows: int, columns: int) -> torch.Tensor:
        """±1/√columns, (rows, columns) float32."""
        count = rows * columns
        stream = np.random.default_rng(key_for(self.seed, None, "projection", what))
        bits = np.unpackbits(np.frombuffer(stream.bytes((count + 7) // 8), dtype=np.uint8), count=count)
        signs = torch.from_numpy(bits).to(self.device).view(rows, columns).float()
        return signs.mul_(2).sub_(1).mul_(columns**-0.5)
