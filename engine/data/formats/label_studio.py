"""Label Studio tasks: two texts and the one that each annotation selected."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import list_in, mapping_in, prompt_in, response_in, side_of, sides_in, two, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow

NEITHER = ("tie", "both bad")
"""Choices beside the pairwise tag, which has none for them."""


@FORMATS.register
class LabelStudio(Format):
    """{"data": {"prompt", two texts}, "annotations": [{"result": [{"type": "pairwise", "value": {"selected"}}]}]}.

    Left is the first text. An annotation is a vote, also by a choice of "tie" or "both bad" beside the pairwise tag;
    one that was cancelled, or selects none, is counted."""

    name: ClassVar[str] = "label_studio"
    title: ClassVar[str] = "Label Studio, pairwise"
    source: ClassVar[str] = "Label Studio documentation, task format and the tag Pairwise"
    columns: ClassVar[str] = "data {prompt, two texts}, annotations [{result [{type: pairwise, value {selected}}]}]"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have data with two texts, and annotations."""
        return all(
            isinstance(row.get("data"), Mapping)
            and isinstance(row.get("annotations"), list)
            and sides_in(row["data"]) is not None
            for row in rows
        )

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One pair with the votes about it."""
        data = mapping_in(row, "data")
        names = sides_in(data)
        if names is None:
            raise BadRow("no two texts of data are responses", ", ".join(map(str, data))[:80])
        one, other = (ParsedResponse(response_in(data, name)) for name in names)
        answers, left_out = [], []
        for annotation in list_in(row, "annotations"):
            selected = _selected(annotation)
            if selected is None:
                left_out.append("annotations that select none")
            else:
                answers.append(ParsedComparison(0, 1, side_of(selected, names), labeller=_who(annotation)))
        return two(prompt_in(data), one, other, answers, left_out=tuple(left_out))


def _selected(annotation: Any) -> Any:
    if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
        return None
    results = annotation.get("result")
    for item in results if isinstance(results, list) else ():
        value = item.get("value") if isinstance(item, Mapping) and item.get("type") == "pairwise" else None
        if isinstance(value, Mapping) and value.get("selected") is not None:
            return value["selected"]
    for item in results if isinstance(results, list) else ():
        value = item.get("value") if isinstance(item, Mapping) and item.get("type") == "choices" else None
        chosen = value.get("choices") if isinstance(value, Mapping) else None
        if isinstance(chosen, list) and len(chosen) == 1 and chosen[0] in NEITHER:
            return chosen[0]
    return None


def _who(annotation: Mapping[str, Any]) -> str:
    """Who completed it; files of this project say it under meta."""
    by, meta = annotation.get("completed_by"), annotation.get("meta")
    if isinstance(by, Mapping):
        by = by.get("id", by.get("email"))
    return word(by if by is not None or not isinstance(meta, Mapping) else meta.get("labeller"))
