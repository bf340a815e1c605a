"""Prompts without any response: the policy is to write them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, messages_of

ANSWERED = ("respon", "chosen", "rejected", "answer", "completion", "output", "conversation", "tree", "label", "winner")
"""Parts of a column's name that speak of a response or of what was said of it."""


@FORMATS.register
class PromptsOnly(Format):
    """{"prompt"}, a text or a list of messages, and no column of responses; a topic if there is one."""

    name: ClassVar[str] = "prompts_only"
    title: ClassVar[str] = "prompts only"
    source: ClassVar[str] = "this project"
    columns: ClassVar[str] = "prompt, and no column of responses"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a prompt, and no column whose name speaks of a response."""
        return all("prompt" in row and not any(part in str(name) for name in row for part in ANSWERED) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt."""
        messages = messages_of(row.get("prompt"), "prompt")
        if messages[-1].role == "assistant":
            raise BadRow("the prompt ends with an assistant turn")
        return ParsedRow(messages, (), topic=word(row.get("topic")))
