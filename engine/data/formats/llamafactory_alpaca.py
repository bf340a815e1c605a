"""LLaMA-Factory, Alpaca style: instruction and input, then chosen and rejected."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import list_in, response_in, text_in, user, with_system
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected
from engine.records import Message


@FORMATS.register
class LlamaFactoryAlpaca(Format):
    """{"instruction", "input", "chosen", "rejected", "system", "history": [[question, answer]]}.

    The prompt is the instruction, and the input on the next line."""

    name: ClassVar[str] = "llamafactory_alpaca"
    title: ClassVar[str] = "LLaMA-Factory, Alpaca style"
    source: ClassVar[str] = "LLaMA-Factory, data/README.md"
    columns: ClassVar[str] = "instruction, input, chosen, rejected (texts)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have an instruction and both sides."""
        return all({"instruction", "chosen", "rejected"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        asked, more = text_in(row, "instruction", may_be_empty=True), text_in(row, "input", may_be_empty=True)
        turns = []
        for said in list_in(row, "history") if row.get("history") else ():
            if not (isinstance(said, list) and len(said) == 2 and all(isinstance(text, str) for text in said)):
                raise BadRow("history is not a list of question and answer", str(said)[:80])
            turns += [Message("user", said[0]), Message("assistant", said[1])]
        turns += user("\n".join(text for text in (asked, more) if text.strip()))
        messages = with_system(text_in(row, "system", may_be_empty=True), turns)
        return chosen_and_rejected(messages, response_in(row, "chosen"), response_in(row, "rejected"))
