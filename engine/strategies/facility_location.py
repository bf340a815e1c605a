"""Facility location over embeddings: a batch to which every pair of the pool is as similar as can be."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PastPicks, PoolView
from engine.selection.recipes import FacilityLocation as Located
from engine.selection.recipes import Recipe
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class FacilityLocation(Strategy):
    """Label pairs that stand for many others: each pair of the pool is represented by the labelled one most like it.

    Where k-center looks at the worst represented pair, and so picks outliers, this looks at the sum over the pool, and
    picks from dense places first. It reads nothing that the policy has learned.
    """

    name: ClassVar[str] = "facility_location"
    title: ClassVar[str] = "Facility location"
    needs: ClassVar[frozenset[str]] = frozenset({"embedding"})
    spreads: ClassVar[bool] = False
    source: ClassVar[str] = "Wei, Iyer & Bilmes 2015, PMLR 37; Mirzasoleiman et al. 2020, arXiv:1906.01827"
    formula: ClassVar[str] = (
        r"a = \sum_{i \in \text{pool}} \max\bigl(0,\ s(i, j) - \max_{l \in S \cup \text{batch}} s(i, l)\bigr),\quad "
        r"s(i, j) = \lvert \cos(\varphi_i, \varphi_j) \rvert,\quad \varphi = e(y_1) - e(y_2)"
    )
    cost: ClassVar[str] = (
        "Two forwards of the embedding model, once in a study, D numbers kept a response. The batch: O(n² D) once, 4 "
        "n² bytes up to 10,000 pairs and 64 n numbers above; then O(n) for each pair that is asked anew."
    )
    aliases: ClassVar[tuple[str, ...]] = ("greedy facility location", "submodular coverage")
    open_points: ClassVar[str] = (
        "Read: the sum over the pool of the similarity to the nearest chosen one, greedily. Inferred: what is "
        "labelled already covers, too. Ours: a pair is the difference of its responses' embeddings, either way round, "
        "and similarity is |cos| (or their mean, and cos where positive); CRAIG takes the largest distance less the "
        "distance, between gradients of a whole training set, and weighs what it picks; FASS lets an uncertainty "
        "filter go first. Nothing is published for preference pairs: it runs in the study's setting. Ours: in a pool "
        "of more than 10,000 pairs each is represented by one of its 64 nearest or by nobody."
    )

    of: Literal["difference", "mean"] = Field(
        "difference", description="a pair's place: what its responses differ in, or the middle between them"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """Similarities of directions, past picks included."""
        return Located(self._places(view), self._places(view.picked), either_sign=self.of == "difference")

    def _places(self, pairs: PoolView | PastPicks) -> np.ndarray:
        if self.of == "difference":
            return pairs.difference("embedding", unit_norm="off")
        a, b = (side.astype(np.float64) for side in pairs.sides("embedding"))
        return (a + b) / 2
