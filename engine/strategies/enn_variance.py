"""Efficient exploration at scale: the pair of a prompt whose chance of winning is least settled."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe
from engine.selection.terms import Term, Terms
from engine.strategies._ensemble import ENSEMBLE, PROMPTS, Prompts, chance, gaps, one_a_prompt, variance
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class EnnVariance(Strategy):
    """Label the pair of each prompt on whose chance of preference the members of an ensemble vary most.

    The variance is taken of σ of the difference, not of the difference: where all members are sure, it does not matter
    how sure. It is information-directed exploration for choices of two.
    """

    name: ClassVar[str] = "enn_variance"
    title: ClassVar[str] = "ENN variance"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = (
        "Asghari et al. 2026, arXiv:2603.17378; epistemic networks: Osband et al. 2021, arXiv:2107.08924"
    )
    formula: ClassVar[str] = r"a = \mathrm{Var}_k\big[\sigma(z_k(x,y_1) - z_k(x,y_2))\big]"
    open_points: ClassVar[str] = (
        "Read (abstract and digests): 100 heads, each with a fixed prior of its own, 16 responses a prompt, the pair "
        "of largest variance of the 120. Inferred: every prompt that comes is asked about, and the policy goes on "
        "from where it stands. Ours: anchored heads in the place of an epistemic network with prior functions (100 of "
        "them in a race as published, else the study's), DPO in the place of their reinforcement, as the study sets "
        "it; `prompts` ranked asks where the variance is largest."
    )
    cost: ClassVar[str] = (
        "A forward a response, once for all rounds; each round K heads are trained on the labels so far and K numbers "
        "a response are kept. Choosing sorts the pool."
    )
    aliases: ClassVar[tuple[str, ...]] = ("variance of the preference", "efficient exploration")
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "policy", "responses": 16},
        "regime": {"pool": "regenerated", "weights": "continue", "data": "new"},
        "signals": [{"name": "reward_ensemble", "members": "heads", "size": 100}],
    }

    prompts: Prompts = Field("drawn", description=PROMPTS)

    def recipe(self, view: PoolView) -> Recipe:
        """Sample variance of the chance that side a is preferred (no unit), the same for side b."""
        return one_a_prompt(view, variance(chance(gaps(view))), self.prompts)

    def terms(self, view: PoolView) -> Terms:
        """The answer's variance, and the part of it that every member by itself has: what is left is between them."""
        p = chance(gaps(view))
        share = p.shape[1] / (p.shape[1] - 1)
        mean = p.mean(axis=1)
        return Terms(
            (
                Term("variance of the answer", "p̄(1 − p̄)", mean * (1 - mean)),
                Term("its mean within a member", "mean pₖ(1 − pₖ)", (p * (1 - p)).mean(axis=1)),
            ),
            f"a = [p̄(1 − p̄) − mean pₖ(1 − pₖ)] · K/(K − 1), K = {p.shape[1]:,}",
            lambda whole, within: share * (whole - within),
        )
