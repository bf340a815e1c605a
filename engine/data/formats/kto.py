"""Unpaired feedback: a response, and whether it is good."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import behind_system, to_the_reply, turns_in, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedResponse, ParsedRow, answer_of, messages_of


@FORMATS.register
class Kto(Format):
    """{"prompt", "completion", "label"} (TRL), or {"messages", "label"} whose last turn is judged (LLaMA-Factory).

    A good response has the score 1, a bad one 0. Nothing is compared: good and bad are not a preference between two."""

    name: ClassVar[str] = "kto"
    title: ClassVar[str] = "KTO, unpaired"
    source: ClassVar[str] = "Ethayarajh et al. 2024, arXiv:2402.01306; TRL documentation, dataset formats"
    columns: ClassVar[str] = "prompt, completion, label; or messages, label (true or false)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a label, and a completion or messages."""
        return all(
            "label" in row and ({"prompt", "completion"} <= row.keys() or isinstance(row.get("messages"), list))
            for row in rows
        )

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One response and what was said of it."""
        if word(row.get("label")).lower() not in ("true", "false"):
            raise BadRow("label is not true or false", repr(row.get("label"))[:40])
        if "completion" in row:
            messages, reply = messages_of(row.get("prompt"), "prompt"), answer_of(row["completion"], "completion")
        else:
            messages, reply = to_the_reply(turns_in(row, "messages"), "messages")
        if messages[-1].role == "assistant":
            raise BadRow("the prompt ends with an assistant turn")
        return ParsedRow(
            behind_system(row, messages), (ParsedResponse(reply, "", float(word(row["label"]).lower() == "true")),)
        )
