"""The preference format of hosted fine-tuning: OpenAI, Azure, Together, Fireworks."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import mapping_in, reply_of, turns_in
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected


@FORMATS.register
class OpenAi(Format):
    """{"input": {"messages": […]}, "preferred_output": [message], "non_preferred_output": [message]}."""

    name: ClassVar[str] = "openai"
    title: ClassVar[str] = "OpenAI, Together, Fireworks"
    source: ClassVar[str] = "OpenAI documentation, direct preference optimization"
    columns: ClassVar[str] = "input {messages}, preferred_output, non_preferred_output"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have the input and both outputs."""
        return all({"input", "preferred_output", "non_preferred_output"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        messages = turns_in(mapping_in(row, "input"), "messages")
        chosen, rejected = (_one(row, name) for name in ("preferred_output", "non_preferred_output"))
        return chosen_and_rejected(messages, chosen, rejected)


def _one(row: Mapping[str, Any], name: str) -> str:
    turns = turns_in(row, name)
    if len(turns) != 1:
        raise BadRow(f"{name} is not one message", f"{len(turns)}")
    return reply_of(turns[0], name)
