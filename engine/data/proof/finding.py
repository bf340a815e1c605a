"""What a check of the proof found: a count, a sentence, and the first rows it stands on."""

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.data.formats.base import ParsedRow

LISTED = 50
"""Rows that a finding names; its count is of all."""
Tone = Literal["ok", "note", "warn"]


@dataclass(frozen=True)
class Finding:
    """`found` of `of` things (`unit` in the plural). "ok": nothing to do; "note": worth knowing; "warn": look at it.

    `rows` has number and detail of the first rows concerned, counted from 1; none where the check looks at the whole.
    """

    name: str
    title: str
    tone: Tone
    found: int
    of: int
    unit: str
    words: str
    rows: tuple[tuple[int, str], ...] = ()


class Check(Protocol):
    """Looks at every row that was taken, keeps no text, and says in the end what it found."""

    def take(self, number: int, row: ParsedRow) -> None:
        """One row, with its number."""

    def findings(self) -> list[Finding]:
        """After the last row."""


class Rows:
    """Counts rows and keeps the first of them with what was found there."""

    def __init__(self) -> None:
        self.n = 0
        self.first: list[tuple[int, str]] = []

    def add(self, number: int, detail: str = "") -> None:
        """One more. Details are cut to 120 characters; halves of surrogate pairs, which no store takes, spelt out."""
        self.n += 1
        if len(self.first) < LISTED:
            self.first.append((number, detail[:120].encode("utf-8", "backslashreplace").decode("utf-8")))

    def listed(self) -> tuple[tuple[int, str], ...]:
        """The first of them."""
        return tuple(self.first)
