"""A JSON list of any size, item by item: what is held is one block and the longest item."""

import codecs
import json
from collections.abc import Iterator
from typing import Any

from engine.errors import DataError

_BLANK = " \t\n\r"
_AT_ONCE = 1 << 20
"""Characters behind which what was read is let go."""
_EDGE = 32
"""Nearer to the end of what is held an item may be one that only seems whole."""


class _Text:
    """The decoded text from some place on; grows by blocks, forgets what was read."""

    def __init__(self, blocks: Iterator[bytes], name: str) -> None:
        self._blocks, self._name = blocks, name
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self.held, self.at, self.ended, self._forgotten = "", 0, False, 0

    @property
    def place(self) -> int:
        """Characters of the file before `at`."""
        return self._forgotten + self.at

    def more(self) -> bool:
        """Read on, at least as much as is held behind `at`: an item that is not whole is tried again a few times only.
        False at the file's end."""
        wanted, parts = max(1, len(self.held) - self.at), list[str]()
        while not self.ended and wanted > 0:
            block = next(self._blocks, b"")
            self.ended = not block
            try:
                parts.append(self._decode.decode(block, final=self.ended))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self._name} is not UTF-8 text after character {self.place:,}.", "Save it as UTF-8."
                ) from error
            wanted -= len(parts[-1])
        read = "".join(parts)
        self.held += read
        return bool(read)

    def sign(self) -> str:
        """The next character that is no blank, without going past it; "" at the end."""
        while True:
            while self.at < len(self.held) and self.held[self.at] in _BLANK:
                self.at += 1
            if self.at < len(self.held):
                return self.held[self.at]
            if not self.more():
                return ""

    def forget(self) -> None:
        """Let go of what was read, now and then."""
        if self.at > _AT_ONCE:
            self._forgotten += self.at
            self.held, self.at = self.held[self.at :], 0


def items_of(blocks: Iterator[bytes], name: str, decoder: json.JSONDecoder, longest: int) -> Iterator[Any]:
    """The items of the list that `blocks` hold together. DataError where they hold no list, where an item is no JSON or
    has over `longest` characters, and where the file ends within the list or goes on behind it.

    What the decoder's hooks raise comes through, if it is no plain ValueError.
    """
    text = _Text(blocks, name)
    if text.sign() != "[":
        held = "an object, not a list of rows" if text.sign() == "{" else "no list of rows"
        raise DataError(f"{name} holds {held}.", "Give a list, or JSONL.")
    text.at += 1
    number, begun = 0, False
    while (sign := text.sign()) != "]":
        if begun:
            if sign != ",":
                raise _broken(name, number, text, sign)
            text.at += 1
            text.sign()
        yield _item(text, name, decoder, longest, number)
        number, begun = number + 1, True
        text.forget()
    text.at += 1
    if text.sign():
        raise DataError(f"{name} goes on after its list of {number:,} rows.", "Give one list, or JSONL.")


def _item(text: _Text, name: str, decoder: json.JSONDecoder, longest: int, number: int) -> Any:
    while True:
        try:
            value, end = decoder.raw_decode(text.held, text.at)
            if end - text.at > longest:
                raise _too_long(name, number, longest)
            behind = text.held[end:].lstrip(_BLANK) if len(text.held) - end < _EDGE else text.held[end]
            # Of "0.5" a block may end behind the 0 or the point; where what follows is wrong, the caller says so.
            if behind[:1] in (",", "]") or len(text.held) - end >= _EDGE or not text.more():
                text.at = end
                return value
        except (ValueError, RecursionError) as error:
            if isinstance(error, ValueError) and type(error) not in (json.JSONDecodeError, ValueError):
                raise
            if len(text.held) - text.at > longest:
                raise _too_long(name, number, longest) from error
            whole = type(error) is not json.JSONDecodeError  # nested too deep, or a number of too many digits
            if whole or not text.more():
                raise _broken(name, number, text, text.sign()) from error


def _too_long(name: str, number: int, longest: int) -> DataError:
    return DataError(
        f"{name}: row {number + 1:,} of its list is no JSON, or has over {longest:,} characters.",
        "It is damaged, or one text of it is; mend or fetch it.",
    )


def _broken(name: str, number: int, text: _Text, sign: str) -> DataError:
    """Cut short, or something else than an item."""
    why = f"has {sign!r} at character {text.place:,}" if sign else "ends"
    return DataError(
        f"{name} is not JSON: after {number:,} whole {'row' if number == 1 else 'rows'} it {why}.",
        "It is cut short or damaged; mend or fetch it.",
    )
