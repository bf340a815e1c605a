"""WebGPT comparisons: two answers to a question, with a score each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import larger, loose_number, response_in, text_in, two, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow


@FORMATS.register
class WebGpt(Format):
    """{"question": {"full_text"}, "answer_0", "answer_1", "score_0", "score_1"}; the scores are opposite, 0 is a tie.

    References such as [1] stay in the answers; the quotes that they name are left out."""

    name: ClassVar[str] = "webgpt"
    title: ClassVar[str] = "WebGPT comparisons"
    source: ClassVar[str] = "Nakano et al. 2021, arXiv:2112.09332"
    columns: ClassVar[str] = "question {full_text}, answer_0, answer_1, score_0, score_1"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both answers and both scores."""
        return all({"question", "answer_0", "answer_1", "score_0", "score_1"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        question = row.get("question")
        asked = text_in(question, "full_text") if isinstance(question, Mapping) else text_in(row, "question")
        first, second = (loose_number(row.get(name), name) for name in ("score_0", "score_1"))
        if first is None or second is None:
            raise BadRow("no scores of the two answers")
        one = ParsedResponse(response_in(row, "answer_0"), "", first)
        other = ParsedResponse(response_in(row, "answer_1"), "", second)
        answer = ParsedComparison(0, 1, larger(first, second), abs(first - second))
        topic = word(question.get("dataset")) if isinstance(question, Mapping) else ""
        quoted = ("quotes behind an answer",) if row.get("quotes_0") or row.get("quotes_1") else ()
        return two(user(asked), one, other, [answer], topic=topic, left_out=quoted)
