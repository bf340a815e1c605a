"""Argilla records: two responses as fields, answers of several people to a question."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import mapping_in, prompt_in, response_in, side_of, sides_in, two, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow


@FORMATS.register
class Argilla(Format):
    """{"fields": {"prompt", "response_a", "response_b"}, "responses": {question: [{"value", "user_id"}]}}.

    Each person's answer is a vote. Only a record that nobody answered takes the suggestion instead. A value is the
    name of a field, its last letter or number, tie or both_bad."""

    name: ClassVar[str] = "argilla"
    title: ClassVar[str] = "Argilla records"
    source: ClassVar[str] = "Argilla documentation, records"
    columns: ClassVar[str] = "fields {prompt, two responses}, responses {question [{value, user_id}]}"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have fields with two responses."""
        return all(isinstance(row.get("fields"), Mapping) and sides_in(row["fields"]) is not None for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One pair with the votes about it."""
        fields = mapping_in(row, "fields")
        names = sides_in(fields)
        if names is None:
            raise BadRow("no two fields are responses", ", ".join(map(str, fields))[:80])
        one, other = (ParsedResponse(response_in(fields, name)) for name in names)
        answers: list[ParsedComparison] = []
        for given, who in ((row.get("responses"), "user_id"), (row.get("suggestions"), "agent")):
            for said in given.values() if isinstance(given, Mapping) and not answers else ():
                for item in said if isinstance(said, list) else [said]:
                    if isinstance(item, Mapping) and item.get("value") is not None:
                        side = side_of(item["value"], names)
                        answers.append(ParsedComparison(0, 1, side, labeller=word(item.get(who))))
        return two(prompt_in(fields), one, other, answers)
