"""A control that knows the answers: pairs whose responses differ most in worth."""

from typing import ClassVar, Literal

import numpy as np

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class LargestOracleMargin(Strategy):
    """Label pairs whose responses lie farthest apart by gold score; a control that is handed the scores, not a bound.

    It is what an error-free oracle would call the clearest pairs. No method can run it, and it gets no verdict.
    """

    name: ClassVar[str] = "largest_oracle_margin"
    title: ClassVar[str] = "largest oracle margin"
    needs: ClassVar[frozenset[str]] = frozenset({"gold_score"})
    source: ClassVar[str] = "a control of this workbench"
    control: ClassVar[Literal["", "baseline", "oracle"]] = "oracle"
    formula: ClassVar[str] = r"a = |r^*(x,y_1) - r^*(x,y_2)|"
    cost: ClassVar[str] = "No pass of the policy: the gold score of two responses. The batch: one sort."
    aliases: ClassVar[tuple[str, ...]] = ("true margin, descending",)
    open_points: ClassVar[str] = "Ours: a control; a method that knew the answers would have no use for labels."

    def recipe(self, view: PoolView) -> Recipe:
        """The absolute difference of both gold scores."""
        a, b = (side.astype(np.float64) for side in view.sides("gold_score"))
        return Scores(np.abs(a - b))

    def terms(self, view: PoolView) -> Terms:
        """Both gold scores."""
        a, b = (side.astype(np.float64) for side in view.sides("gold_score"))
        both = (Term("gold score of A", "r*₁", a), Term("gold score of B", "r*₂", b))
        return Terms(both, "a = |r*₁ − r*₂|", lambda one, two: np.abs(one - two))
