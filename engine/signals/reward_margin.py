"""The implicit reward's margin of a pair."""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals._scores import policy_scores
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts


@SIGNALS.register
class RewardMargin(Signal):
    """Implicit reward of side a minus that of side b: β times the difference of their log-ratios to the reference.

    r̂(x, y) = β (log π_θ(y|x) − log π_ref(y|x)), summed over the response's tokens, or by `over` their mean. While the
    policy equals its reference every margin is exactly 0 and no pass is made.
    """

    name: ClassVar[str] = "reward_margin"
    title: ClassVar[str] = "implicit-reward margin"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv:2305.18290, eq. 5; Muldrew et al. 2024, arXiv:2402.08114"
    axis: ClassVar[Axis] = "pair"
    unit: ClassVar[str] = "reward units"
    signed: ClassVar[bool] = True

    model: Literal["policy"] = "policy"
    over: Literal["sum", "mean"] = Field(
        "sum",
        description="log-ratios summed over a response's tokens (every paper here, and DPO), or their mean: a long "
        "response weighs no more than a short one then",
    )

    def spec(self) -> dict[str, Any]:
        """As every plugin's; the sum goes without saying, as before there was a choice."""
        return {name: value for name, value in super().spec().items() if (name, value) != ("over", "sum")}

    @property
    def reads(self) -> Reads:
        """Log-probs and entropies."""
        return Reads("scores")

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Margins (n,) float32 in reward units; positive: side a has the higher implicit reward."""
        if on.policy.equals_reference:
            return np.zeros(len(texts.pairs), dtype=np.float32)
        scores = policy_scores(texts, on)
        count = scores.tokens if self.over == "mean" else np.ones(len(texts.responses))
        ratio = {
            response.id: (float(logp) - on.reference_logps[response.id]) / n
            for response, logp, n in zip(texts.responses, scores.logp, count, strict=True)
        }
        return np.array([on.beta * (ratio[p.a] - ratio[p.b]) for p in texts.pairs], dtype=np.float32)

    def made_on(self) -> str:
        """In words."""
        return f"policy against reference, {'summed' if self.over == 'sum' else 'mean'} over response tokens"
