"""What a strategy returns: how to choose, as data. `execute` turns it into picks.

A strategy never sorts, never breaks ties, never loops over a batch: it says which of these to run. With `per_prompt` a
prompt's second pair comes after every prompt's first.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Scores:
    """Take the k highest. `values` (n,), higher = label sooner."""

    values: np.ndarray
    per_prompt: bool = False


@dataclass(frozen=True)
class Uniform:
    """Take k at random, every pair alike; `draw` tells draws of the same seed and round apart."""

    draw: int = 0
    per_prompt: bool = False


@dataclass(frozen=True)
class TwoStage:
    """First the `keep_prompts` prompts of highest `prompt_values`, then the k highest `values` among their pairs.

    Both arrays are (n,), one value a pair; pairs of a prompt share its value.
    """

    prompt_values: np.ndarray
    values: np.ndarray
    keep_prompts: int
    per_prompt: bool = False


@dataclass(frozen=True)
class Band:
    """Take k from the sorted `values`: the middle of the order, or half from each end."""

    values: np.ndarray
    where: Literal["middle", "ends"]
    per_prompt: bool = False


@dataclass(frozen=True)
class GumbelTopK:
    """Draw k without replacement: an open pair's chance is exp(β s), s^β or (rank of s)^−β, over the sum of the open.

    `values` s (n,), and `coldness` β ≥ 0 (0: uniform; large: the k highest). Under "power" values below 0 count as 0,
    and pairs of 0 come last. Kirsch et al. 2023, arXiv:2106.12059; Kool et al. 2019, arXiv:1903.06059.
    """

    values: np.ndarray
    kind: Literal["softmax", "power", "softrank"] = "softmax"
    coldness: float = 1.0
    per_prompt: bool = False


@dataclass(frozen=True)
class GreedyLogDet:
    """Greedy D-optimal design: argmax φᵀV⁻¹φ with V = ridge·I + Σ φφᵀ over `past`.

    `features` (n, d); `past` (m, d). A pair's weight w goes in as √w φ. With `in_batch` V grows by every pick of the
    batch; with `whole_pool` V holds all `features` besides; with `among` each pick is the best of so many open pairs,
    drawn anew for it; with `per_prompt` a prompt's second pair is open once every prompt has one in the batch.
    """

    features: np.ndarray
    past: np.ndarray
    ridge: float
    in_batch: bool = True
    whole_pool: bool = False
    among: int | None = None
    per_prompt: bool = False


@dataclass(frozen=True)
class KMeansPlusPlus:
    """D² sampling: a pair's chance is its squared distance to the nearest pick so far, over the sum of the open.

    `features` (n, d). A pair has no first side, so φ and −φ are one point, min(‖a−b‖, ‖a+b‖) their distance, unless
    not `either_sign`. The `first` pick is the longest, or one drawn uniformly. Arthur & Vassilvitskii 2007.
    """

    features: np.ndarray
    first: Literal["longest", "drawn"] = "longest"
    either_sign: bool = True


@dataclass(frozen=True)
class FarthestFirst:
    """Greedy k-center: each pick is the pair farthest from the nearest of `past` and of the picks before it.

    `features` (n, d); `past` (m, d); distances as in `KMeansPlusPlus`. While there is nothing to be far from, the
    longest is taken. Gonzalez 1985; Sener & Savarese 2018, arXiv:1708.00489.
    """

    features: np.ndarray
    past: np.ndarray
    either_sign: bool = True


@dataclass(frozen=True)
class FacilityLocation:
    """Greedy: each pick raises Σᵢ maxⱼ s(i, j) the most; i any pair of the pool, j a past pick or one of the batch.

    `features` (n, d), `past` (m, d); s = |cos| of two pairs' features (φ and −φ are one pair), or max(cos, 0) if not
    `either_sign`. In a pool of more than `dense` pairs s(i, j) counts only where j is one of the `neighbours` pairs
    most like i (itself one of them): another objective, that overlooks weak likeness. Similarities are float32, as the
    signals are. Wei, Iyer & Bilmes 2015, PMLR 37, section 2; Mirzasoleiman et al. 2020, arXiv:1906.01827.
    """

    features: np.ndarray
    past: np.ndarray
    either_sign: bool = True
    neighbours: int = 64
    dense: int = 10_000


@dataclass(frozen=True)
class Crowding:
    """Greedy: each pick has the highest value + weight · (log(2 D + 1e-4) − ψ(n + 1) / dimension), nats.

    `values` (n,); `features` (n, d), one point for all pairs of a prompt, and those of past picks `past` (m, d). D is a
    point's distance to its `neighbour`-th nearest other among all points, n how many past picks and picks of the batch
    lie within it, counted anew after every pick. Melo et al. 2024, arXiv:2406.10023.
    """

    values: np.ndarray
    features: np.ndarray
    past: np.ndarray
    neighbour: int = 13
    weight: float = 0.01
    dimension: float = 1.0


Ranked = Scores | TwoStage | Band | GumbelTopK
"""Recipes over one value a pair."""
Design = GreedyLogDet | KMeansPlusPlus | FarthestFirst | FacilityLocation | Crowding
"""Recipes over one vector a pair: what a pick is worth depends on those before it."""
Dealt = Ranked | Design
"""Recipes whose values can be dealt out to other pairs."""


@dataclass(frozen=True)
class Shuffled:
    """The recipe over its own values, dealt out to other pairs by a draw: a method without its signal."""

    inner: Dealt


Recipe = Dealt | Uniform | Shuffled
