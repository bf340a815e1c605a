"""Ji's gate: ask only where the policy is not sure by itself, and take its word elsewhere."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.records import Answer
from engine.seeds import uniforms
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Gated(Strategy):
    """Label pairs at random among those whose implicit-reward margin lies within ±γ; take the policy's word on others.

    The pool is walked through in random order. A pair that the policy is unsure of, |Δ| ≤ γ, is asked about; on one it
    is sure of, its own answer, the sign of Δ, trains as if it were a label (a pseudo-label). It is a gate, not a
    ranking: what is asked about is a random sample of the unsure pairs.
    """

    name: ClassVar[str] = "gated"
    title: ClassVar[str] = "gated ADPO"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})
    source: ClassVar[str] = "Ji et al. 2024, arXiv:2402.09401 (TMLR 2025)"
    formula: ClassVar[str] = (
        r"\text{ask iff } |\Delta| \le \gamma,\quad \text{else } \hat o = \mathrm{sign}(\Delta),\quad "
        r"\Delta = \hat r(x,y_1) - \hat r(x,y_2)"
    )
    open_points: ClassVar[str] = (
        "Read (code): ask iff |Δ| ≤ γ, else the sign of Δ is trained on; γ = 1.3 with β = 0.1; one epoch over a "
        "stream. Another paper states the gate the other way round; the code is as here. Inferred: in rounds, the "
        "pool is walked through in keyed order until k pairs are asked about; the sure ones passed on the way get "
        "pseudo-labels, for this round's training alone, and stay candidates. Ours: where fewer than k pairs are "
        "within the gate, those nearest to it are asked about next; how many are asked about is the study's batch. "
        "Pseudo-labels are never bought: they cost nothing and are counted apart."
    )
    cost: ClassVar[str] = (
        "A forward a response each round, and one by the reference, once. Choosing is a walk. Every pseudo-label adds "
        "a pair to the round's training."
    )
    aliases: ClassVar[tuple[str, ...]] = ("ActiveQuery", "Ji's ADPO")
    takes_logits: ClassVar[bool] = True
    ties_at_reference: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "streamed", "weights": "continue", "data": "new"},
        "dpo": {"beta": 0.1, "learning_rate": 5e-7, "epochs": 1},
    }

    gamma: float = Field(1.3, ge=0, le=100, description="γ: half the width of the gate (reward units)")
    pseudo_labels: bool = Field(True, description="the policy's own answers on the sure pairs train too")

    def recipe(self, view: PoolView) -> Recipe:
        """0 within the gate, so that a keyed draw decides; outside it minus the distance to it (reward units)."""
        return Scores(self._within(view))

    def terms(self, view: PoolView) -> Terms:
        """Δ and the gate: within it all pairs are alike, outside it the distance counts."""
        margin = Term(
            "implicit-reward margin", "Δ", view["reward_margin"].astype(np.float64), "reward units", signed=True
        )
        gate = Term("half the width of the gate", "γ", np.full(len(view), self.gamma), "reward units")
        return Terms(
            (margin, gate), "a = −max(|Δ| − γ, 0)", lambda delta, gamma: -np.maximum(np.abs(delta) - gamma, 0.0)
        )

    def pseudo(self, view: PoolView) -> dict[str, Answer]:
        """The policy's answer on each sure pair that the walk passes before its last question."""
        if not self.pseudo_labels:
            return {}
        from engine.selection.execute import execute  # it brings scipy, which a recipe does without

        within, draw = self._within(view), uniforms(view.seed, view.round, "tie", view.ids)
        picks = {
            pick.pair_id for pick in execute(self.recipe(view), view)
        }  # one pair a prompt, where that is asked for
        asked = np.array([pair_id in picks for pair_id in view.ids], dtype=bool)
        last = draw[asked].max(initial=0.0) if (within[asked] == 0).all() else 1.0
        passed = (within < 0) & (draw < last)
        passed[asked] = False
        margins = view["reward_margin"]
        return {view.ids[row]: "a" if margins[row] > 0 else "b" for row in np.flatnonzero(passed)}

    def _within(self, view: PoolView) -> np.ndarray:
        return -np.maximum(np.abs(view["reward_margin"].astype(np.float64)) - self.gamma, 0.0)
