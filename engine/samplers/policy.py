"""Fresh responses from the policy or the reference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from engine.data.pool import PreferenceData
from engine.errors import SelectionError
from engine.records import Response
from engine.samplers._drawn import Drawn, Unended, candidates_of
from engine.samplers.base import SAMPLERS, Candidates, Sampler
from engine.seeds import key_for

if TYPE_CHECKING:
    from engine.signals.base import Pass


@SAMPLERS.register
class OnPolicy(Sampler):
    """m fresh responses a prompt from the policy of the round, and all their pairs.

    With model "reference" they come from the SFT model, the adapter off: fresh responses that no label has touched.
    While the policy equals its reference both draw the same.
    """

    name: ClassVar[str] = "policy"
    title: ClassVar[str] = "fresh responses from the policy"
    source: ClassVar[str] = "Lin et al. 2025 (m = 3); Muldrew et al. 2024 (m = 2, T = 0.7; offline: the SFT model's)"
    generates: ClassVar[bool] = True

    model: Literal["policy", "reference"] = Field(
        "policy", description="who answers: the policy of the round, or the SFT model it started from"
    )
    once: bool = Field(
        False, description="the SFT model's responses are drawn once: the same ones in every round, not fresh ones"
    )
    responses: int = Field(3, ge=2, le=64, description="m: responses drawn for each prompt")
    temperature: float = Field(1.0, gt=0, le=5, description="of the draws (no unit)")
    top_p: float = Field(1.0, gt=0, le=1, description="draws come from the likeliest tokens that hold this share")
    max_new_tokens: int = Field(64, ge=1, description="longest response")
    unended: Unended = Field(
        "drop", description="what becomes of a draw that reaches max_new_tokens; what is left out is counted"
    )

    @model_validator(mode="after")
    def _of_one_that_stays(self) -> "OnPolicy":
        if self.once and self.model == "policy":
            raise ValueError("once is for model 'reference': the policy of a later round is another")
        return self

    def spec(self) -> dict[str, Any]:
        """As every plugin's; that responses are fresh goes without saying, as before there was a choice."""
        return {name: value for name, value in super().spec().items() if (name, value) != ("once", False)}

    def stays(self) -> bool:
        """Only what the SFT model drew once."""
        return self.once

    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """Draws keyed by (seed, round, prompt, number), the round left out where they are drawn once.

        Identical, empty and unended ones are dropped and counted.
        """
        from engine.models.generate import generate

        if on is None:
            raise SelectionError(
                "Fresh responses need a policy.", "Take sampler 'given' or 'all_pairs' without a model."
            )
        slots = [(prompt_id, number) for prompt_id in prompt_ids for number in range(self.responses)]
        when = None if self.once else on.round
        draws = generate(
            on.policy,
            [data.prompts[prompt_id] for prompt_id, _ in slots],
            keys=[key_for(on.seed, when, "sample", f"{prompt_id}:{number}") for prompt_id, number in slots],
            temperature=self.temperature,
            top_p=self.top_p,
            max_new_tokens=self.max_new_tokens,
            reference=self.model == "reference",
            cache=on.cache,
        )
        who = f"policy, round {on.round - 1}" if self.model == "policy" else "SFT model"
        said = f"{who}, T {self.temperature:g}"
        return candidates_of(
            (
                Drawn(Response.of(prompt_id, draw.text, said), draw.ended)
                for (prompt_id, _), draw in zip(slots, draws, strict=True)
            ),
            self.unended,
            data,
            on,
        )
