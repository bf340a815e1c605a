"""HelpSteer2: a response a row with five ratings, or two with the strength of a preference."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import larger, loose_number, response_in, text_in, two, user
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow

RATINGS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


@FORMATS.register
class HelpSteer(Format):
    """{"prompt", "response", "helpfulness", …}, or {"prompt", "response_1", "response_2", "preference_strength"}.

    Ratings are aspects, helpfulness is the score. A negative strength prefers the first response, 0 is a tie; where
    the preferences of single people are there, each is a vote."""

    name: ClassVar[str] = "helpsteer"
    title: ClassVar[str] = "HelpSteer2"
    source: ClassVar[str] = "Wang et al. 2024, arXiv:2406.08673, arXiv:2410.01257"
    columns: ClassVar[str] = "prompt, response, helpfulness …; or prompt, response_1, response_2, preference_strength"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a rated response, or two and the strength of a preference."""
        rated, compared = (
            {"prompt", "response", "helpfulness"},
            {"prompt", "response_1", "response_2", "preference_strength"},
        )
        return all(rated <= row.keys() or compared <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One response with its ratings, or one pair."""
        messages = user(text_in(row, "prompt"))
        if "response" in row:
            rated = [(name, loose_number(row.get(name), name)) for name in RATINGS]
            aspects = tuple((name, value) for name, value in rated if value is not None)
            return ParsedRow(messages, (ParsedResponse(response_in(row, "response"), "", rated[0][1], aspects),))
        one, other = (ParsedResponse(response_in(row, f"response_{n}")) for n in (1, 2))
        single = row.get("three_most_similar_preferences")
        votes = (
            [item.get("strength") for item in single if isinstance(item, Mapping)] if isinstance(single, list) else []
        )
        answers = [_answer(vote, f"{n}") for n, vote in enumerate(votes, start=1)]
        return two(messages, one, other, answers or [_answer(row.get("preference_strength"), "")])


def _answer(value: Any, labeller: str) -> ParsedComparison:
    strength = loose_number(value, "preference strength")
    if strength is None:
        raise BadRow("no strength of the preference")
    return ParsedComparison(0, 1, larger(0.0, strength), abs(strength), labeller)
