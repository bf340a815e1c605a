"""The gradient of a pair's implicit reward difference."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals._scores import policy_reads
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts

if TYPE_CHECKING:
    from engine.models.policy import Policy


@SIGNALS.register
class GradientDifference(Signal):
    """Gradient of the difference of both responses' log-probabilities with respect to the adapter, projected at random.

    What a label of the pair moves the policy along, whichever side it prefers. The same as the difference of the two
    reward gradients; where each response is in one pair it comes from one backward pass that reads the prompt once for
    both. What needs the two apart, as ActiveDPO with unit length for each response, reads `reward_gradient` instead.
    """

    name: ClassVar[str] = "gradient_difference"
    title: ClassVar[str] = "gradient of the reward difference"
    source: ClassVar[str] = "Lin et al. 2025, arXiv:2505.19241; projection as Park et al. 2023 (TRAK), arXiv:2303.14186"
    axis: ClassVar[Axis] = "pair"
    unit: ClassVar[str] = "nats per unit of weight"
    vector: ClassVar[bool] = True
    signed: ClassVar[bool] = True
    like: ClassVar[str] = "reward_gradient"

    model: Literal["policy"] = "policy"
    dimension: int | None = Field(512, ge=1, le=65536, description="d: numbers kept a pair; none keeps all (exact)")
    projection_seed: int = Field(0, ge=0, description="seed of the random signs, the same in every run of a study")

    def width(self, policy: "Policy") -> int:
        """d, or all weights of the adapter."""
        from engine.models.adapters import adapter_weights

        return self.dimension or adapter_weights(policy.model)

    @property
    def reads(self) -> Reads:
        """Differences of gradients."""
        return Reads("differences", dimension=self.dimension, seed=self.projection_seed)

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """∇ s_θ(a) − ∇ s_θ(b) of each pair, (n, d) float32, in nats by LoRA weight."""
        return policy_reads(texts, on, self.reads)

    def made_on(self) -> str:
        """In words."""
        kept = "not projected" if self.dimension is None else f"projected to {self.dimension}"
        return f"policy, LoRA weights, side a minus side b, summed over response tokens, {kept}"
