"""TRL's preference format with the prompt inside both conversations."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import ASIDE, behind_system, holds_text, names_of_scores
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow, chosen_and_rejected, messages_of
from engine.records import Message

ELSEWHERE = {"prompt", "instruction", "conversations", "messages"}
"""Columns that hold a prompt of its own."""


@FORMATS.register
class TrlImplicit(Format):
    """{"chosen", "rejected"}: whole conversations, lists of messages that are equal up to the last assistant turn.

    Plain texts are read as well. Nothing marks where their prompt ends: it is what both begin with, as TRL reads it,
    but never cut within a word. So texts are taken for this format only where no other column could hold the prompt.
    Where you have the choice, give the prompt a column of its own.
    """

    name: ClassVar[str] = "trl_implicit"
    title: ClassVar[str] = "TRL, implicit prompt"
    source: ClassVar[str] = "TRL documentation, dataset formats"
    columns: ClassVar[str] = "chosen, rejected (whole conversations, or texts that begin with the same prompt)"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both columns as lists, or both as texts that are no transcript; no prompt column, no scores."""
        return all(not ELSEWHERE & row.keys() and names_of_scores(row) is None and _alike(row) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair; the prompt is all but the last turn and must be the same on both sides."""
        given = row.get("chosen"), row.get("rejected")
        if isinstance(given[0], str) and isinstance(given[1], str):
            return _plain(row, given[0], given[1])
        chosen, rejected = messages_of(given[0], "chosen"), messages_of(given[1], "rejected")
        for side, turns in (("chosen", chosen), ("rejected", rejected)):
            if turns[-1].role != "assistant":
                raise BadRow(f"{side} does not end with an assistant turn", turns[-1].role)
            if len(turns) < 2:
                raise BadRow("no prompt before the response", side)
            if not turns[-1].content.strip():
                raise BadRow("empty response", side)
        if chosen[:-1] != rejected[:-1]:
            raise BadRow("the prompt differs between chosen and rejected")
        return chosen_and_rejected(behind_system(row, chosen[:-1]), chosen[-1].content, rejected[-1].content)


def _alike(row: Mapping[str, Any]) -> bool:
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if isinstance(chosen, str) and isinstance(rejected, str):
        beside = [name for name in row if str(name).lower() not in {*ASIDE, "chosen", "rejected"}]
        transcript = chosen.lstrip().startswith("Human:") or rejected.lstrip().startswith("Human:")
        return not transcript and not any(holds_text(row[name]) for name in beside)
    return isinstance(chosen, list) and isinstance(rejected, list)


def _plain(row: Mapping[str, Any], chosen: str, rejected: str) -> ParsedRow:
    if chosen == rejected:
        raise BadRow("chosen and rejected are identical")
    end = next((n for n, (c, r) in enumerate(zip(chosen, rejected, strict=False)) if c != r), None)
    end = min(len(chosen), len(rejected)) if end is None else end
    while end and not chosen[end - 1].isspace():
        end -= 1
    prompt = chosen[:end].strip()
    if not prompt:
        raise BadRow("chosen and rejected begin with no common prompt")
    better, worse = chosen[end:].strip(), rejected[end:].strip()
    if not better or not worse:
        raise BadRow("empty response", "one side is nothing but the prompt")
    return chosen_and_rejected(behind_system(row, (Message("user", prompt),)), better, worse)
