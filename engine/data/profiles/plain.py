"""Plain texts in three columns: for trainers that put their own template around them, and for spreadsheets."""

from typing import Any, ClassVar, Literal

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Container, Profile
from engine.errors import DataError


@PROFILES.register
class Plain(Profile):
    """Prompt, chosen, rejected as plain texts (one turn)."""

    name: ClassVar[str] = "plain"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl", "parquet", "datasets", "csv")
    reads_as: ClassVar[str] = "trl_explicit"
    trainer: ClassVar[Literal["", "dpo"]] = "dpo"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """{"prompt", "chosen", "rejected"} as texts; DataError for a prompt of several turns or of another role."""
        turns = pair.turns
        if len(turns) != 1 or turns[0]["role"] != "user":
            roles = ", ".join(turn["role"] for turn in turns)
            raise DataError(
                f"Pair {pair.pair.pair_id} has a prompt of {len(turns)} turns ({roles}); profile 'plain' has room for "
                "one, the user's.",
                "Take profile 'trl'.",
            )
        return [{"prompt": turns[0]["content"], "chosen": pair.chosen, "rejected": pair.rejected} | pair.origin]
