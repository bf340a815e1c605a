"""Tasks that do as they are told, and vectors of texts that need no encoder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sqlalchemy as sa

from engine.data.pool import PreferenceData
from engine.errors import DataError
from engine.records import Pair, Response
from engine.seeds import rng_for
from engine.store import schema
from engine.store.database import Store
from engine.store.pool_texts import study_config
from engine.store.texts import load_dataset
from engine.tasks.base import Say, Task


class Toy(Task):
    """Answers, fails, waits, or breaks."""

    name: ClassVar[str] = "toy"
    does: ClassVar[dict[str, Callable[[Say], dict[str, Any]]]] = {}
    holds: ClassVar[bool] = True

    word: str = "answer"
    parts: tuple[int, ...] = ()

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        say(f"{self.word}, 1 of 2")
        if self.word == "refuse":
            raise DataError("Row 3 holds no prompt.", "Mend it.")
        if self.word == "break":
            raise KeyError("x")
        if self.word == "grow":
            raise MemoryError
        if self.word == "wait":
            for _ in range(600):
                say("wait, 2 of 2")
                time.sleep(0.02)
            raise AssertionError("Nobody stopped it.")
        return {"said": self.word}

    def still_holds(self, store: Store, answer: Any) -> bool:
        return self.holds


@dataclass(frozen=True)
class Whole:
    """A fixed pool with all its texts in memory: what the blocks of `pool_texts` come to."""

    pairs: tuple[Pair, ...]
    responses: tuple[Response, ...]
    data: PreferenceData


def whole_pool(store: Store, study_id: str) -> Whole:
    """Every pair that the study's sampler makes of its whole data set, in the order of their ids."""
    with store.read() as connection:
        of = connection.execute(
            sa.select(schema.studies.c.datasets).where(schema.studies.c.id == study_id)
        ).scalar_one()
    data = load_dataset(store, of["pool"])
    pairs = study_config(store, study_id).sampler.candidates(data, list(data.prompts), None).pairs
    sides = sorted({side for pair in pairs for side in (pair.a, pair.b)})
    return Whole(tuple(sorted(pairs, key=lambda p: p.id)), tuple(data.responses[side] for side in sides), data)


def vectors(texts: Sequence[str], *_: Any, **__: Any) -> np.ndarray:
    """A text's own vector (8,), the same wherever it stands."""
    found = [rng_for(0, None, "vector", text).normal(size=8) for text in texts]
    return np.array(found, dtype=np.float32).reshape(len(texts), 8)
