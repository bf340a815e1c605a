"""TRL's preference format with the prompt inside both conversations."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected, messages_of


@FORMATS.register
class TrlImplicit(Format):
    """{"chosen", "rejected"}, lists of messages that are equal up to the last assistant turn."""

    name: ClassVar[str] = "trl_implicit"
    title: ClassVar[str] = "TRL, implicit prompt"
    source: ClassVar[str] = "TRL documentation, dataset formats"
    columns: ClassVar[str] = "chosen, rejected (whole conversations)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both columns as lists, and no prompt column."""
        return all(
            isinstance(row.get("chosen"), list) and isinstance(row.get("rejected"), list) and "prompt" not in row
            for row in rows
        )

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair; the prompt is all but the last turn and must be the same on both sides."""
        chosen, rejected = messages_of(row.get("chosen"), "chosen"), messages_of(row.get("rejected"), "rejected")
        for side, turns in (("chosen", chosen), ("rejected", rejected)):
            if turns[-1].role != "assistant":
                raise BadRow(f"{side} does not end with an assistant turn", turns[-1].role)
            if len(turns) < 2:
                raise BadRow("no prompt before the response", side)
            if not turns[-1].content.strip():
                raise BadRow("empty response", side)
        if chosen[:-1] != rejected[:-1]:
            raise BadRow("the prompt differs between chosen and rejected")
        return chosen_and_rejected(chosen[:-1], chosen[-1].content, rejected[-1].content)
