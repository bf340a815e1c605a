"""BAL-PM: disputed pairs, of prompts that lie where little was asked so far."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Crowding
from engine.selection.terms import Terms
from engine.strategies._ensemble import ENSEMBLE, disagreement, doubts, gaps
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class BalPm(Strategy):
    """Label pairs that a reward ensemble disputes, of prompts that raise the entropy of the prompts asked about.

    BALD alone takes near-copies: what is uncertain lies together. So to each pair's disagreement is added how much its
    prompt widens the spread of the acquired prompts in feature space, by a nearest-neighbour estimate: the distance to
    its k-th neighbour in the pool, less how many acquired prompts lie within it. That number is counted anew after
    every pick, so a batch spreads by itself.
    """

    name: ClassVar[str] = "bal_pm"
    title: ClassVar[str] = "BAL-PM"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE, "prompt_embedding"})
    spreads: ClassVar[bool] = False
    source: ClassVar[str] = (
        "Melo et al. 2024, arXiv:2406.10023; the estimator after Kraskov et al. 2004, arXiv:cond-mat/0305641"
    )
    formula: ClassVar[str] = (
        r"a = U_{epi} + \beta \Big[\log\big(2 D_k(x) + 10^{-4}\big) - \tfrac1d \psi(n_x + 1)\Big],\quad "
        r"n_x = \#\{x' \in S : \lVert h(x') - h(x) \rVert < D_k(x)\}"
    )
    aliases: ClassVar[tuple[str, ...]] = ("Bayesian active learner for preference modelling",)
    open_points: ClassVar[str] = (
        "Read: k = 13, β = 0.01, d = 1, the 10⁻⁴, n_x over past picks and the batch and counted anew after each pick; "
        "320 labels to begin with (inferred: random) and 320 a round; K = 5 heads of their code have 2048 and 256 "
        "units and stop early, on hidden states of a 7B model (here two layers of 128, `hidden` of the signal). "
        "Inferred: D_k is taken among the prompts of the pool and of past picks, each prompt once; n_x counts pairs, "
        "and a neighbour exactly at D_k is not within it. Ours: prompts are the reference's last hidden state at the "
        "last token, as they are, or by `standardised` each number centred and scaled over the prompts (their code "
        "divides the mean by the standard deviation before it subtracts it, by mistake); heads are the study's "
        "`reward_ensemble`; they train a reward, so DPO is the study's."
    )
    cost: ClassVar[str] = (
        "A forward a response and one a prompt, once for all rounds; each round K heads are trained, K numbers a "
        "response kept. Choosing measures the distances between all prompts once, and of each pick's prompt to all."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "reward_ensemble", "members": "heads", "size": 5}],
        "labels_per_round": 320,
        "label_share": None,
        "warm_up": True,
    }

    neighbour: int = Field(13, ge=1, le=1000, description="k: which neighbour's distance says how empty it is around")
    weight: float = Field(0.01, ge=0, le=100, description="β: nats of disagreement that a nat of entropy is worth")
    dimension: float = Field(1.0, gt=0, le=10_000, description="d, by which crowding is divided (no unit)")
    standardised: bool = Field(
        False, description="each number of a prompt's embedding is centred and scaled over the prompts first"
    )

    def recipe(self, view: PoolView) -> Crowding:
        """Disagreement in nats plus β times the entropy term in nats."""
        features, past = view["prompt_embedding"], view.picked["prompt_embedding"]
        if self.standardised:
            features, past = _standardised(features, past.reshape(-1, features.shape[1]))
        return Crowding(
            values=disagreement(gaps(view)),
            features=features,
            past=past,
            neighbour=self.neighbour,
            weight=self.weight,
            dimension=self.dimension,
        )

    def terms(self, view: PoolView) -> Terms:
        """The doubt there is and the part of it that no label settles; the room around the prompt, and its crowd."""
        from engine.selection.composed import crowd_terms  # it brings scipy, which a recipe does without

        return Terms(
            (*doubts(gaps(view)), *crowd_terms(self.recipe(view))),
            f"a = H[p̄] − mean H[pₖ] + β[log(2D + 10⁻⁴) − ψ(n + 1)/d], β = {self.weight:g}, d = {self.dimension:g}",
            lambda one, two, room, crowd: np.maximum(one - two, 0.0) + self.weight * (room - crowd / self.dimension),
        )


def _standardised(features: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x − mean) / standard deviation of each column of (n, d) and (m, d), over the different rows of both.

    A column that is the same in all of them becomes 0.
    """
    points = np.unique(np.concatenate([features, past]).astype(np.float64), axis=0)
    mean, spread = points.mean(axis=0), np.where(np.ptp(points, axis=0) > 0, points.std(axis=0), 1.0)
    return (features - mean) / spread, (past - mean) / spread
