"""UltraFeedback binarized, and other chosen and rejected with a score each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import (
    behind_system,
    loose_number,
    names_of_scores,
    reply_of,
    response_in,
    to_the_reply,
    turns_in,
    two,
    word,
)
from engine.data.formats.base import (
    FORMATS,
    BadRow,
    Format,
    ParsedComparison,
    ParsedResponse,
    ParsedRow,
    Recorded,
    messages_of,
)
from engine.records import Message


@FORMATS.register
class ScoredPairs(Format):
    """{"prompt", "chosen", "rejected", "score_chosen", "score_rejected"}; a side may begin with the prompt.

    Scores may also be called chosen_score, rejected_score or chosen-rating, rejected-rating. Equal scores are a tie,
    whatever was written as chosen. Without a prompt column it is what stands before the last turn. A column `system`
    stands before the prompt."""

    name: ClassVar[str] = "scored_pairs"
    title: ClassVar[str] = "UltraFeedback, binarized"
    source: ClassVar[str] = "Tunstall et al. 2023, arXiv:2310.16944"
    columns: ClassVar[str] = "chosen, rejected, score_chosen, score_rejected"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both sides and a score of each."""
        return all({"chosen", "rejected"} <= row.keys() and names_of_scores(row) is not None for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One pair with its scores."""
        names = names_of_scores(row)
        if names is None:
            raise BadRow("no scores of chosen and rejected")
        better, worse = (loose_number(row.get(name), name) for name in names)
        prompt = messages_of(row["prompt"], "prompt") if row.get("prompt") is not None else None
        (messages, chosen), (other, rejected) = (_side(row, name, prompt) for name in ("chosen", "rejected"))
        if messages != other:
            raise BadRow("the prompt differs between chosen and rejected")
        answer: Recorded = "tie" if better is not None and better == worse else "first"
        strength = abs(better - worse) if better is not None and worse is not None else None
        sides = (ParsedResponse(chosen, "", better), ParsedResponse(rejected, "", worse))
        return two(
            behind_system(row, messages),
            *sides,
            [ParsedComparison(0, 1, answer, strength)],
            topic=word(row.get("source")),
        )


def _side(row: Mapping[str, Any], name: str, prompt: tuple[Message, ...] | None) -> tuple[tuple[Message, ...], str]:
    """The prompt and the response of a side."""
    if isinstance(row.get(name), str) and prompt is not None:
        return prompt, response_in(row, name)
    turns = turns_in(row, name)
    if prompt is not None and len(turns) == 1:
        return prompt, reply_of(turns[0], name)
    messages, reply = to_the_reply(turns, name)
    if prompt is not None and prompt[-1].content not in [turn.content for turn in messages]:
        raise BadRow("the prompt column is not in the conversation", name)
    return messages, reply
