"""LLaMA-Factory, ShareGPT style: turns, then chosen and rejected as a turn each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import behind_system, reply_of, turn_of, turns_in
from engine.data.formats.base import FORMATS, Format, ParsedRow, chosen_and_rejected


@FORMATS.register
class LlamaFactory(Format):
    """{"conversations": [{"from", "value"}], "chosen": {"from", "value"}, "rejected": {…}, "system"}."""

    name: ClassVar[str] = "llamafactory"
    title: ClassVar[str] = "LLaMA-Factory, ShareGPT style"
    source: ClassVar[str] = "LLaMA-Factory, data/README.md"
    columns: ClassVar[str] = "conversations [{from, value}], chosen {from, value}, rejected {from, value}"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have conversations, and both sides as mappings."""
        sides = ("chosen", "rejected")
        return all("conversations" in row and all(isinstance(row.get(side), Mapping) for side in sides) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        messages = behind_system(row, turns_in(row, "conversations"))
        chosen, rejected = (reply_of(turn_of(row.get(side), side), side) for side in ("chosen", "rejected"))
        return chosen_and_rejected(messages, chosen, rejected)
