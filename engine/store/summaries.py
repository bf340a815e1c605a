"""What queries give to pages and notebooks: plain frozen records and pandas frames, nothing of SQLAlchemy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
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
    arm: str = ""


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
    """A study with its runs (seed-major), its config as saved, and the provenance of data and model.

    `arms` says by key what the first run of each arm was queued with (`RunConfig.saved`), the runs in their order.
    """

    summary: StudySummary
    runs: tuple[RunSummary, ...]
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    arms: dict[str, Any] = field(default_factory=dict)

    def seen_by(self, key: str, name: str) -> Any:
        """A field of the config as that arm runs it: its own where it has one; None where neither has."""
        setting = self.arms.get(key, {}).get("setting", {})  # runs from before there were arms have none
        return setting[name] if name in setting else self.config.get(name)


@dataclass(frozen=True)
class MetricRef:
    """A figure that can be drawn: its name, the held-out sets it exists for, its unit."""

    name: str
    splits: tuple[str, ...]
    unit: str


@dataclass(frozen=True)
class LastWord:
    """What a worker said last: when by the wall's clock and by the steady one, and for how many seconds it counts."""

    id: str
    kind: str
    device: str
    doing: str
    last_word: float
    beat: float
    lease_s: float


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
    """A data file that was read: how many rows, how many refused and why (reason → count).

    `label_bank`: the answer of every pair of each prompt is recorded, so that a strategy can be raced on it at no label
    cost; None if nobody has looked.
    """

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
    label_bank: bool | None = None


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


@dataclass(frozen=True)
class TaskSummary:
    """What a page asked a worker for. `state`: queued, running, done, failed, cancelled; `answer` only when done."""

    id: int
    kind: str
    state: str
    progress: str
    answer: dict[str, Any] | None
    error: str
    created: datetime
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundPrompt:
    """A prompt in a list: its place in the file (from 1), and how much there is of it."""

    id: str
    row: int
    messages: tuple[tuple[str, str], ...]
    topic: str
    responses: int
    pairs: int
    recorded: int


@dataclass(frozen=True)
class PromptPage:
    """A page of a search: `total` prompts match, this is page `page` (from 0) of `size` prompts each."""

    total: int
    page: int
    size: int
    prompts: tuple[FoundPrompt, ...]


@dataclass(frozen=True)
class ResponseText:
    """A response; `score` is the file's own number, `round` the round in which a run of the study made it."""

    id: str
    text: str
    source: str
    score: float | None
    round: int | None


@dataclass(frozen=True)
class BoughtLabel:
    """A label that a run bought."""

    pair_id: str
    answer: str
    oracle: str
    strategy: StrategyRef
    seed: int
    round: int


@dataclass(frozen=True)
class PromptResponses:
    """A prompt with all that is known of it. `pairs` are pair id → response ids of sides a and b.

    `recorded` are the answers of the data file: (pair id, answer, labeller).
    """

    id: str
    messages: tuple[tuple[str, str], ...]
    topic: str
    responses: tuple[ResponseText, ...]
    pairs: dict[str, tuple[str, str]]
    recorded: tuple[tuple[str, str, str], ...]
    bought: tuple[BoughtLabel, ...]


@dataclass(frozen=True)
class PairTexts:
    """A pair with its texts, whether it was picked or not."""

    pair_id: str
    prompt_id: str
    messages: tuple[tuple[str, str], ...]
    response_a: str
    response_b: str
    source_a: str
    source_b: str


SCORE = "score"
"""The column of a round's table that holds the strategy's own score."""


@dataclass(frozen=True)
class Quantity:
    """A number that the candidates of a round have: the strategy's score, or what a signal says of a pair.

    `key` is its column in the round's table, `made_on` says in words what the signal was made on.
    """

    key: str
    title: str
    unit: str
    meaning: str
    made_on: str = ""


@dataclass(frozen=True, eq=False)
class RoundScores:
    """What is known of a run's candidates in a round, and what it picked, best first.

    `table` is that of `round_table.table_of`, with a row for each of the `candidates` and a column a quantity, the
    score first. `greedy` says that a gain was worked out pick by pick. Of a batch that people changed in review `picks`
    are what they left of it, `by_hand` says what they did about which of them, and `out` are the strategy's own picks
    that they took out.
    """

    strategy: StrategyRef
    run_id: str
    round: int
    warm_up: bool
    greedy: bool
    picks: tuple[str, ...]
    table: Path
    candidates: int
    quantities: tuple[Quantity, ...]
    by_hand: Mapping[str, str] = field(default_factory=dict, hash=False)
    out: tuple[str, ...] = ()

    def quantity(self, key: str) -> Quantity | None:
        """That quantity, if this round has it."""
        return next((found for found in self.quantities if found.key == key), None)
