"""APO: how far a pair's hidden-state difference points away from what was labelled."""

from typing import ClassVar

from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GreedyLogDet, Recipe
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
    open_points: ClassVar[str] = (
        "Read (the authors' code): h at the last token, λ = 1e-5, V updated once a batch, 20 pairs a batch, no weight "
        "σ̇ (it stands there commented out; the theory has it, and ADPO here). Read: the code's pool keeps pairs that "
        "were picked, and trains on the embeddings it is tested on; neither is done here. "
        "Ours: h of the SFT model, as the code's is frozen; `hidden_state` with model: policy takes the policy's."
    )

    ridge: float = Field(1e-5, gt=0, description="λ in V = λI + Σφφᵀ (units of φ²)")
    in_batch: bool = Field(False, description="let V grow with every pick of the batch, not once a batch")

    def recipe(self, view: PoolView) -> Recipe:
        """φᵀV⁻¹φ (no unit), past picks included."""
        return GreedyLogDet(
            features=view.difference("hidden_state", unit_norm="off"),
            past=view.picked.difference("hidden_state", unit_norm="off"),
            ridge=self.ridge,
            in_batch=self.in_batch,
        )
