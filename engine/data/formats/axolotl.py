"""Axolotl: messages, then chosen and rejected as a message each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import behind_system, reply_of, turn_of, turns_in
from engine.data.formats.base import FORMATS, Format, ParsedRow, chosen_and_rejected


@FORMATS.register
class Axolotl(Format):
    """{"messages": [{"role", "content"}], "chosen": {"role", "content"}, "rejected": {…}}."""

    name: ClassVar[str] = "axolotl"
    title: ClassVar[str] = "Axolotl"
    source: ClassVar[str] = "Axolotl documentation, chat_template.default"
    columns: ClassVar[str] = "messages [{role, content}], chosen {role, content}, rejected {role, content}"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have messages, and both sides as mappings."""
        sides = ("chosen", "rejected")
        return all("messages" in row and all(isinstance(row.get(side), Mapping) for side in sides) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        chosen, rejected = (reply_of(turn_of(row.get(side), side), side) for side in ("chosen", "rejected"))
        return chosen_and_rejected(behind_system(row, turns_in(row, "messages")), chosen, rejected)
