"""The contract of a tracker: a place outside the store that is told how a run goes, stage by stage.

A file in this room registers one class. The worker calls it, never the loop: a tracker sees what was saved already, and
no random draw, pick or number depends on it. It is told names and numbers, never a text of the data. What it raises is
counted and said, and the run goes on (`engine.tracking`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engine.registry import Plugin, Registry

Place = tuple[int, str]
"""Round and stage, such as (3, "trained")."""


@dataclass(frozen=True)
class Tracked:
    """The run that is told of. `facts`: field of the study → its value as text, such as dpo.beta → 0.1."""

    run_id: str
    study_id: str
    study: str
    arm: str
    seed: int
    facts: Mapping[str, str]

    @property
    def title(self) -> str:
        """What it may be called where runs are listed."""
        return f"{self.arm}, seed {self.seed}"


@dataclass(frozen=True)
class Told:
    """A finished stage: name → number. `taken` is (round, stage); a figure of a held-out set is NAME/SET."""

    taken: Place
    figures: Mapping[str, float]


class Log(ABC):
    """The record of one run at the place. Its methods may raise anything."""

    @abstractmethod
    def heard(self) -> Place | None:
        """The last stage that it was told of, None for a new run: what came after it is told again."""

    @abstractmethod
    def tell(self, told: Told) -> None:
        """Write a finished stage."""

    @abstractmethod
    def end(self, state: str) -> None:
        """How the worker left the run: done, failed, waiting, review or stopped. After all but done it may go on."""


class Tracker(Plugin):
    """Where a run is told of."""

    extra: ClassVar[str] = ""
    """The extra of this program that brings what it needs, as in pip install -e '.[EXTRA]'."""

    @abstractmethod
    def open(self, run: Tracked) -> Log:
        """The run's record: the one that an earlier worker began, or a new one."""


TRACKERS: Registry[Tracker] = Registry("tracker", "engine.trackers")
