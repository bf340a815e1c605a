"""Fine-Grained RLHF: four answers to a question, all six pairs compared by people."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, ClassVar

from engine.data.formats._parts import list_in, response_in, text_in, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow, Recorded

PAIRS = tuple(combinations(range(4), 2))
ANSWERS: dict[str, Recorded] = {"0": "tie", "1": "first", "2": "second"}


@FORMATS.register
class FineGrainedRlhf(Format):
    """{"question", "prediction 1" … "prediction 4", "preference": six numbers}: 1 the first, 2 the second, 0 a tie.

    The six are the pairs in order: 1-2, 1-3, 1-4, 2-3, 2-4, 3-4. The passages that people saw beside the question are
    left out of the prompt, and counted."""

    name: ClassVar[str] = "fine_grained_rlhf"
    title: ClassVar[str] = "Fine-Grained RLHF"
    source: ClassVar[str] = "Wu et al. 2023, arXiv:2306.01693"
    columns: ClassVar[str] = "question, prediction 1 … prediction 4, preference (six numbers)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have the first prediction and the preferences."""
        return all({"question", "prediction 1", "preference"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt with four responses and six answers."""
        preference = list_in(row, "preference")
        said = [ANSWERS.get(word(number)) for number in preference]
        if len(said) != len(PAIRS) or None in said:
            raise BadRow("preference is not six numbers of 0, 1 and 2", str(preference)[:80])
        responses = tuple(ParsedResponse(response_in(row, f"prediction {n}"), f"prediction {n}") for n in (1, 2, 3, 4))
        answers = tuple(ParsedComparison(*pair, answer) for pair, answer in zip(PAIRS, said, strict=True) if answer)
        left_out = ("passages beside the question",) if row.get("passages") else ()
        return ParsedRow(user(text_in(row, "question")), responses, answers, left_out=left_out)
