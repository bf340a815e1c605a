"""A control that reads no model: pairs whose responses differ most in length."""

from typing import ClassVar, Literal

import numpy as np

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class LengthDifference(Strategy):
    """Label pairs whose two responses differ most in length.

    Summed log-probabilities, margins and gradients all run over a response's tokens, so a method may pick by length
    without meaning to. What this control gains is what length alone buys.
    """

    name: ClassVar[str] = "length_difference"
    title: ClassVar[str] = "length difference"
    needs: ClassVar[frozenset[str]] = frozenset({"response_length"})
    source: ClassVar[str] = "a control of this workbench"
    control: ClassVar[Literal["", "baseline", "oracle"]] = "baseline"
    formula: ClassVar[str] = r"a = \bigl|\, |y_1| - |y_2| \,\bigr|"
    cost: ClassVar[str] = "No pass: two lengths are counted, one number kept a response."
    aliases: ClassVar[tuple[str, ...]] = ()
    open_points: ClassVar[str] = (
        "Ours: lengths are counted in tokens, not words, since tokens are what log-probabilities are summed over."
    )

    def recipe(self, view: PoolView) -> Recipe:
        """The absolute difference in tokens."""
        a, b = (side.astype(np.float64) for side in view.sides("response_length"))
        return Scores(np.abs(a - b))

    def terms(self, view: PoolView) -> Terms:
        """Both lengths."""
        a, b = (side.astype(np.float64) for side in view.sides("response_length"))
        both = (Term("length of A", "|y₁|", a, "tokens"), Term("length of B", "|y₂|", b, "tokens"))
        return Terms(both, "a = ||y₁| − |y₂||", lambda one, two: np.abs(one - two))
