"""AE-DPO: pairs on which the best the policy may be worth is far above the least it must be."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Terms
from engine.strategies._ensemble import ENSEMBLE, means_and_spreads, variance
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class AeDpo(Strategy):
    """Label pairs with the widest gap between optimistic and pessimistic value of the better response.

    Each response's implicit reward is drawn several times with dropout on the last hidden layer; mean plus and minus κ
    standard deviations bound it. The prompt is worth asking about where the best upper bound of its two responses lies
    far above their best lower bound.
    """

    name: ClassVar[str] = "ae_dpo"
    title: ClassVar[str] = "AE-DPO"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = "Mehta et al. 2023, arXiv:2312.00267 (COLM 2025)"
    formula: ClassVar[str] = (
        r"a = \max_{j \in \{1,2\}} (\mu_j + \kappa s_j) - \max_{j \in \{1,2\}} (\mu_j - \kappa s_j),\quad "
        r"\mu_j, s_j = \text{mean, s.d. of } \beta\big(\log \pi_\theta(y_j|x) - \log \pi_{ref}(y_j|x)\big)"
    )
    open_points: ClassVar[str] = (
        "Read (code): κ = 2, p = 0.05, 5 draws, sample standard deviation, dropout on the last hidden state, the best "
        "third of each batch that comes along. Inferred: log-probabilities are multiplied by β here, which changes no "
        "order. Ours: the code turns the whole policy to training, so its adapter's dropout draws too; here only the "
        "last hidden state does. A third of a round's pool in a race as published, not of each of many small batches. "
        "Inferred: they come once, and train as they come. How DPO is trained is the study's."
    )
    cost: ClassVar[str] = (
        "A forward a response each round, and the output layer as often as there are draws (5). Choosing sorts the "
        "pool."
    )
    aliases: ClassVar[tuple[str, ...]] = ("AE-DPO offline", "active exploration")
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "streamed", "weights": "continue", "data": "new"},
        "label_share": 1 / 3,
    }

    kappa: float = Field(2.0, ge=0, le=100, description="κ: standard deviations on each side of the mean")

    draws: int = Field(5, ge=2, le=1000, description="K: draws of dropout")
    dropout: float = Field(0.05, gt=0, lt=1, description="p: share of the last hidden state that is dropped")

    @classmethod
    def as_queued(cls, saved: Mapping[str, Any], signals: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Before it had draws of its own it took those of the study's ensemble."""
        then = signals.get(ENSEMBLE, {})
        own = {"draws": then.get("size"), "dropout": then.get("dropout")}
        return {**{name: value for name, value in own.items() if value is not None}, **saved}

    def signal_parameters(self) -> dict[str, dict[str, Any]]:
        """Its own draws of dropout, whatever the study's ensemble is for others."""
        return {ENSEMBLE: {"members": "dropout", "size": self.draws, "dropout": self.dropout}}

    def recipe(self, view: PoolView) -> Recipe:
        """Best upper minus best lower bound, in reward units, ≥ 0."""
        sides = [side.astype(np.float64) for side in view.sides(ENSEMBLE)]
        means = np.stack([side.mean(axis=1) for side in sides])
        away = self.kappa * np.sqrt(np.stack([variance(side) for side in sides]))
        return Scores((means + away).max(axis=0) - (means - away).max(axis=0))

    def terms(self, view: PoolView) -> Terms:
        """Mean and spread of either response's implicit reward over the draws."""
        k = self.kappa
        return Terms(
            means_and_spreads(view, "μ"),
            f"a = max(μ₁ + κs₁, μ₂ + κs₂) − max(μ₁ − κs₁, μ₂ − κs₂), κ = {k:g}",
            lambda m, n, s, t: np.maximum(m + k * s, n + k * t) - np.maximum(m - k * s, n - k * t),
        )
