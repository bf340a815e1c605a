"""A control without a choice: every label there is, at once."""

from typing import ClassVar, Literal

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Uniform
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class FullLabels(Strategy):
    """Label the whole pool in one round: where a study would end if labels cost nothing.

    A level to look up to, not a bound: a good subset can train better than everything.
    """

    name: ClassVar[str] = "full_labels"
    title: ClassVar[str] = "full labels"
    source: ClassVar[str] = "a control of this workbench"
    control: ClassVar[Literal["", "baseline", "oracle"]] = "baseline"
    formula: ClassVar[str] = r"S = \text{pool}"
    cost: ClassVar[str] = "No pass, no number kept; every label of the pool is paid."
    aliases: ClassVar[tuple[str, ...]] = ("all labels",)
    open_points: ClassVar[str] = "Ours: all in one round, from the reference."
    whole_pool: ClassVar[bool] = True

    def recipe(self, view: PoolView) -> Recipe:
        """Every pair; the order says nothing."""
        return Uniform()
