"""TRL's preference format with a prompt of its own: the form that leaves nothing to guess."""

from typing import Any, ClassVar, Literal

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Profile, reply


@PROFILES.register
class Trl(Profile):
    """TRL, explicit prompt, conversational."""

    name: ClassVar[str] = "trl"
    source: ClassVar[str] = "TRL documentation, dataset formats"
    reads_as: ClassVar[str] = "trl_explicit"
    trainer: ClassVar[Literal["", "dpo"]] = "dpo"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """{"prompt", "chosen", "rejected"}, each a list of messages."""
        texts = {"prompt": pair.turns, "chosen": reply(pair.chosen), "rejected": reply(pair.rejected)}
        return [texts | pair.origin]
