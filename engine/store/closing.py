"""What nobody waits for any more: what somebody who left had in hand, and the rest of a batch that a lead closes."""

import sqlalchemy as sa

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.assignments import ask_again
from engine.store.campaigns import go_on
from engine.store.database import Store, raise_revisions
from engine.store.roles import left_for
from engine.store.votes import ASKED, COUNTING, OUT, UNFINISHED


def let_go(connection: sa.Connection, person_id: str) -> None:
    """Somebody has left: what they hold is open again, and what nobody else is left to answer is dropped."""
    to = s.assignments.c
    for row in connection.execute(
        sa.select(s.assignments).where((to.person_id == person_id) & (to.state == "leased"))
    ).all():
        connection.execute(s.assignments.update().where(to.id == row.id).values(state="lapsed"))
        if row.kind in ASKED:
            ask_again(connection, row)
    waiting = (
        sa.select(s.assignments, s.runs.c.study_id).join(s.runs).where((to.state == "open") & to.kind.in_(COUNTING))
    )
    runs = set()
    for row in connection.execute(waiting).all():
        others = left_for(connection, row.study_id, row.pair_id)
        same = (to.run_id == row.run_id) & (to.pair_id == row.pair_id) & (to.state == "skipped")
        if not others and connection.execute(sa.select(to.id).where(same)).first() is not None:
            connection.execute(s.assignments.update().where(to.id == row.id).values(state="dropped"))
            runs.add((row.run_id, row.study_id))
    for run_id, study_id in sorted(runs):
        go_on(connection, run_id)
        raise_revisions(connection, study_id)


def close_batch(store: Store, run_id: str) -> int:
    """Let a run go on without the pairs that nobody has answered: they return to the pool. How many they were.

    Answers to pairs that are in somebody's hand are still taken, as late ones. StoreError if the run does not wait.
    """
    to = s.assignments.c
    with store.write() as connection:
        run = connection.execute(sa.select(s.runs).where(s.runs.c.id == run_id)).first()
        if run is None or run.state != "waiting":
            raise StoreError(f"Run {run_id} does not wait for labels.", "See `workbench study show`.")
        left = (to.run_id == run_id) & to.kind.in_(COUNTING) & to.state.in_(UNFINISHED)
        pairs = connection.execute(sa.select(sa.func.count(to.pair_id.distinct())).where(left)).scalar_one()
        for state, after in (("open", "dropped"), (OUT, "dropped"), ("leased", "lapsed")):
            connection.execute(s.assignments.update().where(left & (to.state == state)).values(state=after))
        go_on(connection, run_id)
        raise_revisions(connection, run.study_id)
    return int(pairs)
