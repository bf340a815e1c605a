"""Nectar: seven ranked answers to a prompt."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import by_rank, list_in, loose_number, response_in, text_in, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedResponse, ParsedRow
from engine.data.formats.hh_transcripts import turns_of


@FORMATS.register
class Nectar(Format):
    """{"prompt": "Human: … Assistant: ", "answers": [{"answer", "model", "rank"}]}; 1 is best, equal ranks tie."""

    name: ClassVar[str] = "nectar"
    title: ClassVar[str] = "Nectar"
    source: ClassVar[str] = "Zhu et al. 2023, Starling-7B"
    columns: ClassVar[str] = "prompt, answers [{answer, model, rank}]"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a prompt and a list of answers."""
        return all("prompt" in row and isinstance(row.get("answers"), list) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt, its responses, and every two of them compared."""
        turns = turns_of(text_in(row, "prompt"))
        if turns[-1].role == "assistant" and not turns[-1].content:
            turns = turns[:-1]
        if not turns or turns[-1].role != "user":
            raise BadRow("the prompt does not end with a human turn")
        answers = list_in(row, "answers")
        if len(answers) < 2 or not all(isinstance(item, Mapping) for item in answers):
            raise BadRow("answers is not a list of two mappings or more", f"{len(answers)}")
        ranks = [loose_number(item.get("rank"), "rank") for item in answers]
        responses = tuple(ParsedResponse(response_in(item, "answer"), word(item.get("model"))) for item in answers)
        return ParsedRow(tuple(turns), responses, by_rank(ranks), "", ("responses without a rank",) * ranks.count(None))
