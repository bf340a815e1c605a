"""ActiveDPO without its memory: pairs whose reward-gradient difference is longest."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView, unit
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class GradientNorm(Strategy):
    """Label pairs with the longest reward-gradient difference, whatever was picked before (V = λI).

    ActiveDPO with V kept at its prior: what its design adds to the mere length of the gradient.
    """

    name: ClassVar[str] = "gradient_norm"
    title: ClassVar[str] = "gradient norm"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_gradient"})
    source: ClassVar[str] = "a control of this workbench, after Lin et al. 2025, arXiv:2505.19241"
    control: ClassVar[Literal["", "baseline", "oracle"]] = "baseline"
    formula: ClassVar[str] = r"a = \lVert \tilde g(x,y_1) - \tilde g(x,y_2) \rVert^2"
    cost: ClassVar[str] = (
        "As ActiveDPO: two forwards and two backwards, d numbers kept a response. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("norm only", "EXP of SHARP (unit_norm: off)")
    open_points: ClassVar[str] = "Ours: the limit of ActiveDPO for a large λ; ranks as φᵀV⁻¹φ with V = λI."

    unit_norm: Literal["response", "difference", "off"] = Field(
        "response",
        description="what is brought to length 1 before: each response's gradient, the difference, or nothing",
    )

    def recipe(self, view: PoolView) -> Recipe:
        """Squared length of φ (no unit)."""
        phi = view.difference("reward_gradient", unit_norm=self.unit_norm)
        return Scores((phi**2).sum(axis=1))

    def terms(self, view: PoolView) -> Terms:
        """The lengths of both gradients and how far they point the same way, or the length of the difference."""
        if self.unit_norm == "difference":
            phi = view.difference("reward_gradient", unit_norm=self.unit_norm)
            return Terms((Term("length", "‖φ‖", np.linalg.norm(phi, axis=1)),), "a = ‖φ‖²", np.square)
        a, b = (side.astype(np.float64) for side in view.sides("reward_gradient"))
        if self.unit_norm == "response":
            a, b = unit(a), unit(b)
        return Terms(
            (
                Term("squared length of A's gradient", "‖g̃₁‖²", (a**2).sum(axis=1)),
                Term("squared length of B's gradient", "‖g̃₂‖²", (b**2).sum(axis=1)),
                Term("inner product of both", "g̃₁ᵀg̃₂", (a * b).sum(axis=1)),
            ),
            "a = ‖g̃₁‖² + ‖g̃₂‖² − 2 g̃₁ᵀg̃₂",
            lambda one, two, both: one + two - 2 * both,
        )
