"""What the screen writes: commands for workers, and requests for tasks. All else of a run is its worker's."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store, now, raise_revisions
from engine.store.tasks import plain

READER = "reader"
"""The row of `people` for whoever reads on this machine: the app knows no names."""
SELECTED = 100_000
"""Pairs of a saved selection at most."""

FROM: dict[str, tuple[str, ...]] = {
    "pause": ("queued", "running", "review", "waiting"),
    "resume": ("paused",),
    "cancel": ("queued", "running", "review", "waiting", "paused", "failed"),
    "retry": ("failed", "cancelled"),
}
TO = {"pause": "paused", "resume": "queued", "cancel": "cancelled", "retry": "queued"}


def command(store: Store, verb: str, *, study_id: str | None = None, run_id: str | None = None) -> int:
    """Change the state of a study's runs (or of one); the number of runs it changed.

    A running worker sees it at its next word and stops there; the finished stages are kept. StoreError if nothing there
    can be paused, resumed, cancelled or tried again.
    """
    if verb not in FROM:
        raise StoreError(f"No command is called {verb!r}.", f"Known: {', '.join(FROM)}.")
    column, value = (s.runs.c.id, run_id) if run_id is not None else (s.runs.c.study_id, study_id)
    with store.read() as connection:
        row = connection.execute(sa.select(s.runs.c.study_id).where(column == value)).first()
        if row is None:
            raise StoreError(f"There is no study or run {value!r}.", "See `workbench study list`.")
    scope = row.study_id
    with store.write(scope) as connection:
        changed = connection.execute(
            s.runs.update()
            .where((column == value) & s.runs.c.state.in_(FROM[verb]))
            .values(state=TO[verb], error="", progress="", updated=now(), taken_over=0)
        ).rowcount
        connection.execute(
            insert(s.commands).values(study_id=scope, run_id=run_id, what=verb, detail={"runs": changed}, created=now())
        )
    if not changed:
        raise StoreError(
            f"Nothing there can be {PAST[verb]}: no run is {' or '.join(FROM[verb])}.", "See `workbench study list`."
        )
    return int(changed)


def reorder(
    store: Store, to: Literal["first", "last"], *, study_id: str | None = None, run_id: str | None = None
) -> int:
    """Put the unfinished runs of a study (or one) before, or behind, all others in the queue; how many.

    A run that is being worked on is not interrupted. StoreError if nothing there has still to be done.
    """
    column, value = (s.runs.c.id, run_id) if run_id is not None else (s.runs.c.study_id, study_id)
    unfinished = s.runs.c.state.not_in(["done", "cancelled"])
    ends = sa.select(sa.func.min(s.runs.c.priority), sa.func.max(s.runs.c.priority), sa.func.count()).where(unfinished)
    with store.write_quietly() as connection:
        low, high, _ = connection.execute(ends).one()
        rows = connection.execute(sa.select(s.runs.c.study_id).where((column == value) & unfinished)).all()
        if not rows:
            raise StoreError(f"Nothing of {value!r} has still to be done.", "See `workbench study list`.")
        priority = high + 1 if to == "first" else low - 1
        connection.execute(s.runs.update().where((column == value) & unfinished).values(priority=priority))
        detail = {"to": to, "runs": len(rows)}
        row = {"study_id": rows[0].study_id, "run_id": run_id, "what": "reorder", "detail": detail, "created": now()}
        connection.execute(insert(s.commands).values(**row))
        raise_revisions(connection, rows[0].study_id)
    return len(rows)


PAST = {"pause": "paused", "resume": "resumed", "cancel": "cancelled", "retry": "tried again"}


def request_task(
    store: Store,
    kind: str,
    request: Mapping[str, Any],
    wants: str = "tools",
    still_holds: Callable[[Mapping[str, Any]], bool] | None = None,
) -> int:
    """Ask a worker for something a page needs torch or a tokenizer for; the task's number.

    The same request is not made twice: one that waits or runs is reused, and one that is done while `still_holds` says
    so of its answer (None: always). One that failed or was cancelled is asked anew.
    """
    kept = plain(request)
    with store.write_quietly() as connection:
        found = connection.execute(
            sa.select(s.tasks)
            .where((s.tasks.c.kind == kind) & (s.tasks.c.request == kept) & (s.tasks.c.wants == wants))
            .order_by(s.tasks.c.id.desc())
            .limit(1)
        ).first()
        if found is not None and found.state in ("queued", "running"):
            return int(found.id)
        if found is not None and found.state == "done" and (still_holds is None or still_holds(found.answer or {})):
            return int(found.id)
        statement = insert(s.tasks).values(kind=kind, wants=wants, request=kept, state="queued", created=now())
        raise_revisions(connection, "tasks")
        return int(connection.execute(statement.returning(s.tasks.c.id)).scalar_one())


def stop_task(store: Store, task_id: int) -> bool:
    """Nobody wants its answer any more; False if it had come to an end already. Its worker stops at its next word."""
    unfinished = (s.tasks.c.id == task_id) & s.tasks.c.state.in_(["queued", "running"])
    with store.write("tasks") as connection:
        return bool(
            connection.execute(s.tasks.update().where(unfinished).values(state="cancelled", progress="")).rowcount
        )


def save_selection(store: Store, study_id: str, pair_ids: Sequence[str], made_from: Mapping[str, Any]) -> str:
    """Keep chosen pairs (a lasso, say) under a short id for links; the same pairs of a study keep their id.

    StoreError for more than 100,000: nobody reads or labels those one by one.
    """
    ids = sorted(set(pair_ids))
    if len(ids) > SELECTED:
        raise StoreError(f"A selection holds at most {SELECTED:,} pairs; this one has {len(ids):,}.", "Choose fewer.")
    digest = hashlib.sha256("\x1f".join([study_id, *ids]).encode()).hexdigest()[:10]
    selection_id = f"l{digest}"
    row = {"id": selection_id, "study_id": study_id, "pair_ids": ids, "made_from": dict(made_from), "created": now()}
    with store.write(study_id) as connection:
        connection.execute(insert(s.selections).values(**row).on_conflict_do_nothing())
    return selection_id


def tour_seen(store: Store) -> None:
    """Somebody has closed the tour: it does not open by itself again over this store."""
    with store.write("people") as connection:
        row = {"id": READER, "name": "who reads here", "role": "reader", "created": now()}
        connection.execute(insert(s.people).values(**row).on_conflict_do_nothing())
