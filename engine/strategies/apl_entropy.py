"""APL's predictive entropy: prompts the policy would answer in many ways."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class AplEntropy(Strategy):
    """Label pairs of prompts whose answers the policy is least sure of.

    The Monte Carlo entropy of the policy at the prompt, from samples at temperature 1. All pairs of a prompt share its
    value, so one pair a prompt is taken before a second.
    """

    name: ClassVar[str] = "apl_entropy"
    title: ClassVar[str] = "APL entropy"
    needs: ClassVar[frozenset[str]] = frozenset({"prompt_entropy"})
    source: ClassVar[str] = "Muldrew et al. 2024, arXiv:2402.08114"
    formula: ClassVar[str] = r"a = -\tfrac{1}{N} \sum_{n=1}^{N} \log \pi_\theta(y_n \mid x),\quad y_n \sim \pi_\theta"
    cost: ClassVar[str] = (
        "N draws of the policy a prompt and their log-probabilities, one number kept a prompt. Where the sampler "
        "draws, pairs of the prompts that are not chosen are drawn too. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("predictive entropy of the prompt",)
    open_points: ClassVar[str] = (
        "Read: sums over tokens, T = 1, highest first, one pair a prompt; N = 32 in the authors' code (here 8, by the "
        "samples of signal prompt_entropy), 16 prompts for each label on IMDB (4 on TL;DR), β = 0.2, 1e-6, 50 epochs "
        "(70) of all weights, which moves an adapter little. A re-implementation keeps the lowest: its sign is wrong. "
        "Ours: the pairs of all prompts are drawn before the choice, where the paper draws those of the chosen "
        "prompts: the same picks, more draws."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 2, "temperature": 0.7},
        "regime": {"pool": "regenerated", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "prompt_entropy", "samples": 32}],
        "dpo": {"beta": 0.2, "learning_rate": 1e-6, "epochs": 50, "batch_pairs": 64, "warm_up_share": 0.0},
        "label_share": 1 / 16,
    }

    def recipe(self, view: PoolView) -> Recipe:
        """The prompt's entropy in nats, one pair a prompt while prompts last."""
        return Scores(view["prompt_entropy"].astype(np.float64), per_prompt=True)

    def terms(self, view: PoolView) -> Terms:
        """The mean surprise of N draws at the prompt; all its pairs share it."""
        entropy = Term("mean of −log π over the draws", "H(x)", view["prompt_entropy"].astype(np.float64), "nats")
        return Terms((entropy,), "a = H(x)", lambda one: one)
