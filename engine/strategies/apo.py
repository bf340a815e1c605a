"""APO: how far a pair's hidden-state difference points away from what was labelled."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GreedyLogDet, Recipe
from engine.strategies._fisher import bought, fitted
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Apo(Strategy):
    """Label pairs whose hidden-state difference is least known to a reward that is linear in hidden states.

    If the reward were linear in the model's last hidden state h, its error on a pair would be bounded by the length of
    φ = h(y₁) − h(y₂) in the norm of V⁻¹, V the sum of φφᵀ over all labelled pairs. ActiveDPO takes the same norm of
    the implicit reward's gradient instead.
    """

    name: ClassVar[str] = "apo"
    title: ClassVar[str] = "APO"
    needs: ClassVar[frozenset[str]] = frozenset({"hidden_state"})
    source: ClassVar[str] = "Das et al. 2024, arXiv:2402.10500, and the authors' code"
    formula: ClassVar[str] = (
        r"\varphi = h(x,y_1) - h(x,y_2),\quad "
        r"a = \varphi^\top V^{-1} \varphi,\quad V = \lambda I + \sum_{j \in S} \varphi_j \varphi_j^\top"
    )
    cost: ClassVar[str] = (
        "Two forwards of the SFT model, once in a study, D numbers kept a response (D the model's width). The batch: "
        "O(n D min(D, |S|)) once, then one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("active preference optimization",)
    open_points: ClassVar[str] = (
        "Read (the authors' code): h at the last token, λ = 1e-5, V updated once a batch, 20 pairs a batch, no weight "
        "σ̇ (it stands there commented out; the theory has it, and ADPO here). Read: the code's pool keeps pairs that "
        "were picked, and trains on the embeddings it is tested on; neither is done here. Ours: h of the SFT model, "
        "as the code's is frozen; `hidden_state` with model: policy takes the policy's. Theirs goes on to PPO with "
        "100 rounds: DPO and the number of rounds are the study's."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "hidden_state", "pooling": "last"}],
        "labels_per_round": 20,
        "label_share": None,
    }

    ridge: float = Field(1e-5, gt=0, description="λ in V = λI + Σφφᵀ (units of φ²)")
    in_batch: bool = Field(False, description="let V grow with every pick of the batch, not once a batch")
    weight: Literal["none", "slope"] = Field(
        "none", description="what a labelled pair counts in V: 1 (the code), or σ̇(φᵀθ̂) with θ̂ from the labels (theory)"
    )
    prior: float = Field(1.0, gt=0, description="of the regression that θ̂ comes from, with weight slope (units of φ²)")

    def recipe(self, view: PoolView) -> Recipe:
        """φᵀV⁻¹φ (no unit), past picks included."""
        past = view.picked.difference("hidden_state", unit_norm="off")
        if self.weight == "slope":
            known = fitted(bought(view, "hidden_state"), self.prior)
            past = np.sqrt(known.information(past))[:, None] * past
        return GreedyLogDet(
            features=view.difference("hidden_state", unit_norm="off"),
            past=past,
            ridge=self.ridge,
            in_batch=self.in_batch,
        )
