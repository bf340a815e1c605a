"""The hosted trainers' format for DPO: OpenAI, Together, Fireworks."""

from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Container, Profile, reply


@PROFILES.register
class OpenAI(Profile):
    """OpenAI, Together, Fireworks: input, preferred_output, non_preferred_output."""

    name: ClassVar[str] = "openai"
    source: ClassVar[str] = "OpenAI, direct preference optimization; Together, preference tuning; Fireworks, DPO"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl",)
    reads_as: ClassVar[str] = "openai"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """Nothing but what they name: columns they do not know are refused. Where it comes from is in the sidecar."""
        return [
            {
                "input": {"messages": pair.turns},
                "preferred_output": reply(pair.chosen),
                "non_preferred_output": reply(pair.rejected),
            }
        ]
