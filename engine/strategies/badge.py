"""BADGE: diverse and uncertain at once, by sampling gradients of what a label would teach at most."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import KMeansPlusPlus, Recipe
from engine.selection.terms import Term, Terms
from engine.strategies._fisher import unsure
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Badge(Strategy):
    """Label pairs whose DPO gradients, were the likelier answer given, are long and far apart.

    A pair's gradient under the answer the policy expects is a lower bound of what its label moves: short where the
    policy is sure. k-means++ seeding over these vectors picks a batch that is long (uncertain) and spread out
    (diverse), without a weight between the two.
    """

    name: ClassVar[str] = "badge"
    title: ClassVar[str] = "BADGE"
    needs: ClassVar[frozenset[str]] = frozenset({"gradient_difference", "reward_margin"})
    spreads: ClassVar[bool] = False
    source: ClassVar[str] = "Ash et al. 2020, arXiv:1906.03671, and the authors' code; for preference pairs: ours"
    formula: ClassVar[str] = (
        r"\tilde g = \bigl(1 - \sigma(|\Delta|)\bigr)\bigl(\nabla s_\theta(y_1) - \nabla s_\theta(y_2)\bigr),\quad "
        r"P(i) \propto \min_{j \in \text{batch}} \min\bigl(\lVert \tilde g_i - \tilde g_j \rVert, "
        r"\lVert \tilde g_i + \tilde g_j \rVert\bigr)^2"
    )
    cost: ClassVar[str] = (
        "As ActiveDPO, and the margin: two forwards and two backwards of the policy, two forwards of the reference, d "
        "numbers kept a response. The batch: O(n d) a pick."
    )
    aliases: ClassVar[tuple[str, ...]] = ("batch active learning by diverse gradient embeddings",)
    open_points: ClassVar[str] = (
        "Read (the authors' code): gradients without normalisation, first the longest, then D² sampling; labelled "
        "points are no centres. Inferred: of a DPO label it is −(1−max(p, 1−p))·sign(Δ)·β·(∇s(y₁)−∇s(y₂)); β scales "
        "all alike and changes no pick. Ours: g̃ and −g̃ are one point, since a pair has no first side; LoRA "
        "gradients, projected, in place of a last layer. Nothing is published for preference pairs: it runs in the "
        "study's setting."
    )

    takes_logits: ClassVar[bool] = True

    first: Literal["longest", "drawn"] = Field(
        "longest", description="the first pick: the longest gradient (the authors' code), or one drawn (k-means++)"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """D² sampling over g̃ (nats per unit of weight)."""
        surprise = unsure(view["reward_margin"].astype(np.float64))
        phi = view["gradient_difference"].astype(np.float64)
        return KMeansPlusPlus(surprise[:, None] * phi, first=self.first)

    def terms(self, view: PoolView) -> Terms:
        """How much the likelier answer would surprise, and how long the gradient is along which it pulls."""
        surprise = unsure(view["reward_margin"].astype(np.float64))
        length = np.linalg.norm(view["gradient_difference"].astype(np.float64), axis=1)
        return Terms(
            (
                Term("chance of the less likely answer, ½ at most", "1 − σ(|Δ|)", surprise),
                Term("length of the gradient's difference", "‖∇s₁ − ∇s₂‖", length, "nats per unit of weight"),
            ),
            "a = ‖g̃‖² = (1 − σ(|Δ|))² ‖∇s₁ − ∇s₂‖²",
            lambda one, two: (one * two) ** 2,
        )
