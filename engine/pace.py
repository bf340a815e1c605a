"""Texts through the model, and how long they take on a machine where some have gone through it before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Work:
    """Texts through the model; `engine.cost` says what counts as one."""

    forwards: float = 0
    backwards: float = 0
    generations: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.forwards + other.forwards, self.backwards + other.backwards, self.generations + other.generations
        )

    def times(self, n: float) -> "Work":
        """The same n times."""
        return Work(self.forwards * n, self.backwards * n, self.generations * n)

    def numbers(self) -> tuple[float, float, float]:
        """(forwards, backwards, generations)."""
        return (self.forwards, self.backwards, self.generations)


@dataclass(frozen=True)
class Pace:
    """Seconds for a forward, a backward and a generation, and over how many finished runs they were measured."""

    forward: float
    backward: float
    generation: float
    runs: int

    def seconds(self, work: Work) -> float:
        """How long that work takes at this pace."""
        return sum(n * each for n, each in zip(work.numbers(), (self.forward, self.backward, self.generation),
                                               strict=True))  # fmt: skip


def pace_of(measured: Sequence[tuple[Work, float]], runs: int) -> Pace | None:
    """The pace that best explains (work, seconds) of finished stages, least squares; None where nothing is known.

    A kind of work that the others already explain in full gets 0 and is left out: no pace is below 0. A kind that was
    never done here (no generation, say) is taken to cost what the dearest kind does.
    """
    table = np.array([work.numbers() for work, _ in measured], dtype=np.float64).reshape(-1, 3)
    seconds = np.array([spent for _, spent in measured], dtype=np.float64)
    kept = [column for column in range(3) if table[:, column].any()]
    done = set(kept)
    if not kept:
        return None
    found = np.zeros(3)
    while kept:
        solved = np.linalg.lstsq(table[:, kept], seconds, rcond=None)[0]
        if (solved >= 0).all():
            found[kept] = solved
            break
        kept = [column for column, value in zip(kept, solved, strict=True) if value >= 0]
    known = max(found)
    found = np.array([value if column in done else known for column, value in enumerate(found)])
    return Pace(float(found[0]), float(found[1]), float(found[2]), runs)
