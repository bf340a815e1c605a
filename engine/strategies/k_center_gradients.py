"""k-center over reward gradients: a batch that moves the policy in many directions."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import FarthestFirst, Recipe
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class KCenterGradients(Strategy):
    """Label pairs whose reward-gradient difference is farthest from all that is labelled or already in the batch.

    The cover of k-center in the space of ActiveDPO. Where ActiveDPO's norm lets many short steps add up to one long
    direction, a cover only asks for the nearest one.
    """

    name: ClassVar[str] = "k_center_gradients"
    title: ClassVar[str] = "k-center of gradients"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_gradient"})
    spreads: ClassVar[bool] = False
    source: ClassVar[str] = (
        "Sener & Savarese 2018, arXiv:1708.00489, over the gradients of Lin et al., arXiv:2505.19241"
    )
    formula: ClassVar[str] = (
        r"a = \min_{j \in S \cup \text{batch}} \min\bigl(\lVert \varphi - \varphi_j \rVert, "
        r"\lVert \varphi + \varphi_j \rVert\bigr),\quad \varphi = \tilde g(x,y_1) - \tilde g(x,y_2)"
    )
    cost: ClassVar[str] = (
        "As ActiveDPO: two forwards and two backwards, d numbers kept a response. The batch: O(n |S| d) once, then "
        "O(n d) a pick."
    )
    aliases: ClassVar[tuple[str, ...]] = ("core-set of gradients",)
    open_points: ClassVar[str] = (
        "Ours: the combination; unit length as in ActiveDPO; past picks by the gradients they had when picked; φ and "
        "−φ are one point; while nothing is labelled the longest comes first. Nothing is published: it runs in the "
        "study's setting."
    )

    unit_norm: Literal["response", "difference", "off"] = Field(
        "response", description="what is brought to length 1: each response's gradient, their difference, or nothing"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """Distances between φ (no unit while of unit norm), past picks included."""
        return FarthestFirst(
            view.difference("reward_gradient", unit_norm=self.unit_norm),
            view.picked.difference("reward_gradient", unit_norm=self.unit_norm),
        )
