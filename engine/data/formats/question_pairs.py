"""Chosen and rejected to a prompt that is called question, input or query."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import behind_system, holds_text, names_of_scores, response_in, text_in, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected

ASKED = ("question", "input", "query")
ELSEWHERE = {"prompt", "instruction", "messages", "conversations"}
"""Columns by which other formats know their rows."""
MORE = ("context", "history")
"""Columns that would be part of the prompt."""


@FORMATS.register
class QuestionPairs(Format):
    """{"question", "chosen", "rejected", "system"}, plain texts; the question may be called input or query.

    A system message stands before it. With a context or history beside it, the columns are to be mapped by hand."""

    name: ClassVar[str] = "question_pairs"
    title: ClassVar[str] = "question, chosen, rejected"
    source: ClassVar[str] = "Orca DPO pairs, after Mukherjee et al. 2023, arXiv:2306.02707"
    columns: ClassVar[str] = "question (or input, query), chosen, rejected (texts), system"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both sides as texts that are no transcript, one question, no scores, no other prompt."""
        return all(
            all(_is_reply(row.get(side)) for side in ("chosen", "rejected"))
            and names_of_scores(row) is None
            and not ELSEWHERE & row.keys()
            and len(_asked(row)) == 1
            and not any(holds_text(row.get(name)) for name in MORE)
            for row in rows
        )

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        asked = _asked(row)
        if len(asked) != 1:
            raise BadRow("not one of question, input and query", ", ".join(asked) or "none")
        if more := [name for name in MORE if holds_text(row.get(name))]:
            raise BadRow("there is more of the prompt than the question", ", ".join(more))
        messages = behind_system(row, user(text_in(row, asked[0])))
        return chosen_and_rejected(messages, response_in(row, "chosen"), response_in(row, "rejected"))


def _asked(row: Mapping[str, Any]) -> list[str]:
    return [name for name in ASKED if isinstance(row.get(name), str) and word(row[name]).strip()]


def _is_reply(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip().startswith("Human:")
