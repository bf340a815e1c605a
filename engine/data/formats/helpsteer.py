"""HelpSteer2: a response a row with five ratings, or two with the strength of a preference."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import larger, loose_number, response_in, text_in, two, user
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow
from engine.records import Message

RATINGS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
_TURN = re.compile(r"\n<extra_id_1>(User|Assistant)\n")


@FORMATS.register
class HelpSteer(Format):
    """{"prompt", "response", "helpfulness", …}, or {"prompt", "response_1", "response_2", "preference_strength"}.

    Ratings are aspects, helpfulness is the score. A negative strength prefers the first response, 0 is a tie; where
    the preferences of single people are there, each is a vote; who they are the file does not say. A prompt of several
    turns is one text with the mark <extra_id_1> and the role between them."""

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
        messages = _turns(text_in(row, "prompt"))
        if "response" in row:
            rated = [(name, loose_number(row.get(name), name)) for name in RATINGS]
            aspects = tuple((name, value) for name, value in rated if value is not None)
            return ParsedRow(messages, (ParsedResponse(response_in(row, "response"), "", rated[0][1], aspects),))
        one, other = (ParsedResponse(response_in(row, f"response_{n}")) for n in (1, 2))
        single = row.get("three_most_similar_preferences")
        votes = (
            [item.get("strength") for item in single if isinstance(item, Mapping)] if isinstance(single, list) else []
        )
        answers = [_answer(vote) for vote in votes or [row.get("preference_strength")]]
        return two(messages, one, other, answers)


def _answer(value: Any) -> ParsedComparison:
    strength = loose_number(value, "preference strength")
    if strength is None:
        raise BadRow("no strength of the preference")
    return ParsedComparison(0, 1, larger(0.0, strength), abs(strength))


def _turns(prompt: str) -> tuple[Message, ...]:
    """The turns of a prompt; BadRow if one says nothing or the last is not the person's."""
    first, *more = _TURN.split(prompt)
    turns = [*user(first), *(Message(role.lower(), said) for role, said in zip(more[::2], more[1::2], strict=True))]
    if not all(turn.content.strip() for turn in turns):
        raise BadRow("a turn of the prompt is empty")
    if turns[-1].role != "user":
        raise BadRow("the prompt ends with an assistant turn")
    return tuple(turns)
