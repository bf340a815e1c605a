"""The gradient of a response's implicit reward."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals._scores import policy_reads
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts

if TYPE_CHECKING:
    from engine.models.policy import Policy


@SIGNALS.register
class RewardGradient(Signal):
    """Gradient of a response's summed log-probability with respect to the adapter, projected at random.

    It points where DPO on this response would move the policy. β is left out: it scales every gradient alike and
    cancels in unit length. In a fresh adapter (B = 0) only the gradient of B is not zero. Inner products are kept in
    the mean; their standard deviation is about √((1 + cos²)/d) for unit vectors.
    """

    name: ClassVar[str] = "reward_gradient"
    title: ClassVar[str] = "implicit-reward gradient"
    source: ClassVar[str] = "Lin et al. 2025, arXiv:2505.19241; projection as Park et al. 2023 (TRAK), arXiv:2303.14186"
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = "nats per unit of weight"
    vector: ClassVar[bool] = True

    model: Literal["policy"] = "policy"
    dimension: int | None = Field(512, ge=1, le=65536, description="d: numbers kept a response; none keeps all (exact)")
    projection_seed: int = Field(0, ge=0, description="seed of the random signs, the same in every run of a study")

    def width(self, policy: "Policy") -> int:
        """d, or all weights of the adapter."""
        from engine.models.adapters import adapter_weights

        return self.dimension or adapter_weights(policy.model)

    @property
    def reads(self) -> Reads:
        """Gradients."""
        return Reads("gradients", dimension=self.dimension, seed=self.projection_seed)

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Gradients (n, d) float32, of s_θ in nats by LoRA weight."""
        return policy_reads(texts, on, self.reads)

    def made_on(self) -> str:
        """In words."""
        kept = "not projected" if self.dimension is None else f"projected to {self.dimension}"
        return f"policy, LoRA weights, summed over response tokens, {kept}"
