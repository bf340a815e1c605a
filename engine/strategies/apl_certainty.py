"""APL's preference certainty: pairs the implicit reward is surest about."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Band, Recipe, Scores
from engine.selection.terms import Term, Terms
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
    open_points: ClassVar[str] = (
        "Read (the authors' code): sums over response tokens, largest first; the bands are their ablations; one pair "
        "a prompt at T = 0.7, 16 pairs for each label on IMDB (8 on TL;DR), back to the reference and all labels "
        "every round, β = 0.2, 1e-6, 50 epochs (70). Inferred: two responses make the one pair. Ours: theirs trains "
        "all weights, and 1e-6 moves an adapter little; their 64 labels a round are that share of whatever the pool "
        "holds."
    )
    ties_at_reference: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 2, "temperature": 0.7},
        "regime": {"pool": "regenerated", "weights": "reset", "data": "cumulative"},
        "dpo": {"beta": 0.2, "learning_rate": 1e-6, "epochs": 50, "batch_pairs": 64, "warm_up_share": 0.0},
        "label_share": 1 / 16,
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

    def terms(self, view: PoolView) -> Terms:
        """Δ, the implicit rewards' difference."""
        sign = -1.0 if self.band == "uncertain" else 1.0
        margin = Term(
            "implicit-reward margin", "Δ", view["reward_margin"].astype(np.float64), "reward units", signed=True
        )
        return Terms((margin,), "a = −|Δ|" if sign < 0 else "a = |Δ|", lambda delta: sign * np.abs(delta))
