"""BALD: pairs whose answer the members of an ensemble dispute, each sure of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import GumbelTopK, Recipe, Scores
from engine.selection.terms import Terms
from engine.strategies._ensemble import ENSEMBLE, disagreement, doubts, gaps
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Bald(Strategy):
    """Label pairs on which the members of a reward ensemble disagree most about the answer.

    The entropy of the ensemble's mean answer, less the mean entropy of its members' answers: what is left is doubt that
    labels can settle (epistemic), not doubt that they cannot. The k most disputed pairs of a pool are much alike, so
    the batch is drawn: a pair's chance grows with its score, and coldness says how fast.
    """

    name: ClassVar[str] = "bald"
    title: ClassVar[str] = "BALD"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = (
        "Houlsby et al. 2011, arXiv:1112.5745; stochastic batches: Kirsch et al. 2023, arXiv:2106.12059; on "
        "preference pairs: Melo et al. 2024, arXiv:2406.10023"
    )
    formula: ClassVar[str] = (
        r"a = H\Big[\tfrac1K \sum_k p_k\Big] - \tfrac1K \sum_k H[p_k],\quad "
        r"p_k = \sigma\big(z_k(x,y_1) - z_k(x,y_2)\big)"
    )
    open_points: ClassVar[str] = (
        "Read: the score; Kirsch et al. add Gumbel noise to β log a (power), β a (softmax) or −β log rank (softrank) "
        "and find power at β = 1 a good default; Melo et al. run all three with β = 8, annealed. Inferred: nothing is "
        "annealed here; a coldness for each round would be a parameter of the study. As published: 5 heads, 320 "
        "random labels and then 320 a round, anew on all of them, as Melo et al.; they train a reward, so DPO is the "
        "study's. Ours: the ensemble is the study's `reward_ensemble`, by default 20 heads on the reference's hidden "
        "states."
    )
    cost: ClassVar[str] = (
        "A forward a response, once for all rounds; each round K heads are trained on the labels so far and K numbers "
        "a response are kept. Choosing sorts the pool."
    )
    aliases: ClassVar[tuple[str, ...]] = ("PowerBALD", "SoftmaxBALD", "SoftRankBALD", "epistemic uncertainty")
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "reward_ensemble", "members": "heads", "size": 5}],
        "labels_per_round": 320,
        "label_share": None,
        "warm_up": True,
    }

    batch: Literal["power", "softmax", "softrank", "top_k"] = Field(
        "power", description="how the batch is drawn from the scores; top_k takes the highest"
    )
    coldness: float = Field(1.0, ge=0, le=1000, description="β: 0 draws uniformly, large takes the highest (no unit)")

    def recipe(self, view: PoolView) -> Recipe:
        """Mutual information of the answer and the member, in nats, 0 to ln 2."""
        scores = disagreement(gaps(view))
        return Scores(scores) if self.batch == "top_k" else GumbelTopK(scores, self.batch, self.coldness)

    def terms(self, view: PoolView) -> Terms:
        """The doubt there is, and the part of it that no label settles."""
        return Terms(doubts(gaps(view)), "a = H[p̄] − mean H[pₖ]", lambda one, two: np.maximum(one - two, 0.0))
