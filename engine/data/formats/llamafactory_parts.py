"""LLaMA-Factory with typed message parts: both conversations whole."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import to_the_reply, turns_in
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected


@FORMATS.register
class LlamaFactoryParts(Format):
    """{"chosen_messages": [{"role", "content": [{"type": "text", "value"}]}], "rejected_messages": […]}.

    The weights of the loss are left out. Parts that are no text are refused."""

    name: ClassVar[str] = "llamafactory_parts"
    title: ClassVar[str] = "LLaMA-Factory, typed parts"
    source: ClassVar[str] = "LLaMA-Factory, version 1 data"
    columns: ClassVar[str] = "chosen_messages, rejected_messages [{role, content [{type, value}]}]"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both conversations."""
        return all({"chosen_messages", "rejected_messages"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        names = ("chosen_messages", "rejected_messages")
        (messages, chosen), (other, rejected) = (to_the_reply(turns_in(row, name), name) for name in names)
        if messages != other:
            raise BadRow("the prompt differs between chosen and rejected")
        return chosen_and_rejected(messages, chosen, rejected)
