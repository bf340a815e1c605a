"""The strategy every other is measured against."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Uniform
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Random(Strategy):
    """Label pairs drawn uniformly from the pool, without looking at them.

    What every method has to beat, and what few beat clearly: a random batch is as mixed as the pool, and no fault of a
    signal can spoil it.
    """

    name: ClassVar[str] = "random"
    title: ClassVar[str] = "random"
    source: ClassVar[str] = "the control of every study"
    control: ClassVar[Literal["", "baseline", "oracle"]] = "baseline"
    formula: ClassVar[str] = r"a(x, y_1, y_2) \sim \mathcal{U}(0, 1)"
    cost: ClassVar[str] = "No pass, no number kept: one keyed draw a pair."
    aliases: ClassVar[tuple[str, ...]] = ("uniform",)
    open_points: ClassVar[str] = (
        "Ours: the draw is a hash of seed, round and pair, so it is the same in whatever company."
    )

    draw: int = Field(0, ge=0, description="which of many draws; a study's second random arm takes the next (no unit)")

    def recipe(self, view: PoolView) -> Recipe:
        """Every unlabelled pair alike."""
        return Uniform(self.draw)
