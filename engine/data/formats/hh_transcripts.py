"""Anthropic's HH-RLHF transcripts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import names_of_scores
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected
from engine.records import Message

_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLE = {"Human": "user", "Assistant": "assistant"}


@FORMATS.register
class HHTranscripts(Format):
    """{"chosen", "rejected"}, each one text of turns "\\n\\nHuman: …\\n\\nAssistant: …".

    Split at the last assistant turn, never at the longest common prefix: two responses that begin alike would lose
    their beginning to the prompt.
    """

    name: ClassVar[str] = "hh_transcripts"
    title: ClassVar[str] = "HH-RLHF transcripts"
    source: ClassVar[str] = "Bai et al. 2022, arXiv:2204.05862"
    columns: ClassVar[str] = 'chosen, rejected (texts that begin with "\\n\\nHuman:")'

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both texts, and most begin with a human turn."""
        if any(names_of_scores(row) is not None for row in rows):
            return False
        texts = [row.get(side) for row in rows for side in ("chosen", "rejected")]
        if not all(isinstance(text, str) for text in texts):
            return False
        return 2 * sum(str(text).lstrip().startswith("Human:") for text in texts) > len(texts)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        sides = []
        for side in ("chosen", "rejected"):
            text = row.get(side)
            if not isinstance(text, str):
                raise BadRow(f"{side} is not a text", type(text).__name__)
            turns = turns_of(text)
            if not any(turn.role == "user" for turn in turns):
                raise BadRow("no human turn", side)
            if turns[-1].role != "assistant":
                raise BadRow("the last turn is not the assistant's", side)
            if not turns[-1].content:
                raise BadRow("empty last reply", side)
            sides.append(turns)
        chosen, rejected = sides
        if chosen[:-1] != rejected[:-1]:
            raise BadRow("the prompt differs between chosen and rejected")
        return chosen_and_rejected(tuple(chosen[:-1]), chosen[-1].content, rejected[-1].content)


def turns_of(text: str) -> list[Message]:
    """The turns of a transcript, stripped; BadRow if text stands before the first turn."""
    marks = list(_TURN.finditer(text))
    if not marks:
        raise BadRow("no human turn", "no turn at all")
    if text[: marks[0].start()].strip():
        raise BadRow("text before the first turn", text[:60])
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        Message(_ROLE[mark.group(1)], text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)
    ]
