"""All pairs of the given responses."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from engine.data.pool import PreferenceData
from engine.records import Pair
from engine.samplers.base import SAMPLERS, Candidates, Sampler

if TYPE_CHECKING:
    from engine.signals.base import Pass


@SAMPLERS.register
class AllPairs(Sampler):
    """Every two responses of a prompt make a pair: m responses give m (m − 1) / 2."""

    name: ClassVar[str] = "all_pairs"
    title: ClassVar[str] = "all pairs of the given responses"
    source: ClassVar[str] = "the data file"

    max_responses: int | None = Field(
        None, ge=2, description="take only so many responses of a prompt, by their hashes"
    )

    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """All pairs. Of more than `max_responses` responses those with the smallest ids are taken: in a file the chosen
        one often stands first. The others are counted as cut."""
        wanted = set(prompt_ids)
        by_prompt = data.responses_of()
        pairs, cut = [], 0
        for prompt_id in data.prompts:
            if prompt_id not in wanted:
                continue
            if on is not None:
                on.check()
            responses = by_prompt[prompt_id]
            if self.max_responses is not None and len(responses) > self.max_responses:
                cut += len(responses) - self.max_responses
                kept = set(sorted(responses)[: self.max_responses])  # ids are hashes of prompt and text
                responses = [response for response in responses if response in kept]
            pairs += [Pair.of(prompt_id, one, other) for one, other in combinations(responses, 2)]
        return Candidates(tuple(pairs), dropped={"responses beyond max_responses": cut} if cut else {})
