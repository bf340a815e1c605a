"""Hidden repeats and gold questions: pairs that a person is shown once more, or whose answer the file knows.

They look like any other pair. Nothing waits for them, and what is answered says nothing about the pair's label.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.oracles.people import People
from engine.seeds import uniforms
from engine.store import schema as s
from engine.store.database import now
from engine.store.votes import COUNTING

GAP = 5
"""Answers between a pair and its repeat, at the least."""


def hidden(connection: sa.Connection, oracle: People, study_id: str, person_id: str, seed: int, waiting: Any) -> Any:
    """A new assignment of this kind where the person's next place in their own order is one for it; else None.

    `waiting` selects the runs that wait. A keyed draw a place, so a reload changes nothing.
    """
    if not (oracle.repeat_share or oracle.gold_share):
        return None
    to, runs = s.assignments.c, s.runs.c
    mine = sa.select(s.assignments).join(s.runs, runs.id == to.run_id).join(s.labels, s.labels.c.assignment_id == to.id)
    mine = mine.where(
        (runs.study_id == study_id) & (to.person_id == person_id) & (to.state.in_(("answered", "skipped")))
    )
    had = list(connection.execute(mine.order_by(s.labels.c.id)).all())
    draw = uniforms(seed, None, f"hidden:{person_id}", [str(len(had))])[0]
    if draw < oracle.repeat_share:
        return _repeat(connection, had, person_id, seed, waiting)
    if draw < oracle.repeat_share + oracle.gold_share:
        return _gold(connection, had, person_id, study_id)
    return None


def _repeat(connection: sa.Connection, had: list[Any], person_id: str, seed: int, waiting: Any) -> Any:
    """One that was answered a while ago and not repeated yet, its sides exchanged."""
    running = set(connection.execute(waiting).scalars())
    again = {row.pair_id for row in had if row.kind == "repeat"}
    early = [row for row in had[: max(0, len(had) - GAP)] if row.kind in COUNTING and row.state == "answered"]
    fit = [row for row in early if row.pair_id not in again and row.run_id in running]
    if not fit:
        return None
    at = int(uniforms(seed, None, f"repeat:{person_id}", [str(len(had))])[0] * len(fit))
    row = fit[at]
    other = "b" if row.side_first == "a" else "a"
    return _new(connection, row, person_id, kind="repeat", side_first=other)


def _gold(connection: sa.Connection, had: list[Any], person_id: str, study_id: str) -> Any:
    """The next in reserve that this person has not had."""
    to, runs = s.assignments.c, s.runs.c
    seen = {row.pair_id for row in had}
    kept = sa.select(s.assignments).join(s.runs, runs.id == to.run_id)
    rows = connection.execute(kept.where((runs.study_id == study_id) & (to.kind == "kept")).order_by(to.id)).all()
    row = next((row for row in rows if row.pair_id not in seen), None)
    return None if row is None else _new(connection, row, person_id, kind="gold", known=row.known)


def _new(connection: sa.Connection, like: Any, person_id: str, **more: Any) -> Any:
    row = {"run_id": like.run_id, "round": like.round, "pair_id": like.pair_id, "person_id": person_id}
    made = insert(s.assignments).values(**row, **more, state="leased", created=now())
    number = connection.execute(made.returning(s.assignments.c.id)).scalar_one()
    return connection.execute(sa.select(s.assignments).where(s.assignments.c.id == number)).one()
