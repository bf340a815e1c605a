"""Campaigns over a tiny model, their workers and their people: what tests of campaigns share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.config import StudyConfig
from engine.records import Answer
from engine.store import assignments, queries
from engine.store import schema as s
from engine.store.assignments import Said, Shown
from engine.store.check import check
from engine.store.database import Store
from engine.store.roles import Person
from engine.worker import Worker
from tests.engine.test_loop import config, make_data
from tests.engine.worker import lives

ASKS = {"name": "people", "held_out_pairs": 3, "audit_share": 0.25}


def study(model: Path, oracle: dict[str, Any] | None = None, **changes: Any) -> StudyConfig:
    more = {
        "rounds": 2, "labels_per_round": 2, "strategies": ["activedpo", "real", "random"], "seeds": [1],
        "evaluation": {"pairs_per_set": 4, "generate": "never"}, "oracle": {**ASKS, **(oracle or {})},
        "data": {"pool": "unused", "held_out": {"near": "unused"}},
    }  # fmt: skip
    return config(model, **{**more, **changes})


def begun(folder: Path, model: Path, oracle: dict[str, Any] | None = None, **changes: Any) -> tuple[Store, str, str]:
    store = lives.queue(folder, study(model, oracle, **changes), make_data(8, "pool"))
    work(store)
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    return store, run.study_id, run.id


def work(store: Store) -> None:
    Worker(store, "cpu").work(until_idle=True)


def state(store: Store, study_id: str) -> str:
    return queries.study(store, study_id).runs[0].state


def everything(store: Store, study_id: str, person: Person, say: Callable[[Shown], Answer] = lambda shown: "a") -> int:
    """Answer until nothing is left; how many answers."""
    n, shown = 0, assignments.claim_next(store, study_id, person.id)
    while shown is not None:
        n += 1
        shown = assignments.answer_and_next(store, study_id, shown.assignment_id, person.id, Said(say(shown)))
    return n


def errors(store: Store) -> list[str]:
    return [str(finding) for finding in check(store.folder) if finding.severity == "error"]


def labels(store: Store) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(s.labels).order_by(s.labels.c.id)).all())
