"""The pairs the data file gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from engine.data.pool import PreferenceData
from engine.samplers.base import SAMPLERS, Candidates, Sampler

if TYPE_CHECKING:
    from engine.signals.base import Pass


@SAMPLERS.register
class Given(Sampler):
    """The pairs of the data file, as they stand there."""

    name: ClassVar[str] = "given"
    title: ClassVar[str] = "given pairs"
    source: ClassVar[str] = "the data file"

    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """Every pair of these prompts that the file names."""
        wanted = set(prompt_ids)
        return Candidates(tuple(pair for pair in data.pairs.values() if pair.prompt_id in wanted))
