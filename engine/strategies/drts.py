"""DRTS: a response that may be the best of its prompt against one that may be the worst."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.seeds import uniforms
from engine.selection.recipes import Recipe
from engine.selection.terms import Term, Terms
from engine.strategies._ensemble import ENSEMBLE, PROMPTS, Duel, Prompts, duels, one_a_prompt, variance
from engine.strategies.base import STRATEGIES, Strategy

TRIES = 30
"""How often the second response is drawn anew while it is the first."""


@STRATEGIES.register
class Drts(Strategy):
    """Label one pair of each prompt: the best response of one draw of the rewards against the worst of another.

    Double reverse Thompson sampling. Each response's reward is drawn uniformly between its bounds; the first response
    has the highest draw, the second, with draws of its own, the lowest. So expected gaps are wide, and what is
    uncertain is tried on either end.
    """

    name: ClassVar[str] = "drts"
    title: ClassVar[str] = "DRTS"
    needs: ClassVar[frozenset[str]] = frozenset({ENSEMBLE})
    source: ClassVar[str] = "Melikidze et al. 2026, arXiv:2603.09692"
    formula: ClassVar[str] = (
        r"y_1 = \arg\max_y (\bar z_y + \beta \zeta_y s_y),\; y_2 = \arg\min_y (\bar z_y - \beta \zeta'_y s_y),\; "
        r"\zeta, \zeta' \sim \mathcal U(-1, 1)"
    )
    open_points: ClassVar[str] = (
        "Read (code): β = 1, a ζ of its own for each response and each of the two, up to 30 new draws of ζ' while "
        "both are the same, then a random response; every prompt of a batch; a later version asks about the prompts "
        "of the widest drawn range (`prompts` ranked, here by the gap of the pair that was drawn). Read (their reward "
        "models): 20 heads of two layers of 128, 5e-5, 100 steps, the mean and the sample standard deviation over "
        "them; 64 prompts a batch, of 30 models' responses each, which the file must bring; β = 0.1, 2e-5, 3 epochs. "
        "Their anchor fades (0.9), ours does not. Inferred: a second response must make a pair of the pool with the "
        "first. Ours: draws are keyed by seed, round and response; heads on the reference's hidden states."
    )
    cost: ClassVar[str] = (
        "A forward a response, once for all rounds; each round K heads are trained on the labels so far and K numbers "
        "a response are kept. Choosing draws some numbers for each response."
    )
    aliases: ClassVar[tuple[str, ...]] = ("double reverse Thompson sampling",)
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
        """1 and, in reward units, by how much a drawn pair's gap is above the narrowest; 0 for pairs not drawn."""
        asked, gaps = self._asked(view)
        return one_a_prompt(view, asked * (1.0 + gaps - _narrowest(asked, gaps)), self.prompts)

    def terms(self, view: PoolView) -> Terms:
        """Whether the pair was drawn, and its gap by the two draws beside the narrowest of them."""
        asked, gaps = self._asked(view)
        least = np.full(len(view), _narrowest(asked, gaps))
        return Terms(
            (
                Term("best by one draw, worst by another", "drawn", asked),
                Term("gap by the two draws", "g", gaps, "reward units"),
                Term("the narrowest gap drawn", "min g", least, "reward units"),
            ),
            "a = drawn · (1 + g − min g)",
            lambda drawn, gap, low: drawn * (1.0 + gap - low),
        )

    def _asked(self, view: PoolView) -> tuple[np.ndarray, np.ndarray]:
        """1 for each prompt's drawn pair, else 0, and the gap of that pair by its two draws, else 0, each (n,)."""
        asked, gaps = np.zeros(len(view)), np.zeros(len(view))
        for duel in duels(view):
            row, gap = self._drawn(view, duel)
            asked[row], gaps[row] = 1.0, gap
        return asked, gaps

    def _drawn(self, view: PoolView, duel: Duel) -> tuple[int, float]:
        """The row of the drawn pair, and its gap by the two draws."""
        mean, reach = duel.rewards.mean(axis=1), self.beta * np.sqrt(variance(duel.rewards))

        def draw(which: str) -> np.ndarray:
            array: np.ndarray = mean + reach * (
                2 * uniforms(view.seed, view.round, f"drts {which}", duel.responses) - 1
            )
            return array

        high = draw("first")
        first = int(high.argmax())
        for attempt in range(TRIES):
            low = draw(f"second {attempt}")
            second = int(low.argmin())
            row = duel.between(duel.responses[first], duel.responses[second]) if first != second else None
            if row is not None:
                return row, float(high[first] - low[second])
        partners = duel.partners(duel.responses[first])
        chosen = partners[int(uniforms(view.seed, view.round, "drts any", partners).argmax())]
        row = duel.between(duel.responses[first], chosen)
        assert row is not None  # noqa: S101 - a partner has a pair
        return row, float(high[first] - low[duel.responses.index(chosen)])


def _narrowest(asked: np.ndarray, gaps: np.ndarray) -> float:
    """The smallest gap of a drawn pair; 0 where none is finite."""
    drawn = gaps[(asked > 0) & np.isfinite(gaps)]
    return float(drawn.min()) if len(drawn) else 0.0
