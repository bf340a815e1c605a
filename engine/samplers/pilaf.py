"""PILAF: half the pairs lean to either side of the policy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from engine.data.pool import PreferenceData
from engine.errors import SelectionError
from engine.records import Response
from engine.samplers._drawn import Drawn, Unended, candidates_of
from engine.samplers.base import SAMPLERS, Candidates, Sampler
from engine.seeds import key_for, uniforms

if TYPE_CHECKING:
    from engine.signals.base import Pass


@SAMPLERS.register
class Pilaf(Sampler):
    """One fresh pair a prompt: with probability ½ both from the policy, with ½ one from π⁺ and one from π⁻.

    π⁺ goes on from the reference to the policy and β beyond it, π⁻ stays β behind: π± ∝ π_θ (π_θ / π_ref)^±β. Drawn
    token by token, from the logits (1 ± β) h_θ ∓ β h_ref, which is that distribution of each next token. A pair of the
    two differs where the policy has moved. While the policy equals its reference this is the plain sampler with m = 2.

    Read: the two halves, π⁺ against π⁻, and 3 passes a pair where plain sampling takes 2. Second hand: the logits.
    Ours: β is the study's unless named; temperature and top-p apply to the leaning logits.
    """

    name: ClassVar[str] = "pilaf"
    title: ClassVar[str] = "PILAF"
    source: ClassVar[str] = "Feng et al. 2025, arXiv:2502.04270"
    generates: ClassVar[bool] = True
    passes: ClassVar[float] = 1.5
    responses: ClassVar[int] = 2

    beta: float | None = Field(None, gt=0, le=10, description="β: how far the two lean (no unit); default: dpo.beta")
    temperature: float = Field(1.0, gt=0, le=5, description="of the draws (no unit)")
    top_p: float = Field(1.0, gt=0, le=1, description="draws come from the likeliest tokens that hold this share")
    max_new_tokens: int = Field(64, ge=1, description="longest response")
    unended: Unended = Field(
        "drop", description="what becomes of a draw that reaches max_new_tokens; what is left out is counted"
    )

    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """The coin is keyed by (seed, round, prompt), draws as those of 'policy'. What is left out is counted."""
        from engine.models.generate import Draw, generate

        if on is None:
            raise SelectionError("PILAF draws from the policy and needs one.", "Take sampler 'given' or 'all_pairs'.")
        beta = on.beta if self.beta is None else self.beta
        coin = dict(zip(prompt_ids, uniforms(on.seed, on.round, "pilaf", prompt_ids), strict=True))
        slots = [(prompt_id, number) for prompt_id in prompt_ids for number in (0, 1)]
        plain = [slot for slot in slots if coin[slot[0]] < 0.5 or on.policy.equals_reference]
        leaning = sorted(set(slots) - set(plain))

        def drawn(some: Sequence[tuple[str, int]], lean: list[float] | None) -> list[Draw]:
            return generate(
                on.policy,
                [data.prompts[prompt_id] for prompt_id, _ in some],
                keys=[key_for(on.seed, on.round, "sample", f"{prompt_id}:{number}") for prompt_id, number in some],
                temperature=self.temperature,
                top_p=self.top_p,
                max_new_tokens=self.max_new_tokens,
                cache=on.cache,
                lean=lean,
            )

        found = dict(zip(plain, drawn(plain, None), strict=True))
        found |= dict(zip(leaning, drawn(leaning, [-beta if n else beta for _, n in leaning]), strict=True))
        said = {slot: "π_θ" for slot in plain} | {slot: "π⁻" if slot[1] else "π⁺" for slot in leaning}
        rest = f"policy, round {on.round - 1}, T {self.temperature:g}"
        return candidates_of(
            (
                Drawn(Response.of(slot[0], found[slot].text, f"{said[slot]} of the {rest}"), found[slot].ended)
                for slot in slots
            ),
            self.unended,
            data,
            on,
        )
