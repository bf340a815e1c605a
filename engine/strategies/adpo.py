"""ADPO: a D-optimal design for DPO's own logit, weighted by how open its answer is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GreedyLogDet
from engine.selection.terms import Term, Terms
from engine.strategies._fisher import LinearReward, bought, fitted, slope
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Adpo(Strategy):
    """Label pairs that add most information about a log-linear policy: far from what is known, and undecided.

    DPO with a policy that is log-linear in its last hidden state is a logistic regression, so a label's Fisher
    information is μ(1−μ)φφᵀ. Greedily, each pick raises log det of the information so far the most. θ̂, and with it μ,
    comes from the labels bought so far; where it is unsure, the stabiliser takes the answer for open.
    """

    name: ClassVar[str] = "adpo"
    title: ClassVar[str] = "ADPO"
    needs: ClassVar[frozenset[str]] = frozenset({"hidden_state"})
    source: ClassVar[str] = "Kveton et al. 2025, arXiv:2503.01076"
    formula: ClassVar[str] = (
        r"v = \sqrt{\mu(1-\mu)}\,\varphi,\quad \mu = \sigma(z),\quad "
        r"|z| = \max\bigl(|\varphi^\top \hat\theta| - \alpha \lVert\varphi\rVert_{\hat\Sigma}, 0\bigr),\quad "
        r"a = v^\top H^{-1} v,\quad H = \gamma I + \sum_{j \in S} v_j v_j^\top"
    )
    cost: ClassVar[str] = (
        "Two forwards of the SFT model, once in a study, D numbers kept a response; a logistic regression in min(D, "
        "labels) unknowns a round. The batch: O(n (D + |S| + b)) for its b-th pick."
    )
    aliases: ClassVar[tuple[str, ...]] = ("ADPO+ (labels: all)", "ADPO plus (labels: all)", "Kveton's ADPO")
    learns: ClassVar[bool] = True
    open_points: ClassVar[str] = (
        "Read: v = β√(μ(1−μ))φ with z = β(φᵀθ̂ − b), H grows with every pick, argmax over 256 random pairs, θ̂ fitted "
        "anew at t = 2^i (ADPO) or from all logged labels (ADPO⁺), α = 3. Inferred: for a reference in the same "
        "log-linear class, z = βφᵀ(θ̂ − θ₀), so b and β go into θ̂ and into γ. Ours: γ = 1 and the prior of θ̂ are "
        "one number; ADPO⁺ here sees the labels this run has bought, never those of the pool; v of past picks is "
        "taken at the θ̂ of now; while nothing is labelled μ = ½, a plain D-optimal design. Not stated: how DPO is "
        "trained, which is the study's; inferred: anew, on all labels."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "hidden_state", "pooling": "last"}],
    }

    ridge: float = Field(1.0, gt=0, description="γ/β², of H and of the prior of θ̂ (units of φ²)")
    labels: Literal["doubling", "all"] = Field(
        "doubling", description="θ̂ from the first 2^i labels (ADPO) or from all bought so far (ADPO⁺)"
    )
    stabiliser: float = Field(3.0, ge=0, le=10, description="α: standard errors by which |z| is lowered; 0: not")
    among: int | None = Field(256, ge=1, description="random pairs each pick is the best of; none: all")

    def recipe(self, view: PoolView) -> GreedyLogDet:
        """Greedy log-determinant over v (no unit), past picks and in-batch updates included."""
        reward = self._reward(view)

        def weighted(phi: np.ndarray) -> np.ndarray:
            array: np.ndarray = np.sqrt(reward.information(phi, self.stabiliser))[:, None] * phi
            return array

        return GreedyLogDet(
            features=weighted(view.difference("hidden_state", unit_norm="off")),
            past=weighted(view.picked.difference("hidden_state", unit_norm="off")),
            ridge=self.ridge,
            among=self.among,
        )

    def terms(self, view: PoolView) -> Terms:
        """θ̂'s logit and how unsure it is, which say how open the answer is; and how little φ's direction is known."""
        from engine.selection.composed import leverage  # it brings scipy's solvers, which a recipe does without

        recipe, reward = self.recipe(view), self._reward(view)
        phi = view.difference("hidden_state", unit_norm="off")
        return Terms(
            (
                Term("logit by the labels so far", "φᵀθ̂", reward.logits(phi), signed=True),
                Term("standard error of the logit", "s", reward.spread(phi)),
                Term("information about φ that is missing", "φᵀH⁻¹φ", leverage(recipe, phi)),
            ),
            f"a = μ(1 − μ) φᵀH⁻¹φ, μ = σ(max(|φᵀθ̂| − αs, 0)), α = {self.stabiliser:g}",
            lambda logit, error, far: slope(np.maximum(np.abs(logit) - self.stabiliser * error, 0.0)) * far,
        )

    def _reward(self, view: PoolView) -> LinearReward:
        labelled = bought(view, "hidden_state")
        if self.labels == "doubling" and len(labelled):
            labelled = labelled[: 1 << (len(labelled).bit_length() - 1)]
        return fitted(labelled, self.ridge)
