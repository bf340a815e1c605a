"""Fresh responses from a server that speaks the OpenAI protocol."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from engine.asking import Asking
from engine.data.pool import PreferenceData
from engine.errors import SelectionError
from engine.keys import address, variable, without_keys
from engine.protocol import Asked, key_of_answer
from engine.records import Response
from engine.samplers._drawn import Drawn, Unended, candidates_of
from engine.samplers.base import SAMPLERS, Candidates, Sampler
from engine.seeds import key_for

if TYPE_CHECKING:
    from engine.signals.base import Pass


@SAMPLERS.register
class Server(Sampler):
    """m fresh responses a prompt from a server that speaks the OpenAI protocol, and all their pairs.

    vLLM, SGLang and `transformers serve` do. What it has answered is kept by prompt and number of the draw, so that a
    stop asks nothing twice. A request that fails in passing (busy, out of time, garbage) is made again, later and
    later; any other failure stops the run with what the server said. It needs the package openai (extra "server").
    """

    name: ClassVar[str] = "server"
    title: ClassVar[str] = "fresh responses from a server"
    source: ClassVar[str] = "OpenAI's chat completions, as vLLM, SGLang and transformers serve them"
    generates: ClassVar[bool] = True
    passes: ClassVar[float] = 0.0

    url: str = Field("http://localhost:8000/v1", description="address of the server, up to /v1")
    model: str = Field("", description="name of the model there; empty: the only one that the server lists")
    key_variable: str = Field(
        "",
        description="environment variable of the worker, or Streamlit secret, that holds the API key; the key itself "
        "is kept nowhere",
    )
    responses: int = Field(3, ge=2, le=64, description="m: responses drawn for each prompt")
    temperature: float = Field(1.0, ge=0, le=5, description="of the draws (no unit)")
    top_p: float = Field(1.0, gt=0, le=1, description="draws come from the likeliest tokens that hold this share")
    max_new_tokens: int = Field(64, ge=1, description="longest response")
    unended: Unended = Field(
        "drop", description="what becomes of a draw that reaches max_new_tokens; what is left out is counted"
    )
    seeded: bool = Field(True, description="send a seed with each request; no, for a server that refuses it")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="further fields of each request, as this server takes them (top_k: 50)"
    )
    at_once: int = Field(8, ge=1, le=256, description="requests on their way at the same time")
    timeout_s: float = Field(120.0, gt=0, description="longest wait for an answer, in seconds")
    attempts: int = Field(6, ge=1, le=20, description="times that a request is made in all before the run fails")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return address(value)

    @field_validator("key_variable")
    @classmethod
    def _named(cls, value: str) -> str:
        return variable(value)

    @field_validator("extra")
    @classmethod
    def _no_key(cls, value: dict[str, Any]) -> dict[str, Any]:
        return dict(without_keys(value))

    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """Draws named by (seed, round, prompt, number), each asked for once. What is left out is counted.

        A response that the policy cannot take (longer than its context, say) is left out as well. ModelError if the
        server cannot be used.
        """
        if on is None:
            raise SelectionError(
                "A server draws in the rounds of a policy and needs one.", "Take sampler 'given' or 'all_pairs'."
            )
        slots = [(prompt_id, number) for prompt_id in prompt_ids for number in range(self.responses)]
        if not slots:
            return Candidates(())
        seeds = [key_for(on.seed, on.round, "sample", f"{prompt_id}:{number}") for prompt_id, number in slots]
        texts = {i: [{"role": m.role, "content": m.content} for m in data.prompts[i].messages] for i in prompt_ids}
        asking = Asking.of(self, on.check, "sampler")
        model = asking.named()
        wanted = [
            Asked(self._key(model, texts[prompt_id], seed), self._request(texts[prompt_id], seed))
            for (prompt_id, _), seed in zip(slots, seeds, strict=True)
        ]
        said = f"{model}, T {self.temperature:g}"
        found = [
            Drawn(Response.of(prompt_id, answer.text, said), answer.ended)
            for (prompt_id, _), answer in zip(slots, asking.all(wanted, on.cache), strict=True)
        ]
        return candidates_of(found, self.unended, data, on)

    def _key(self, model: str, messages: list[dict[str, str]], seed: int) -> str:
        """What decides an answer; how often and how fast it is asked for does not."""
        without = {"responses", "unended", "at_once", "timeout_s", "attempts", "key_variable"}
        how = {**self.model_dump(mode="json", exclude=without), "model": model}
        return key_of_answer({"what": "server's answer", **how}, repr(messages), str(seed))

    def _request(self, messages: list[dict[str, str]], seed: int) -> dict[str, Any]:
        return {
            "messages": messages,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_new_tokens,
            **({"seed": seed % 2**31} if self.seeded else {}),
            "extra_body": self.extra,
        }
