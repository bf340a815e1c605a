"""The pairs the implicit reward is least sure about; what SHARP ranks by too."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class SmallestMargin(Strategy):
    """Label pairs whose two responses have the most equal implicit rewards.

    Uncertainty sampling: an answer the policy cannot foretell tells most. Of two outcomes the least sure, the one of
    highest entropy and the one of smallest margin are the same pair, so all these rank alike. So does SHARP, the mean
    of the DPO gradient over both answers in units of its spread: coth(|Δ|/2), or 1/sinh(|Δ|/2) weighted by σ(Δ), both
    of which fall with |Δ|.
    """

    name: ClassVar[str] = "smallest_margin"
    title: ClassVar[str] = "smallest margin"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})
    source: ClassVar[str] = "Belakaria et al. 2025, arXiv:2503.22137 (SHARP); Lewis & Gale 1994, arXiv:cmp-lg/9407020"
    formula: ClassVar[str] = r"a = -|\Delta|,\quad \Delta = \hat r(x,y_1) - \hat r(x,y_2)"
    cost: ClassVar[str] = (
        "Two forwards of the policy and two of the reference, one number kept a response; fewer where responses are "
        "shared by pairs. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = (
        "SHARP",
        "W-SHARP",
        "uncertainty",
        "APL uncertainty",
        "least confidence",
        "margin sampling",
        "entropy of σ(Δ)",
        "level set (ARM-FI)",
        "minimum gap",
        "min gap",
    )
    open_points: ClassVar[str] = (
        "Read: SHARP draws b·p pairs from a stream, keeps the top b and takes one step (b = 64, p = 6), β = 0.1, "
        "5e-7, 150 steps of warm-up and RMSprop (here the study's warm-up, and AdamW). Inferred: SHARP = coth(|Δ|/2) "
        "and W-SHARP = 1/sinh(|Δ|/2), checked by a test, so they are no methods of their own here. Ours: used by "
        "rounds: a sixth of a round's pool, which is the next part of the stream: `prompts_per_round` says how large, "
        "and a study of several rounds must name it."
    )
    ties_at_reference: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "streamed", "weights": "continue", "data": "new"},
        "dpo": {"beta": 0.1, "learning_rate": 5e-7, "epochs": 1, "batch_pairs": 64},
        "label_share": 1 / 6,
    }

    def recipe(self, view: PoolView) -> Recipe:
        """Minus |margin| in reward units."""
        return Scores(-np.abs(view["reward_margin"].astype(np.float64)))

    def terms(self, view: PoolView) -> Terms:
        """Δ, the implicit rewards' difference."""
        margin = Term(
            "implicit-reward margin", "Δ", view["reward_margin"].astype(np.float64), "reward units", signed=True
        )
        return Terms((margin,), "a = −|Δ|", lambda delta: -np.abs(delta))
