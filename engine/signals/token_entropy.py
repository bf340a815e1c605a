"""The policy's entropy along a response."""

from typing import ClassVar, Literal

import numpy as np

from engine.records import Axis
from engine.signals._scores import policy_scores
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts


@SIGNALS.register
class TokenEntropy(Signal):
    """Mean entropy of the next token along a given response: exact, over the full vocabulary.

    How undecided the policy is while it reads this response. Not the entropy of the prompt, which is about the
    responses the policy would write itself.
    """

    name: ClassVar[str] = "token_entropy"
    title: ClassVar[str] = "token entropy"
    source: ClassVar[str] = "Shannon 1948; along a response as in Settles & Craven 2008 (token entropy)"
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = "nats per token"

    model: Literal["policy"] = "policy"

    @property
    def reads(self) -> Reads:
        """Log-probs and entropies."""
        return Reads("scores")

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Mean entropies (n,) float32 in nats a token, the position of the end token included."""
        return policy_scores(texts, on).entropy.astype(np.float32)

    def made_on(self) -> str:
        """In words."""
        return "policy, full vocabulary, mean over response tokens"
