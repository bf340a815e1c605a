"""What a campaign's report is made of: plain records, with numbers that page, file and JSON share"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.analysis.certainty import Share
from engine.analysis.shadows import Placed, SharedByLot
from engine.analysis.single_run import Apart, Estimate
from engine.records import PrimaryMetric

ANSWERS = ("a", "b", "tie", "both_bad", "skip")
PURPOSES = {
    "held_out": "held-out sample",
    "audit": "audit slice",
    "label": "picks",
    "relabel": "labelled again",
    "repeat": "hidden repeats",
    "gold": "gold questions",
    "correction": "corrections",
}


@dataclass(frozen=True)
class Point:
    """A round on a held-out set: labels bought by picks until then, the level, and what was gained since round 0."""

    round: int
    labels: int
    level: Estimate
    gain: Estimate | None


@dataclass(frozen=True)
class Line:
    """A held-out set, the round after the round; `bought` says that people's answers of this campaign measure it."""

    name: str
    bought: bool
    pairs: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Differs:
    """A quantity of the picks, first, beside the same of the audit slice, second."""

    what: str
    unit: str
    apart: Apart


@dataclass(frozen=True)
class Audit:
    """The random slice of the pool: `meant` pairs by the config, `answers` what the settled ones came to.

    `recorded`: of its pairs with a side, where the data file names one too, how many agree with people. `first`: of
    answers that name a side, how many name the one that was shown first, and the same of the picks' answers in
    `first_picks`. `against`: level on the audit slice minus level on the held-out sample, in the last round.
    """

    meant: int
    answers: Mapping[str, int]
    recorded: Share
    first: Share
    first_picks: Share
    against: Apart
    picks: int
    differs: tuple[Differs, ...]


@dataclass(frozen=True)
class Beside:
    """A strategy in the shadow: what its lists share with what was picked, and where its scores put the picks."""

    name: str
    title: str
    shared: SharedByLot
    rounds: tuple[tuple[int, int, int], ...]
    placed: Placed | None


@dataclass(frozen=True)
class Bought:
    """Answers of one purpose, those by people among them, seconds of the timed ones (each cut at 15 minutes)."""

    purpose: str
    answers: int
    people: int
    seconds: float
    timed: int


@dataclass(frozen=True)
class Campaign:
    """All of it. `metric` is the figure that the study declared, `held_out` the set of its sample, "" without one."""

    title: str
    state: str
    metric: PrimaryMetric
    held_out: str
    lines: tuple[Line, ...]
    audit: Audit
    shadows: tuple[Beside, ...]
    bought: tuple[Bought, ...]
