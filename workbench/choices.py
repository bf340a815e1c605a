"""What a session keeps as plain values: the choices of "Looking at", a study that is filled in, the last answer."""

from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.store.summaries import RunSummary, StrategyRef, StudySummary


@dataclass(frozen=True)
class Looking:
    """The choices of this page; None where the page does not use a part or there is nothing to choose.

    `rounds` are those of the run that had picks when the page was opened: what came since is news.
    """

    study: StudySummary | None = None
    strategy: StrategyRef | None = None
    run: RunSummary | None = None
    round: int | None = None
    pair: str = ""
    rounds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A study that is being filled in: the config its form began with, and the study that it was cloned from."""

    start: dict[str, Any]
    cloned: str = ""
    number: int = 0


@dataclass(frozen=True)
class Said:
    """What came of the reader's last action: what was done, or the error that it met."""

    sentence: str = ""
    error: EngineError | None = None
    at: float = 0.0
