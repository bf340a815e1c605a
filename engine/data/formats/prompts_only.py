"""Prompts without any response: the policy is to write them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import ASIDE, behind_system, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, messages_of

ALLOWED = ASIDE | {"prompt", "system"}


@FORMATS.register
class PromptsOnly(Format):
    """{"prompt"}, a text or a list of messages; a topic if there is one, and a system message.

    Beside them only ids and where a row comes from: any other column may be a response, or what was said of one."""

    name: ClassVar[str] = "prompts_only"
    title: ClassVar[str] = "prompts only"
    source: ClassVar[str] = "this project"
    columns: ClassVar[str] = "prompt, and nothing beside it but topic, system, id, source, language, meta"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a prompt, and no column that could hold a response or a label."""
        return all("prompt" in row and all(str(name).lower() in ALLOWED for name in row) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt."""
        messages = messages_of(row.get("prompt"), "prompt")
        if messages[-1].role == "assistant":
            raise BadRow("the prompt ends with an assistant turn")
        return ParsedRow(behind_system(row, messages), (), topic=word(row.get("topic")))
