"""The contract of an export profile: how a labelled pair is written down for one family of trainers or tools.

A file in this room registers one class. `rows` gives the rows of one pair, most often one. Nothing is left out or
mended here: what a trainer reads is the text that was labelled, to the letter.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from engine.data.answers import Preferred
from engine.registry import Plugin, Registry

Container = Literal["jsonl", "parquet", "datasets", "csv"]
Turns = list[dict[str, str]]


class Profile(Plugin):
    """One way in which trainers and tools want labelled pairs. Its docstring says for whom."""

    containers: ClassVar[tuple[Container, ...]] = ("jsonl", "parquet", "datasets")
    """The kinds of file that can hold its rows and that its readers take."""
    reads_as: ClassVar[str] = ""
    """The data format (`engine.data.formats`) that reads it back; "" where rows are no labelled pairs."""
    trainer: ClassVar[Literal["", "dpo"]] = ""
    """"dpo": TRL's DPOTrainer takes the rows as they are."""
    rows_a_pair: ClassVar[int] = 1

    @abstractmethod
    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """The rows of one pair; DataError if the profile has no room for it."""

    def beside(self, file: str, title: str) -> Mapping[str, bytes]:
        """Files that its readers want beside the file of rows, by name."""
        return {}


PROFILES: Registry[Profile] = Registry("profile", "engine.data.profiles")


def reply(text: str) -> Turns:
    """A response as the one assistant message that it is."""
    return [{"role": "assistant", "content": text}]


def in_words(turns: Sequence[Mapping[str, str]]) -> str:
    """A prompt as one text for people: a single turn as it is, several each behind its role."""
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
