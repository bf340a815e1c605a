"""Where a prompt lies in embedding space."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals.base import SIGNALS, Pass, Signal, Texts


@SIGNALS.register
class PromptEmbedding(Signal):
    """An embedding of each prompt: the model's hidden state behind its last token, where it is about to answer.

    The prompt is read through the chat template, up to where the assistant speaks; no response is read.
    """

    name: ClassVar[str] = "prompt_embedding"
    title: ClassVar[str] = "prompt embedding"
    source: ClassVar[str] = "Melo et al. 2024, arXiv:2406.10023; Chen et al. 2024, arXiv:2407.02119"
    axis: ClassVar[Axis] = "prompt"
    unit: ClassVar[str] = ""
    vector: ClassVar[bool] = True

    model: Literal["policy", "reference"] = Field("reference", description="whose hidden states")
    layer: int = Field(-1, description="hidden layer: 0 is the token embedding, -1 the last")
    pooling: Literal["last", "mean"] = Field("last", description="the last token's state, or the mean over all tokens")

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Embeddings (n, d) float32."""
        from engine.models.embed import embed_responses
        from engine.models.tokens import Encoded, encode_prompt

        # What stands for the response is the prompt itself; the end token behind it is not read.
        read = [Encoded((), (*encode_prompt(on.policy, prompt), on.policy.end_id)) for prompt in texts.prompts]
        return embed_responses(
            on.policy,
            read,
            reference=self.model == "reference",
            layer=self.layer,
            text="prompt_and_response",
            pooling=self.pooling,
        )

    def made_on(self) -> str:
        """In words."""
        layer = "last layer" if self.layer == -1 else f"layer {self.layer}"
        return f"{self.model}, {layer}, {'last token' if self.pooling == 'last' else 'mean over tokens'} of the prompt"
