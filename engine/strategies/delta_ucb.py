"""DeltaUCB: the pair of a prompt that may be farthest apart."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe
from engine.selection.terms import Terms
from engine.strategies._ensemble import ENSEMBLE, PROMPTS, Prompts, means_and_spreads, one_a_prompt, variance
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class DeltaUcb(Strategy):
    """Label the pair of each prompt whose gap in reward is largest if one response is as good as it may be.

    Optimism about the gap: the upper bound of one response less the lower bound of the other. A wide gap makes a strong
    example for DPO, and the bounds keep what is unknown in play.
    """

    name: ClassVar[str] = "delta_ucb"
    title: ClassVar[str] = "DeltaUCB"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = "Melikidze et al. 2026, arXiv:2603.09692"
    formula: ClassVar[str] = (
        r"a = \max\{u_1 - l_2,\, u_2 - l_1\} = |\bar z_1 - \bar z_2| + \beta(s_1 + s_2),\quad u, l = \bar z \pm \beta s"
    )
    aliases: ClassVar[tuple[str, ...]] = ("optimistic gap",)
    open_points: ClassVar[str] = (
        "Read (code): β = 1, argmax of u_i − l_j within a prompt, every prompt of a batch; a later version asks about "
        "the prompts of the largest such gap (`prompts` ranked). Read (their reward models): 20 heads of two layers "
        "of 128, 5e-5, 100 steps, the mean and the sample standard deviation over them; 64 prompts a batch, of 30 "
        "models' responses each, which the file must bring; β = 0.1, 2e-5, 3 epochs. Their anchor fades (0.9), ours "
        "does not. Ours: heads on the reference's hidden states in place of a frozen reward model. With one pair a "
        "prompt and drawn prompts, DeltaUCB is random."
    )
    cost: ClassVar[str] = (
        "A forward a response, once for all rounds; each round K heads are trained on the labels so far and K numbers "
        "a response are kept. Choosing sorts the pool."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "all_pairs"},
        "regime": {"pool": "fixed", "weights": "continue", "data": "new"},
        "signals": [
            {
                "name": "reward_ensemble",
                "members": "heads",
                "size": 20,
                "hidden": 128,
                "steps": 100,
                "learning_rate": 5e-5,
            }
        ],
        "dpo": {"beta": 0.1, "learning_rate": 2e-5, "epochs": 3},
        "labels_per_round": 64,
        "label_share": None,
    }

    beta: float = Field(1.0, ge=0, le=1000, description="β: standard deviations between mean and bound")
    prompts: Prompts = Field("drawn", description=PROMPTS)

    def recipe(self, view: PoolView) -> Recipe:
        """The largest gap that the bounds allow, in reward units."""
        a, b = (side.astype(np.float64) for side in view.sides(ENSEMBLE))
        spread = np.sqrt(variance(a)) + np.sqrt(variance(b))
        return one_a_prompt(view, np.abs(a.mean(axis=1) - b.mean(axis=1)) + self.beta * spread, self.prompts)

    def terms(self, view: PoolView) -> Terms:
        """Mean and spread of either response's reward over the members."""
        return Terms(
            means_and_spreads(view, "z̄"),
            f"a = |z̄₁ − z̄₂| + β(s₁ + s₂), β = {self.beta:g}",
            lambda m, n, s, t: np.abs(m - n) + self.beta * (s + t),
        )
