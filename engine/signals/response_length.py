"""How long a response is."""

from typing import ClassVar, Literal

import numpy as np

from engine.records import Axis
from engine.signals._scores import encoded_responses
from engine.signals.base import SIGNALS, Pass, Signal, Texts


@SIGNALS.register
class ResponseLength(Signal):
    """Tokens of a response by the policy's tokenizer, the one that ends it included.

    What summed log-probabilities and gradients run over, and so what they may stand for by accident. No model pass.
    """

    name: ClassVar[str] = "response_length"
    title: ClassVar[str] = "response length"
    source: ClassVar[str] = "counted"
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = "tokens"

    model: ClassVar[Literal["other"]] = "other"  # type: ignore[misc]

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Lengths (n,) float32 in tokens."""
        return np.array([len(text.response_ids) for text in encoded_responses(texts, on)], dtype=np.float32)

    def made_on(self) -> str:
        """In words."""
        return "the policy's tokenizer, end token included"
