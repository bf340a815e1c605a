"""The contract of a data format: from one row of a file to a prompt, its responses and what is known of the answers.

A file in this room registers one class. `sniff` looks at the first rows; `parse` turns one row into a `ParsedRow` or
raises `BadRow` with a reason short enough to be counted. Nothing is guessed.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from engine.records import Message
from engine.registry import Plugin, Registry

Recorded = Literal["first", "second", "tie", "both_bad"]


class BadRow(Exception):
    """A row that cannot be used. `reason` is countable; `detail` says what was found in this row."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


@dataclass(frozen=True)
class ParsedResponse:
    """A response as the file gives it: one score overall, and more of them by the name of what they judge."""

    text: str
    source: str = ""
    score: float | None = None
    aspects: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ParsedComparison:
    """An answer of the file about responses `first` and `second`, counted from 0 in the row.

    `share`: of a soft label the probability, or the share of votes, in [0, 1] that `first` is better. Several answers
    about the same two are the votes of several labellers.
    """

    first: int
    second: int
    answer: Recorded
    strength: float | None = None
    labeller: str = ""
    share: float | None = None


@dataclass(frozen=True)
class ParsedRow:
    """A prompt of a row and what the row says of it.

    Pairs that the row gives are those it compares; without comparisons, two responses are one pair. One response or
    none is a prompt that is not labelled yet. `left_out`: parts of the row that are not taken, each a countable reason.
    """

    messages: tuple[Message, ...]
    responses: tuple[ParsedResponse, ...]
    comparisons: tuple[ParsedComparison, ...] = ()
    topic: str = ""
    left_out: tuple[str, ...] = ()


class Format(Plugin):
    """One way in which preference data is written down."""

    columns: ClassVar[str] = ""
    """What a row looks like, in words, for messages."""
    by_hand: ClassVar[bool] = False
    """Whether a person says what its columns mean; it is then never found out from the rows."""

    @abstractmethod
    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these first rows (mappings, one at least) are of this format."""

    @abstractmethod
    def parse(self, row: Mapping[str, Any]) -> ParsedRow | tuple[ParsedRow, ...]:
        """One row, or several prompts where a row is a tree; BadRow if it cannot be used."""

    def key(self) -> str:
        """What a data set read by it is filed under: two formats that read a file differently never share it."""
        return self.name


FORMATS: Registry[Format] = Registry("data format", "engine.data.formats")


def messages_of(value: Any, where: str) -> tuple[Message, ...]:
    """A conversation: a string is one user turn, a list holds {"role", "content"}; BadRow otherwise."""
    if isinstance(value, str):
        if not value.strip():
            raise BadRow(f"empty {where}")
        return (Message("user", value),)
    if not isinstance(value, list) or not value:
        raise BadRow(f"{where} is neither a text nor a list of messages", type(value).__name__)
    turns = []
    for turn in value:
        if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
            raise BadRow(f"a message of {where} has no role", str(turn)[:80])
        if not isinstance(turn.get("content"), str):
            raise BadRow(f"a message of {where} has no text", str(turn)[:80])
        turns.append(Message(turn["role"], turn["content"]))
    return tuple(turns)


def number_of(value: Any, reason: str, where: str) -> float | None:
    """A finite number, or None where there is none; BadRow otherwise."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRow(reason, f"{where}: {value!r}"[:120])
    try:
        number = float(value)
    except OverflowError as error:
        raise BadRow(reason, f"{where}: it is too large") from error
    if not math.isfinite(number):
        raise BadRow(reason, f"{where}: {value!r}")
    return number


def answer_of(value: Any, where: str) -> str:
    """A response: a text, or a list with exactly one assistant message; BadRow otherwise."""
    if isinstance(value, str):
        text = value
    else:
        turns = messages_of(value, where)
        if len(turns) != 1 or turns[0].role != "assistant":
            roles = ", ".join(turn.role for turn in turns)
            raise BadRow(f"{where} is not one assistant message", f"roles: {roles}")
        text = turns[0].content
    if not text.strip():
        raise BadRow("empty response", where)
    return text


def chosen_and_rejected(messages: tuple[Message, ...], chosen: str, rejected: str, source: str = "") -> ParsedRow:
    """The row of a file that says which of two is better. Which comes first must not tell: sides go by hash later."""
    if chosen == rejected:
        raise BadRow("chosen and rejected are identical")
    return ParsedRow(
        messages,
        (ParsedResponse(chosen, source), ParsedResponse(rejected, source)),
        (ParsedComparison(0, 1, "first"),),
    )
