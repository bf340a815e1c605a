"""UltraFeedback as published: several completions, each rated by aspects."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import list_in, loose_number, response_in, text_in, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedResponse, ParsedRow


@FORMATS.register
class UltraFeedback(Format):
    """{"instruction", "completions": [{"model", "response", "annotations": {aspect: {"Rating"}}, "overall_score"}]}.

    The score of a response is its fine-grained score, else the mean of its aspects: high overall scores were found on
    bad responses. The overall score is kept as an aspect. Nothing is compared; the scores may answer for it."""

    name: ClassVar[str] = "ultrafeedback"
    title: ClassVar[str] = "UltraFeedback, raw"
    source: ClassVar[str] = "Cui et al. 2023, arXiv:2310.01377"
    columns: ClassVar[str] = "instruction, completions [{model, response, annotations}]"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have an instruction and a list of completions."""
        return all("instruction" in row and isinstance(row.get("completions"), list) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt, its responses and their scores."""
        completions = list_in(row, "completions")
        if not completions:
            raise BadRow("no completion")
        responses = tuple(_response(item, number) for number, item in enumerate(completions))
        return ParsedRow(user(text_in(row, "instruction")), responses, topic=word(row.get("source")))


def _response(item: Any, number: int) -> ParsedResponse:
    if not isinstance(item, Mapping):
        raise BadRow("a completion is not a mapping", f"completion {number}")
    text, aspects = response_in(item, "response"), {}
    given = item.get("annotations")
    for aspect, said in given.items() if isinstance(given, Mapping) else ():
        rating = said.get("Rating", said.get("rating")) if isinstance(said, Mapping) else said
        if isinstance(aspect, str) and (value := loose_number(rating, f"{aspect} of completion {number}")) is not None:
            aspects[aspect] = value
    score = loose_number(item.get("fine-grained_score"), f"fine-grained_score of completion {number}")
    if score is None and aspects:
        score = sum(aspects.values()) / len(aspects)
    overall = loose_number(item.get("overall_score"), f"overall_score of completion {number}")
    if overall is not None:
        aspects["overall_score"] = overall
        score = overall if score is None else score
    return ParsedResponse(text, word(item.get("model")), score, tuple(aspects.items()))
