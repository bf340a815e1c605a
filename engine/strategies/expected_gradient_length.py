"""Expected gradient length: how far a label moves the policy on average, whichever it is."""

from typing import ClassVar

import numpy as np

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies._fisher import slope
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class ExpectedGradientLength(Strategy):
    """Label pairs whose DPO gradient is longest on average over both answers, each as likely as the policy has it.

    Either answer pulls along ∇s(y₁) − ∇s(y₂): with weight 1−p if y₁ is preferred, which has chance p, and with weight p
    if y₂ is. So the mean length is 2p(1−p) times the length of that difference: long and undecided.
    """

    name: ClassVar[str] = "expected_gradient_length"
    title: ClassVar[str] = "expected gradient length"
    needs: ClassVar[frozenset[str]] = frozenset({"gradient_difference", "reward_margin"})
    source: ClassVar[str] = "Settles, Craven & Ray 2007 (multiple-instance active learning); for DPO: ours"
    formula: ClassVar[str] = (
        r"a = 2\,p(1-p)\,\lVert \nabla s_\theta(y_1) - \nabla s_\theta(y_2) \rVert,\quad p = \sigma(\Delta)"
    )
    cost: ClassVar[str] = (
        "As ActiveDPO, and the margin: two forwards and two backwards of the policy, two forwards of the reference, d "
        "numbers kept a response. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("EGL",)
    open_points: ClassVar[str] = (
        "Inferred: E‖∇L‖ = 2p(1−p)β‖∇s(y₁) − ∇s(y₂)‖ for the DPO loss; β scales all alike. Ours: gradients of the "
        "adapter, projected, without normalisation, so that length counts. Nothing is published for preference pairs: "
        "it runs in the study's setting."
    )

    takes_logits: ClassVar[bool] = True

    def recipe(self, view: PoolView) -> Recipe:
        """Mean gradient length over β (nats per unit of weight)."""
        length = np.linalg.norm(view["gradient_difference"].astype(np.float64), axis=1)
        return Scores(2 * slope(view["reward_margin"].astype(np.float64)) * length)

    def terms(self, view: PoolView) -> Terms:
        """How open the answer is, and how long the gradient along which either answer pulls."""
        open_ = slope(view["reward_margin"].astype(np.float64))
        length = np.linalg.norm(view["gradient_difference"].astype(np.float64), axis=1)
        return Terms(
            (
                Term("how open the answer is, ¼ at most", "p(1 − p)", open_),
                Term("length of the gradient's difference", "‖∇s₁ − ∇s₂‖", length, "nats per unit of weight"),
            ),
            "a = 2 p(1 − p) ‖∇s₁ − ∇s₂‖",
            lambda one, two: 2 * one * two,
        )
