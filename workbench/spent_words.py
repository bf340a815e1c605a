"""What the stages of runs took, as rows and words: time, tokens, tokens a second, peak memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from engine.records import STAGES as ORDER
from workbench.wording import NOTHING, STAGES, duration, integer, size

COLUMNS = ("stage", "rounds", "time", "tokens", "tokens/s", "peak memory")
HOW = (
    "Tokens are those that went through the model, padding left out: what lay in the cache took none, and stages "
    "without any do not count for tokens a second. Peak memory is the most the worker held at once, on a GPU the most "
    "of the device's. – is what nobody counted."
)


@dataclass(frozen=True)
class Took:
    """One stage, or all of them: sums over runs and rounds; `tokens` and `peak_bytes` are 0 where nobody counted.
    `reading` are the seconds of the stages that put tokens through the model."""

    stage: str
    times: int
    seconds: float
    tokens: int
    peak_bytes: int
    reading: float

    @property
    def tokens_a_second(self) -> float | None:
        """None without tokens or time."""
        return self.tokens / self.reading if self.tokens and self.reading else None

    def words(self) -> tuple[str, ...]:
        """A cell for each of `COLUMNS`."""
        return (
            STAGES.get(self.stage, self.stage),
            integer(self.times) if self.stage in STAGES else "",
            duration(self.seconds),
            integer(self.tokens) if self.tokens else NOTHING,
            NOTHING if self.tokens_a_second is None else integer(self.tokens_a_second),
            size(self.peak_bytes) if self.peak_bytes else NOTHING,
        )

    def numbers(self) -> Mapping[str, float | str | None]:
        """The same for machines; None for what nobody counted."""
        return {
            "stage": self.stage,
            "rounds": self.times,
            "seconds": self.seconds,
            "tokens": self.tokens or None,
            "tokens_per_second": self.tokens_a_second,
            "peak_bytes": self.peak_bytes or None,
        }


def took(costs: pd.DataFrame, run_id: str | None = None) -> list[Took]:
    """A row a stage in the order of a round, and "all" at the end; of one run, or of all. Empty before any stage."""
    rows = costs if run_id is None else costs[costs["run_id"] == run_id]
    found = [_one(stage, part) for stage in ORDER if not (part := rows[rows["stage"] == stage]).empty]
    return [*found, _one("all", rows)] if found else []


def _one(stage: str, rows: pd.DataFrame) -> Took:
    sums = rows[["times", "seconds", "tokens"]].sum()
    reading, peak = float(rows.loc[rows["tokens"] > 0, "seconds"].sum()), int(rows["peak_bytes"].max())
    return Took(stage, int(sums["times"]), float(sums["seconds"]), int(sums["tokens"]), peak, reading)


def in_short(rows: list[Took]) -> str:
    """ "4,310 tokens/s, at most 1.1 GB"; without what nobody counted, – where that is all."""
    if not rows:
        return NOTHING
    *_, speed, peak = rows[-1].words()
    known = ((speed, f"{speed} tokens/s"), (peak, f"at most {peak}"))
    return ", ".join(words for value, words in known if value != NOTHING) or NOTHING
