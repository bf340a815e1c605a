"""Where a response lies in embedding space."""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.records import Axis
from engine.signals._scores import encoded_responses, policy_reads
from engine.signals.base import SIGNALS, Pass, Reads, Signal, Texts


@SIGNALS.register
class Embedding(Signal):
    """An embedding of each response: the mean over its tokens of a hidden state of the model.

    By default REAL's: the base model (the reference), the last layer, the response without its prompt. With model
    "other" a sentence encoder reads the response's text instead, and pools as it was trained to.
    """

    name: ClassVar[str] = "embedding"
    title: ClassVar[str] = "embedding"
    source: ClassVar[str] = "Zhang et al. 2024, arXiv:2409.17169; Reimers & Gurevych 2019, arXiv:1908.10084"
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = ""
    vector: ClassVar[bool] = True

    model: Literal["policy", "reference", "other"] = Field(
        "reference", description="whose hidden states; 'other' is a sentence encoder"
    )
    layer: int = Field(-1, description="hidden layer: 0 is the token embedding, -1 the last")
    text: Literal["response", "prompt_and_response"] = Field("response", description="what the model reads")
    pooling: Literal["mean", "last"] = Field(
        "mean", description="the mean over the response's tokens, or the state of the last one"
    )
    encoder: str | None = Field(
        None, description="sentence-transformers folder for 'other'; default: the MiniLM shipped"
    )

    def spec(self) -> dict[str, Any]:
        """As every plugin's; the mean goes without saying, so that what was saved before there was a choice holds."""
        found = super().spec()
        return {name: value for name, value in found.items() if (name, value) != ("pooling", "mean")}

    @property
    def reads(self) -> Reads | None:
        """The policy's last states behind the prompt, if it is these."""
        mine = self.model == "policy" and self.layer == -1 and self.text == "prompt_and_response"
        return Reads("hidden", self.pooling) if mine else None

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Embeddings (n, d) float32."""
        from engine.models.embed import embed_responses, embed_sentences

        if self.model == "other":
            read = self._read(texts)
            return embed_sentences([read[response.id] for response in texts.responses], self.encoder, check=on.check)
        if self.reads is not None:
            return policy_reads(texts, on, self.reads)
        return embed_responses(
            on.policy,
            encoded_responses(texts, on),
            reference=self.model == "reference",
            layer=self.layer,
            text=self.text,
            pooling=self.pooling,
        )

    def _read(self, texts: Texts) -> dict[str, str]:
        """Response id → the text a sentence encoder reads."""
        if self.text == "response":
            return {response.id: response.text for response in texts.responses}
        prompts = {prompt.id: "\n".join(message.content for message in prompt.messages) for prompt in texts.prompts}
        return {response.id: f"{prompts[response.prompt_id]}\n{response.text}" for response in texts.responses}

    def made_on(self) -> str:
        """In words."""
        read = "response without prompt" if self.text == "response" else "prompt and response"
        if self.model == "other":
            return f"sentence encoder {self.encoder or 'all-MiniLM-L6-v2'}, {read}"
        layer = "last layer" if self.layer == -1 else f"layer {self.layer}"
        pooled = "mean over response tokens" if self.pooling == "mean" else "last response token"
        return f"{self.model}, {layer}, {pooled}, {read}"
