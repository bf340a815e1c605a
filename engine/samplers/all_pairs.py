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

    def as_begun(self, data: PreferenceData, pairs: Sequence[Pair]) -> Sampler:
        """Runs from before the cut went by hashes took the first responses of the file, and go on so."""
        if self.max_responses is None or not pairs:
            return self
        by_prompt = data.responses_of()
        kept = {prompt_id: set(self._kept(by_prompt.get(prompt_id, []))) for prompt_id in {p.prompt_id for p in pairs}}
        if all({pair.a, pair.b} <= kept[pair.prompt_id] for pair in pairs):
            return self
        return _FirstOfTheFile(max_responses=self.max_responses)

    def _kept(self, responses: list[str]) -> list[str]:
        """The `max_responses` smallest ids, which are hashes of prompt and text, in the order given."""
        kept = set(sorted(responses)[: self.max_responses])
        return [response for response in responses if response in kept]

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
                responses = self._kept(responses)
            pairs += [Pair.of(prompt_id, one, other) for one, other in combinations(responses, 2)]
        return Candidates(tuple(pairs), dropped={"responses beyond max_responses": cut} if cut else {})


class _FirstOfTheFile(AllPairs):
    """The cut as it once was; only runs that began so have it."""

    def _kept(self, responses: list[str]) -> list[str]:
        return responses[: self.max_responses]
