"""Argilla records: two responses as fields, answers of several people to a question."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import mapping_in, prompt_in, response_in, side_of, sides_in, two, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow, Recorded


@FORMATS.register
class Argilla(Format):
    """{"fields": {"prompt", "response_a", "response_b"}, "responses": {question: [{"value", "user_id"}]}}.

    Each answer to the one question whose values all name a side is a vote; answers to other questions are counted. Only
    a record that nobody answered takes the suggestion instead. A value is the name of a field, its last letter or
    number, tie or both_bad, as a text: a number is a rating."""

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
        given, who = _answered(row.get("responses")), "user_id"
        if not given:
            given, who = _answered(row.get("suggestions")), "agent"
        asking = {question for question, items in given.items() if all(_side(item, names) for item in items)}
        if len(asking) > 1:
            raise BadRow("several questions ask for a side", ", ".join(sorted(asking))[:80])
        answers: list[ParsedComparison] = []
        left_out: list[str] = []
        for question, items in given.items():
            sides = [(_side(item, names), item) for item in items]
            if question in asking:
                answers = [ParsedComparison(0, 1, side, labeller=word(item.get(who))) for side, item in sides if side]
            elif any(side for side, _ in sides):
                raise BadRow("an answer names neither of the two responses", question[:60])
            else:
                left_out += ["answers to another question"] * len(items)
        return two(prompt_in(fields), one, other, answers, left_out=tuple(left_out))


def _answered(given: Any) -> dict[str, list[Mapping[str, Any]]]:
    """Question → the answers to it that hold a value; questions without any are not in it."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for question, said in given.items() if isinstance(given, Mapping) else ():
        items = said if isinstance(said, list) else [said]
        if kept := [item for item in items if isinstance(item, Mapping) and item.get("value") is not None]:
            found[str(question)] = kept
    return found


def _side(item: Mapping[str, Any], names: tuple[str, str]) -> Recorded | None:
    """What the value of an answer says of the two; None for anything else."""
    try:
        return side_of(item["value"], names) if isinstance(item["value"], str) else None
    except BadRow:
        return None
