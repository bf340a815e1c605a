"""Texts as 64-bit numbers, so that a million of them can be compared within some megabytes."""

import hashlib
import unicodedata
from array import array
from collections.abc import Iterable

import numpy as np

from engine.data.formats.base import ParsedRow


def digest(*texts: str) -> int:
    """A 64-bit number of the texts in this order; two of 2³² different texts share one with a chance of one half."""
    joined = "\x1f".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")


def plain(text: str) -> str:
    """The text in compatibility form (NFKC), small letters, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def conversation(row: ParsedRow) -> str:
    """All turns of the prompt as one text."""
    return "\n".join(message.content for message in row.messages)


def prompt_digest(row: ParsedRow) -> int:
    """Of roles and texts of the prompt."""
    return digest(*(text for message in row.messages for text in (message.role, message.content)))


class Digests:
    """A growing list of 64-bit numbers."""

    def __init__(self) -> None:
        self._values = array("Q")

    def add(self, value: int) -> None:
        """One more."""
        self._values.append(value)

    def extend(self, values: Iterable[int]) -> None:
        """Several more."""
        self._values.extend(values)

    def __len__(self) -> int:
        return len(self._values)

    def all(self) -> np.ndarray:
        """uint64 (n,), in the order they came."""
        return np.frombuffer(self._values, dtype=np.uint64) if self._values else np.zeros(0, dtype=np.uint64)
