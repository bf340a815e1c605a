"""SEA: the duel of a prompt's responses that Thompson sampling proposes."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.seeds import rng_for
from engine.selection.recipes import Recipe
from engine.selection.terms import Term, Terms
from engine.strategies._ensemble import ENSEMBLE, PROMPTS, Duel, Prompts, duels, gaps, one_a_prompt, variance
from engine.strategies.base import STRATEGIES, Strategy

ASKED = {
    "best_arm": "has what a drawn member likes best",
    "thompson": "what two drawn members like best",
    "uncertainty": "any pair",
}


@STRATEGIES.register
class Sea(Strategy):
    """Label one pair of each prompt: what a sampled member of the ensemble thinks best, and its strongest rival.

    A member of the ensemble is a draw from what rewards may be. `best_arm`: the response that a drawn member likes
    best, against the one whose difference to it the ensemble is least sure of. `thompson`: against what other drawn
    members like best (explore and exploit, double Thompson sampling). `uncertainty`: the pair of the prompt whose
    difference has the largest variance, whoever is good.
    """

    name: ClassVar[str] = "sea"
    title: ClassVar[str] = "SEA"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = (
        "Liu et al. 2024, arXiv:2411.01493; double Thompson sampling: Wu & Liu 2016, arXiv:1604.07101"
    )
    formula: ClassVar[str] = (
        r"y_1 = \arg\max_y z_k(x,y),\; k \sim \mathcal U;\quad "
        r"y_2 = \arg\max_y \mathrm{Var}_k[z_k(x,y_1) - z_k(x,y)] \;\text{or}\; \arg\max_{y \ne y_1} z_{k'}(x,y)"
    )
    open_points: ClassVar[str] = (
        "Read (code): one draw of a member a prompt, others without replacement until one likes another response "
        "best; sample variance; every prompt that comes is asked about. Where no member likes another response, the "
        "code takes the first drawn member's second best if told to, else a response against itself; here always its "
        "second best; 20 responses a prompt, 128 prompts and as many duels a round, β = 0.1, 20 heads of 128 with λ = "
        "0.5. Not stated where we read: rate and epochs, which are the study's. Inferred: a response's rivals are "
        "those that a pair of the pool sets against it. Ours: `prompts` ranked asks where the score is highest; a "
        "duel by Thompson scores 1 and every other pair 0, so ranked and drawn are alike then. With one pair a prompt "
        "and drawn prompts, SEA is random."
    )
    cost: ClassVar[str] = (
        "A forward a response, once for all rounds; each round K heads are trained on the labels so far and K numbers "
        "a response are kept. Choosing reads each prompt once."
    )
    aliases: ClassVar[tuple[str, ...]] = ("BAI-TS", "E&E-TS", "double Thompson sampling", "InfoGain")
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 20},
        "regime": {"pool": "regenerated", "weights": "continue", "data": "new"},
        "signals": [
            {
                "name": "reward_ensemble",
                "members": "heads",
                "size": 20,
                "hidden": 128,
                "learning_rate": 1e-3,
                "anchor": 0.5,
            }
        ],
        "dpo": {"beta": 0.1, "batch_pairs": 128},
        "labels_per_round": 128,
        "label_share": None,
        "prompts_per_round": 128,
    }

    by: Literal["best_arm", "thompson", "uncertainty"] = Field("best_arm", description="how the rival is chosen")
    prompts: Prompts = Field("drawn", description=PROMPTS)

    def recipe(self, view: PoolView) -> Recipe:
        """Variance of the difference (reward units²); of best_arm 0 for pairs without the best, of thompson 0 or 1."""
        asked = self._asked(view)
        return one_a_prompt(view, asked if self.by == "thompson" else variance(gaps(view)) * asked, self.prompts)

    def terms(self, view: PoolView) -> Terms:
        """How unsure the ensemble is of the difference, and whether the drawn members ask about the pair at all."""
        unsure = Term("variance of the difference", "Var(z₁ − z₂)", variance(gaps(view)), "reward units²")
        asked = Term(ASKED[self.by], "asked", self._asked(view))
        if self.by == "uncertainty":
            return Terms((unsure,), "a = Var(z₁ − z₂)", lambda one: one)
        if self.by == "thompson":
            return Terms((asked,), "a = asked", lambda one: one)
        return Terms((unsure, asked), "a = Var(z₁ − z₂) · asked", lambda one, two: one * two)

    def _asked(self, view: PoolView) -> np.ndarray:
        """1 for the pairs that the drawn members leave in question, else 0, (n,)."""
        if self.by == "uncertainty":
            return np.ones(len(view))
        asked = np.zeros(len(view))
        for duel in duels(view):
            drawn = rng_for(view.seed, view.round, "thompson", duel.prompt_id).permutation(duel.rewards.shape[1])
            best = duel.responses[int(duel.rewards[:, drawn[0]].argmax())]
            if self.by == "best_arm":
                asked[[row for row, p in zip(duel.rows, duel.pairs, strict=True) if best in (p.a, p.b)]] = 1.0
            else:
                asked[_rival(duel, best, drawn)] = 1.0
        return asked


def _rival(duel: Duel, best: str, drawn: np.ndarray) -> int:
    """The row of the pair of `best` and what the next drawn member, the first that disagrees, likes best."""
    for member in drawn[1:]:
        row = duel.between(best, duel.responses[int(duel.rewards[:, member].argmax())])
        if row is not None:
            return row
    worth = dict(zip(duel.responses, duel.rewards[:, drawn[0]], strict=True))
    row = duel.between(best, max(duel.partners(best), key=lambda name: worth[name]))
    assert row is not None  # noqa: S101 - a partner has a pair
    return row
