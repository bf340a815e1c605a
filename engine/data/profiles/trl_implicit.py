"""TRL's preference format with the prompt inside both conversations."""

from typing import Any, ClassVar, Literal

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Profile, reply


@PROFILES.register
class TrlImplicit(Profile):
    """TRL, implicit prompt, conversational."""

    name: ClassVar[str] = "trl_implicit"
    source: ClassVar[str] = "TRL documentation, dataset formats"
    reads_as: ClassVar[str] = "trl_implicit"
    trainer: ClassVar[Literal["", "dpo"]] = "dpo"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """{"chosen", "rejected"}, each the whole conversation."""
        both = {"chosen": pair.turns + reply(pair.chosen), "rejected": pair.turns + reply(pair.rejected)}
        return [both | pair.origin]
