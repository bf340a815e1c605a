"""ActiveDPO: how far the implicit reward's gradient points away from what was labelled."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GreedyLogDet, Recipe
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class ActiveDPO(Strategy):
    """Label pairs whose reward-gradient difference is farthest from those already picked.

    The uncertainty of the implicit reward difference is bounded by ‖φ‖ in the norm of V⁻¹, where φ is the difference
    of the two responses' gradients with respect to the adapter, and V collects the φ of all past picks. The batch is
    chosen greedily, V growing with every pick.
    """

    name: ClassVar[str] = "activedpo"
    title: ClassVar[str] = "ActiveDPO"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_gradient"})
    source: ClassVar[str] = "Lin et al. 2025, arXiv:2505.19241"
    formula: ClassVar[str] = (
        r"\varphi = \tilde g(x,y_1) - \tilde g(x,y_2),\quad "
        r"a = \varphi^\top V^{-1} \varphi,\quad V = \lambda I + \sum_{j \in S} \varphi_j \varphi_j^\top"
    )
    cost: ClassVar[str] = (
        "Two forwards and two backwards of the policy (one of each with three responses a prompt and all their "
        "pairs), d numbers kept a response. The batch: O(n (d + |S| + b)) for its b-th pick. With `past: recomputed` "
        "a forward and a backward more for each response of every past pick, every round."
    )
    aliases: ClassVar[tuple[str, ...]] = ("active direct preference optimization",)
    open_points: ClassVar[str] = (
        "Read at second hand: LoRA gradients, random projection to d = 8192 (here 512, by signal reward_gradient's "
        "dimension, 8192 in a race as published; their LoRA rank of 128 is left to the study, whose arms share one), "
        "normalised gradients, V updated within the batch, 50 of the 3,000 pairs of 1,000 prompts a round (here that "
        "share, of as many prompts as the study has), 4 epochs at 1e-4. Inferred: unit length for each response and "
        "not for the difference, as in LESS, whose settings are the same. Inferred from φ's index: past picks at the "
        "current adapter; it costs a pass over them every round, so ours keeps φ of the round that picked them, and "
        "`past: recomputed` is a switch. Not stated: λ (ours: 0.1, a mild prior for unit-length gradients), whether a "
        "round trains on its own labels (inferred from their notation: regime.data new, with weights continue) or on "
        "all, whether a batch may take two pairs of a prompt (`per_prompt`; ours: it may); β, rounds, temperature and "
        "batch of training, which stay the study's."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 3},
        "regime": {"pool": "regenerated", "weights": "continue", "data": "new"},
        "signals": [{"name": "reward_gradient", "dimension": 8192}],
        "dpo": {"learning_rate": 1e-4, "epochs": 4},
        "label_share": 1 / 60,
    }

    ridge: float = Field(0.1, gt=0, description="λ in V = λI + Σφφᵀ; smaller spreads picks more (no unit)")
    unit_norm: Literal["response", "difference", "off"] = Field(
        "response", description="what is brought to length 1: each response's gradient, their difference, or nothing"
    )

    past: Literal["cached", "recomputed"] = Field(
        "cached",
        description="φ of past picks: as it was in the round that picked them, or anew at the current adapter",
    )
    per_prompt: bool = Field(
        False, description="every prompt has a pair in the batch before any has a second (of a prompt, φ₁₂ + φ₂₃ = φ₁₃)"
    )

    def recomputed(self) -> frozenset[str]:
        """Gradients of past picks, if they are to be those of the current adapter."""
        return self.needs if self.past == "recomputed" else frozenset()

    def recipe(self, view: PoolView) -> Recipe:
        """Greedy log-determinant over φ = g̃(y1) − g̃(y2), past picks and in-batch updates included."""
        return GreedyLogDet(
            features=view.difference("reward_gradient", unit_norm=self.unit_norm),
            past=view.picked.difference("reward_gradient", unit_norm=self.unit_norm),
            ridge=self.ridge,
            in_batch=True,
            per_prompt=self.per_prompt,
        )
