"""The contract of a sampler: where candidate pairs come from."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from engine.data.pool import PreferenceData
from engine.records import Pair, Response
from engine.registry import Plugin, Registry

if TYPE_CHECKING:
    from engine.signals.base import Pass


@dataclass(frozen=True)
class Candidates:
    """Pairs of some prompts; `made` are new responses. Identical responses are dropped and counted."""

    pairs: tuple[Pair, ...]
    made: tuple[Response, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    tokens: int = 0


class Sampler(Plugin):
    """Where candidate pairs come from."""

    generates: ClassVar[bool] = False
    """True: responses are drawn, anew in every round when the pool is regenerated."""
    passes: ClassVar[float] = 1.0
    """What a drawn response costs here, in generations by the policy alone; 0 where another machine draws."""

    def stays(self) -> bool:
        """Whether every round finds the same candidates of a prompt; fresh draws are others each time."""
        return not self.generates

    def as_begun(self, data: PreferenceData, pairs: Sequence[Pair]) -> "Sampler":
        """Itself, or as it was when a round drew these pairs: a run goes on with the pool that it began with."""
        return self

    @abstractmethod
    def candidates(self, data: PreferenceData, prompt_ids: Sequence[str], on: "Pass | None") -> Candidates:
        """The candidate pairs of these prompts."""


SAMPLERS: Registry[Sampler] = Registry("sampler", "engine.samplers")
