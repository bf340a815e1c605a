"""TRL's preference format with a prompt of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import behind_system, names_of_scores
from engine.data.formats.base import FORMATS, Format, ParsedRow, answer_of, chosen_and_rejected, messages_of


@FORMATS.register
class TrlExplicit(Format):
    """{"prompt", "chosen", "rejected"}, texts or lists of messages; a column `system` stands before the prompt."""

    name: ClassVar[str] = "trl_explicit"
    title: ClassVar[str] = "TRL, explicit prompt"
    source: ClassVar[str] = "TRL documentation, dataset formats"
    columns: ClassVar[str] = "prompt, chosen, rejected"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have the three columns, and no scores beside them."""
        return all({"prompt", "chosen", "rejected"} <= row.keys() and names_of_scores(row) is None for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        messages = behind_system(row, messages_of(row.get("prompt"), "prompt"))
        chosen = answer_of(row.get("chosen"), "chosen")
        return chosen_and_rejected(messages, chosen, answer_of(row.get("rejected"), "rejected"))
