"""The feature of a linear reward: where the model stands when it has read prompt and response."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals._scores import encoded_responses, policy_reads
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts


@SIGNALS.register
class HiddenState(Signal):
    """The last layer's hidden state at the last token of a response that stands behind its prompt.

    A reward linear in it is what APO, ADPO and ARM-FI design for. By default of the SFT model (the reference), so that
    it is computed once and does not move under the design.
    """

    name: ClassVar[str] = "hidden_state"
    title: ClassVar[str] = "hidden state"
    source: ClassVar[str] = "Das et al. 2024, arXiv:2402.10500; Kveton et al. 2025, arXiv:2503.01076"
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = ""
    vector: ClassVar[bool] = True

    model: Literal["policy", "reference"] = Field("reference", description="whose hidden state")
    layer: int = Field(-1, description="hidden layer: 0 is the token embedding, -1 the last")
    pooling: Literal["last", "mean"] = Field(
        "last", description="the state of the response's last token, or the mean over its tokens"
    )

    @property
    def reads(self) -> Reads | None:
        """The policy's last states behind the prompt, if it is these."""
        mine = self.model == "policy" and self.layer == -1
        return Reads("hidden", self.pooling) if mine else None

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Hidden states (n, d) float32."""
        from engine.models.embed import embed_responses

        if self.reads is not None:
            return policy_reads(texts, on, self.reads)
        return embed_responses(
            on.policy,
            encoded_responses(texts, on),
            reference=self.model == "reference",
            layer=self.layer,
            text="prompt_and_response",
            pooling=self.pooling,
        )

    def made_on(self) -> str:
        """In words."""
        layer = "last layer" if self.layer == -1 else f"layer {self.layer}"
        pooled = "last response token" if self.pooling == "last" else "mean over response tokens"
        return f"{self.model}, {layer}, {pooled}, prompt and response"
