"""Chatbot Arena: two conversations and which model won."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import to_the_reply, turns_in, two, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow, Recorded

WINNERS: dict[str, Recorded] = {
    "model_a": "first",
    "model_b": "second",
    "tie": "tie",
    "tie (bothbad)": "both_bad",
    "both_bad": "both_bad",
}


@FORMATS.register
class Arena(Format):
    """{"conversation_a", "conversation_b", "model_a", "model_b", "winner"}: model_a, model_b, tie or tie (bothbad).

    A conversation of several turns is a pair only where both say the same up to the last reply."""

    name: ClassVar[str] = "arena"
    title: ClassVar[str] = "Chatbot Arena"
    source: ClassVar[str] = "Zheng et al. 2023, arXiv:2306.05685"
    columns: ClassVar[str] = "conversation_a, conversation_b, winner, model_a, model_b"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both conversations and a winner."""
        return all({"conversation_a", "conversation_b", "winner"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        names = ("conversation_a", "conversation_b")
        (messages, one), (other, another) = (to_the_reply(turns_in(row, name), name) for name in names)
        if messages != other:
            raise BadRow("the conversations differ before the last reply")
        winner = WINNERS.get(word(row.get("winner")))
        if winner is None:
            raise BadRow("winner is not model_a, model_b, tie or tie (bothbad)", repr(row.get("winner"))[:40])
        sides = (ParsedResponse(one, word(row.get("model_a"))), ParsedResponse(another, word(row.get("model_b"))))
        answer = ParsedComparison(0, 1, winner, labeller=word(row.get("judge")))
        return two(messages, *sides, [answer], topic=word(row.get("language")))
