"""The policy's entropy at a prompt."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.seeds import key_for
from engine.signals.base import SIGNALS, Pass, Signal, Texts


@SIGNALS.register
class PromptEntropy(Signal):
    """Predictive entropy of a prompt: how many ways the policy would answer it.

    Monte Carlo over N samples at temperature 1: −(1/N) Σ log π_θ(y_n | x), the log-probs summed over tokens. A sample
    that reaches `max_new_tokens` counts with the tokens it has, so a small limit gives too small an entropy.
    """

    name: ClassVar[str] = "prompt_entropy"
    title: ClassVar[str] = "predictive entropy of the prompt"
    source: ClassVar[str] = "Muldrew et al. 2024, arXiv:2402.08114 (N = 32 in their code)"
    axis: ClassVar[Axis] = "prompt"
    unit: ClassVar[str] = "nats"

    model: Literal["policy"] = "policy"
    samples: int = Field(8, ge=1, le=1024, description="N: responses drawn for each prompt")
    max_new_tokens: int = Field(64, ge=1, le=8192, description="longest draw, in tokens")

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Entropies (n,) float32 in nats a response. Draws are keyed by (seed, round, prompt, number of the draw)."""
        from engine.models.generate import generate

        slots = [(prompt, number) for prompt in texts.prompts for number in range(self.samples)]
        draws = generate(
            on.policy,
            [prompt for prompt, _ in slots],
            keys=[key_for(on.seed, on.round, self.name, f"{prompt.id}:{number}") for prompt, number in slots],
            max_new_tokens=self.max_new_tokens,
        )
        logps = np.array([draw.logp for draw in draws], dtype=np.float64).reshape(-1, self.samples)
        array: np.ndarray = (-logps.mean(axis=1)).astype(np.float32)
        return array

    def made_on(self) -> str:
        """In words."""
        return f"policy, {self.samples} draws at T = 1 of up to {self.max_new_tokens} tokens"
