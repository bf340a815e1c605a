"""The D-optimal selectors of active reward modelling: a pair's leverage in the information of the whole pool."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GreedyLogDet
from engine.selection.terms import Term, Terms
from engine.strategies._fisher import bought, fitted
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class DOptimal(Strategy):
    """Label pairs that hold most of the pool's information about a reward that is linear in hidden states.

    M is the information all candidate pairs would give together. How much log det M would fall if a pair weighed a
    little less is its leverage p(1−p)φᵀM⁻¹φ; the highest are taken at once. Past-aware, the labelled pairs count in M
    too, so that directions already labelled are worth less. XtX leaves the weight out.
    """

    name: ClassVar[str] = "d_optimal"
    title: ClassVar[str] = "D-optimal"
    needs: ClassVar[frozenset[str]] = frozenset({"hidden_state"})
    source: ClassVar[str] = "Shen, Sun & Ton 2025, arXiv:2502.04354 (ARM-FI), and the authors' code"
    formula: ClassVar[str] = (
        r"a = \frac{\partial}{\partial w}\log\det M = p(1-p)\,\varphi^\top M^{-1} \varphi,\quad "
        r"M = \lambda I + \sum_{j \in \text{pool} \,(\cup\, S)} p_j(1-p_j)\,\varphi_j \varphi_j^\top"
    )
    cost: ClassVar[str] = (
        "Two forwards of the SFT model, once in a study, D numbers kept a response; a logistic regression in min(D, "
        "labels) unknowns a round. The batch: O(n D²) once, then one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("ARM-FI", "PA D-opt", "D-opt (selector: d_optimal)", "XtX (selector: xtx)")
    learns: ClassVar[bool] = True
    open_points: ClassVar[str] = (
        "Read (the authors' code): M over all candidates, 1e-6·I, one shot, the top of the gradient; past-aware adds "
        "labelled pairs by the p of now; its baselines entropy, max-diff and level set are `smallest_margin` and "
        "`apl_certainty` here. Read: pairs across prompts help; a pair has one prompt here. Ours: p comes from a "
        "logistic regression on frozen hidden states (prior 1), theirs from the last layer of a small network trained "
        "on them. Ours: where pairs are fewer than dimensions all leverages near 1, and the ridge decides; raise it "
        "then. Theirs trains a reward and no policy: inferred: anew, on all labels; the rest, and the size of a "
        "batch, is the study's."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
    }

    selector: Literal["past_aware", "d_optimal", "xtx"] = Field(
        "past_aware", description="M of pool and labelled pairs, of the pool alone, or that without the weight p(1−p)"
    )
    ridge: float = Field(1e-6, gt=0, description="λ in M (units of φ²)")
    prior: float = Field(1.0, gt=0, description="of the regression that p comes from (units of φ²)")
    in_batch: bool = Field(False, description="let M grow with every pick: greedy, not one shot")

    def recipe(self, view: PoolView) -> GreedyLogDet:
        """Leverages in [0, 1), M as the selector has it."""
        reward = fitted(bought(view, "hidden_state"), self.prior)

        def weighted(phi: np.ndarray) -> np.ndarray:
            return phi if self.selector == "xtx" else np.sqrt(reward.information(phi))[:, None] * phi

        past = weighted(view.picked.difference("hidden_state", unit_norm="off"))
        return GreedyLogDet(
            features=weighted(view.difference("hidden_state", unit_norm="off")),
            past=past if self.selector == "past_aware" else past[:0],
            ridge=self.ridge,
            in_batch=self.in_batch,
            whole_pool=True,
        )

    def terms(self, view: PoolView) -> Terms | None:
        """How open the answer is by the labels so far, and how little of φ's direction the pool and they say."""
        if self.selector == "xtx":
            return None  # no answer weighs anything: the design's own terms say all
        from engine.selection.composed import leverage  # it brings scipy's solvers, which a recipe does without

        phi = view.difference("hidden_state", unit_norm="off")
        weight = fitted(bought(view, "hidden_state"), self.prior).information(phi)
        return Terms(
            (
                Term("how open the answer is, ¼ at most", "p(1 − p)", weight),
                Term("information about φ that is missing", "φᵀM⁻¹φ", leverage(self.recipe(view), phi)),
            ),
            "a = p(1 − p) φᵀM⁻¹φ",
            lambda open_, far: open_ * far,
        )
