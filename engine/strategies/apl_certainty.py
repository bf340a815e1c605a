"""APL's preference certainty: pairs the implicit reward is surest about."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Band, Recipe, Scores
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class AplCertainty(Strategy):
    """Label pairs on which the implicit reward is surest, to find where it is confidently wrong.

    Ranks by |Δ|, the absolute difference of the two responses' implicit rewards; σ(Δ) would rank alike but ties in
    float32 where it saturates.
    """

    name: ClassVar[str] = "apl_certainty"
    title: ClassVar[str] = "APL certainty"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})
    source: ClassVar[str] = "Muldrew et al. 2024, arXiv:2402.08114"
    formula: ClassVar[str] = (
        r"a = |\hat r(x,y_1) - \hat r(x,y_2)|,\quad \hat r = \beta \log \frac{\pi_\theta}{\pi_{ref}}"
    )
    cost: ClassVar[str] = (
        "Two forwards of the policy and two of the reference, one number kept a response. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = (
        "APLP",
        "preference certainty",
        "PMC",
        "max-diff",
        "largest implicit-reward gap",
    )
    open_points: ClassVar[str] = "Read: sums over response tokens, largest first. The bands are the authors' ablations."
    ties_at_reference: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 2, "temperature": 0.7},
        "regime": {"pool": "regenerated", "weights": "reset", "data": "cumulative"},
    }

    band: Literal["certain", "uncertain", "middle", "ends"] = Field(
        "certain", description="certain is the method; the other three are the authors' ablations"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """|margin| in reward units; which part of its order is taken follows `band`."""
        certainty = np.abs(view["reward_margin"].astype(np.float64))
        if self.band == "middle" or self.band == "ends":
            return Band(certainty, where=self.band)
        return Scores(certainty if self.band == "certain" else -certainty)
