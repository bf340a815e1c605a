"""APL's two steps: uncertain prompts first, then the surest pairs among them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, TwoStage
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Apl(Strategy):
    """Keep the prompts of highest entropy, then label the pairs among them with the largest implicit-reward margin.

    Algorithm 1 of the paper: predictive entropy asks where the policy is undecided, preference certainty where the
    implicit reward is decided.
    """

    name: ClassVar[str] = "apl"
    title: ClassVar[str] = "APL"
    needs: ClassVar[frozenset[str]] = frozenset({"prompt_entropy", "reward_margin"})
    source: ClassVar[str] = "Muldrew et al. 2024, arXiv:2402.08114, Algorithm 1"
    formula: ClassVar[str] = (
        r"X' = \mathrm{top}_{\rho |X|}\; H_\theta(x),\quad a = |\hat r(x,y_1) - \hat r(x,y_2)| \;\text{for}\; x \in X'"
    )
    cost: ClassVar[str] = (
        "N draws of the policy a prompt and their log-probabilities; two forwards of policy and of reference, one "
        "number kept a response and a prompt. Where the sampler draws, pairs of the prompts that are not kept are "
        "drawn and scored too. The batch: two sorts."
    )
    aliases: ClassVar[tuple[str, ...]] = ("APL hybrid", "entropy then certainty", "Algorithm 1 of APL")
    open_points: ClassVar[str] = (
        "Read at second hand: entropy first, certainty second; and, in a comment of a re-implementation, candidates "
        "of 4,000 × 8 (IMDB) and 2,048 × 4 (TL;DR), without a word on which factor is which step's. Read in the "
        "authors' code, which has each step alone: 16 (IMDB) or 8 (TL;DR) pairs scored by certainty for each label, "
        "16 or 4 prompts by entropy with N = 32; β = 0.2, 1e-6, 50 epochs (IMDB; 70 on TL;DR) of all weights, which "
        "moves an adapter little. Inferred: 16 pairs for each label here too. Ours: half of the prompts kept, or by "
        "`pairs_per_label` as many as give that many pairs for each label; pairs of all prompts are drawn before the "
        "filter, where the paper draws those of the kept prompts: the same picks, more draws; `per_prompt` is not the "
        "paper's."
    )
    ties_at_reference: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 2, "temperature": 0.7},
        "regime": {"pool": "regenerated", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "prompt_entropy", "samples": 32}],
        "dpo": {"beta": 0.2, "learning_rate": 1e-6, "epochs": 50, "batch_pairs": 64, "warm_up_share": 0.0},
        "label_share": 1 / 16,
    }

    keep_share: float = Field(0.5, gt=0, le=1, description="share of prompts kept by entropy (no unit)")
    pairs_per_label: float | None = Field(
        None, ge=1, description="keep prompts with so many pairs for each label on average, in place of keep_share"
    )
    per_prompt: bool = Field(False, description="every prompt's surest pair before any prompt's second")

    def recipe(self, view: PoolView) -> Recipe:
        """Entropy in nats decides the prompts, |margin| in reward units the pairs."""
        n_prompts = len(set(view.prompt_ids))
        share = self.keep_share
        if self.pairs_per_label is not None:
            share = min(1.0, self.pairs_per_label * view.k / max(1, len(view)))
        return TwoStage(
            prompt_values=view["prompt_entropy"].astype(np.float64),
            values=np.abs(view["reward_margin"].astype(np.float64)),
            keep_prompts=max(1, round(share * n_prompts)),
            per_prompt=self.per_prompt,
        )

    def terms(self, view: PoolView) -> Terms:
        """Δ, by which pairs of the kept prompts are ranked; the prompt's entropy is no term of it, but its gate."""
        margin = Term(
            "implicit-reward margin", "Δ", view["reward_margin"].astype(np.float64), "reward units", signed=True
        )
        return Terms((margin,), "a = |Δ|, among the prompts of highest entropy", np.abs)
