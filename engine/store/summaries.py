"""What queries give to pages and notebooks: plain frozen records and pandas frames, nothing of SQLAlchemy."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class StrategyRef:
    """A strategy of a study. `slot` is its colour for the study's whole life: 0 is random, always grey."""

    name: str
    title: str
    slot: int


@dataclass(frozen=True)
class RunSummary:
    """One run. `state`: queued, running, review, waiting, paused, done, failed, cancelled; `stage` is the last done."""

    id: str
    study_id: str
    strategy: StrategyRef
    seed: int
    state: str
    stage: str
    round: int
    rounds_done: int
    rounds_total: int
    progress: str
    error: str
    edited: bool
    updated: datetime | None


@dataclass(frozen=True)
class StudySummary:
    """One study, for a list. `seconds_left` is an estimate from its finished stages, None while nothing is known."""

    id: str
    name: str
    state: str
    created: datetime
    updated: datetime | None
    strategies: tuple[StrategyRef, ...]
    seeds: tuple[int, ...]
    rounds: int
    labels_per_round: int
    rounds_done: int
    rounds_total: int
    labels_bought: int
    labels_unique: int
    seconds_spent: float
    seconds_left: float | None
    seconds_left_spread: float | None
    now: str
    error: str


@dataclass(frozen=True)
class StudyDetail:
    """A study with its runs (seed-major), its config as saved, and the provenance of data and model."""

    summary: StudySummary
    runs: tuple[RunSummary, ...]
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricRef:
    """A figure that can be drawn: its name, the held-out sets it exists for, its unit."""

    name: str
    splits: tuple[str, ...]
    unit: str


@dataclass(frozen=True)
class WorkerSummary:
    """A worker. It is alive while its last word is younger than its lease."""

    id: str
    kind: str
    device: str
    alive: bool
    seconds_since_word: float
    doing: str


@dataclass(frozen=True)
class DatasetSummary:
    """A data file that was read: how many rows, how many refused and why (reason → count)."""

    id: str
    name: str
    path: str
    format: str
    sha256: str
    rows: int
    refused: dict[str, int]
    prompts: int
    responses: int
    pairs: int
    created: datetime


@dataclass(frozen=True)
class PickedPair:
    """One pick, with texts, for cards and tables. `messages` are (role, content); `answer` is None until labelled."""

    pair_id: str
    rank: int
    round: int
    warm_up: bool
    score: float | None
    gain: float | None
    why: dict[str, Any]
    messages: tuple[tuple[str, str], ...]
    response_a: str
    response_b: str
    source_a: str
    source_b: str
    answer: str | None
    oracle: str
