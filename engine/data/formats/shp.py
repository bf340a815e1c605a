"""Stanford Human Preferences: two comments to a post and which of them got more votes."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import flag_in, loose_number, response_in, text_in, two, user, word
from engine.data.formats.base import FORMATS, Format, ParsedComparison, ParsedResponse, ParsedRow


@FORMATS.register
class Shp(Format):
    """{"history", "human_ref_A", "human_ref_B", "labels", "score_A", "score_B"}; labels is 1 where A is preferred.

    Many pairs share a post. The ratio of the two scores is the strength."""

    name: ClassVar[str] = "shp"
    title: ClassVar[str] = "SHP and SHP-2"
    source: ClassVar[str] = "Ethayarajh et al. 2022, arXiv:2110.08420"
    columns: ClassVar[str] = "history, human_ref_A, human_ref_B, labels (1: A)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a history and both comments."""
        return all({"history", "human_ref_A", "human_ref_B"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        a_is_better = flag_in(row, "labels") == 1
        scores = [loose_number(row.get(name), name) for name in ("score_A", "score_B")]
        texts = [response_in(row, name) for name in ("human_ref_A", "human_ref_B")]
        one, other = (ParsedResponse(text, "", score) for text, score in zip(texts, scores, strict=True))
        strength = loose_number(row.get("score_ratio"), "score_ratio")
        answer = ParsedComparison(0, 1, "first" if a_is_better else "second", strength)
        return two(user(text_in(row, "history")), one, other, [answer], topic=word(row.get("domain")))
