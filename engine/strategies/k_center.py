"""k-center over embeddings: a batch that leaves no pair of the pool far from a labelled one."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PastPicks, PoolView
from engine.selection.recipes import FarthestFirst, Recipe
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class KCenter(Strategy):
    """Label pairs farthest, by embedding, from all that is labelled or already in the batch.

    The greedy cover of the core-set method: whatever lies near a labelled pair is taken for known. It reads nothing
    that the policy has learned, so it spreads labels over the pool's contents and no more.
    """

    name: ClassVar[str] = "k_center"
    title: ClassVar[str] = "k-center"
    needs: ClassVar[frozenset[str]] = frozenset({"embedding"})
    spreads: ClassVar[bool] = False
    source: ClassVar[str] = "Sener & Savarese 2018, arXiv:1708.00489; Gonzalez 1985"
    formula: ClassVar[str] = (
        r"a = \min_{j \in S \cup \text{batch}} \min\bigl(\lVert \varphi - \varphi_j \rVert, "
        r"\lVert \varphi + \varphi_j \rVert\bigr),\quad \varphi = e(y_1) - e(y_2)"
    )
    cost: ClassVar[str] = (
        "Two forwards of the embedding model, once in a study, D numbers kept a response. The batch: O(n |S| D) once, "
        "then O(n D) a pick."
    )
    aliases: ClassVar[tuple[str, ...]] = ("core-set", "farthest-first", "k-center greedy")
    open_points: ClassVar[str] = (
        "Read: farthest first from labelled points and the batch. Ours: a pair is the difference of its responses' "
        "embeddings, either way round (or their mean: where it lies, whatever its responses differ in); while nothing "
        "is labelled the longest comes first, where the authors' code takes the first of the file. Nothing is "
        "published for preference pairs: it runs in the study's setting."
    )

    of: Literal["difference", "mean"] = Field(
        "difference", description="a pair's place: what its responses differ in, or the middle between them"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """Distances in the units of the embedding, past picks included."""
        return FarthestFirst(self._places(view), self._places(view.picked), either_sign=self.of == "difference")

    def _places(self, pairs: PoolView | PastPicks) -> np.ndarray:
        if self.of == "difference":
            return pairs.difference("embedding", unit_norm="off")
        a, b = (side.astype(np.float64) for side in pairs.sides("embedding"))
        return (a + b) / 2
