"""Tasks: what a page asked for, who does it, and what came of it. Claimed by lease, as runs are."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.claims import LEASE_S, TaskClaim, beat, lapsed, spoke
from engine.store.database import Store, raise_revisions
from engine.store.summaries import TaskSummary


def plain(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it is kept: plain JSON with sorted keys, so that equal requests are equal texts."""
    kept: dict[str, Any] = json.loads(json.dumps(request, sort_keys=True))
    return kept


def task(store: Store, task_id: int) -> TaskSummary:
    """One task; StoreError if there is none of that number."""
    with store.read() as connection:
        row = connection.execute(sa.select(s.tasks).where(s.tasks.c.id == task_id)).first()
    if row is None:
        raise StoreError(f"There is no task {task_id} in {store.folder}.", "Ask for it again.")
    return _summary(row)


def tasks(store: Store, kind: str | None = None, limit: int = 100) -> list[TaskSummary]:
    """The newest tasks, of one kind or of all, newest first."""
    wanted = sa.select(s.tasks).order_by(s.tasks.c.id.desc()).limit(limit)
    with store.read() as connection:
        rows = connection.execute(wanted if kind is None else wanted.where(s.tasks.c.kind == kind)).all()
    return [_summary(row) for row in rows]


def newest_done(store: Store, kind: str, **wanted: str) -> TaskSummary | None:
    """The newest task of that kind that is done, among those whose request says just that, however many came after."""
    done = (s.tasks.c.kind == kind) & (s.tasks.c.state == "done")
    said = [s.tasks.c.request[name].as_string() == value for name, value in wanted.items()]
    with store.read() as connection:
        row = connection.execute(sa.select(s.tasks).where(done, *said).order_by(s.tasks.c.id.desc()).limit(1)).first()
    return None if row is None else _summary(row)


def find_task(store: Store, kind: str, request: Mapping[str, Any]) -> TaskSummary | None:
    """The newest task of that kind with exactly that request."""
    wanted = sa.select(s.tasks).where((s.tasks.c.kind == kind) & (s.tasks.c.request == plain(request)))
    with store.read() as connection:
        row = connection.execute(wanted.order_by(s.tasks.c.id.desc()).limit(1)).first()
    return None if row is None else _summary(row)


def _summary(row: Any) -> TaskSummary:
    return TaskSummary(row.id, row.kind, row.state, row.progress, row.answer, row.error, row.created, row.request)


def claim_task(store: Store, worker_id: str, wants: str = "tools", lease_s: float = LEASE_S) -> TaskClaim | None:
    """The oldest task that is queued, or running under a lease that has lapsed; None if there is none."""
    with store.write_quietly() as connection:
        row = connection.execute(
            sa.select(s.tasks)
            .join(s.workers, s.workers.c.id == s.tasks.c.worker_id, isouter=True)
            .where((s.tasks.c.wants == wants) & ((s.tasks.c.state == "queued") | lapsed(s.tasks)))
            .order_by(s.tasks.c.id)
            .limit(1)
        ).first()
        if row is None:
            return None
        taken = {"state": "running", "worker_id": worker_id, "lease_until": beat() + lease_s, "error": ""}
        connection.execute(s.tasks.update().where(s.tasks.c.id == row.id).values(**taken, progress="begins"))
        raise_revisions(connection, "tasks")
        return TaskClaim(row.id, row.kind, dict(row.request), worker_id)


def task_word(store: Store, claim: TaskClaim, doing: str, lease_s: float = LEASE_S) -> bool:
    """Say a word and renew the lease; False if the task is no longer this worker's to do."""
    with store.write_quietly() as connection:
        spoke(connection, claim.worker_id, doing)
        mine = _mine(claim)
        before = connection.execute(sa.select(s.tasks.c.progress).where(mine)).first()
        if before is None:
            return False
        connection.execute(s.tasks.update().where(mine).values(lease_until=beat() + lease_s, progress=doing))
        if before.progress != doing:
            raise_revisions(connection, "tasks")
        return True


def end_task(
    store: Store, claim: TaskClaim, state: str, *, answer: Mapping[str, Any] | None = None, error: str = ""
) -> bool:
    """Done with an answer, failed with a sentence, or queued again; False if another worker has it meanwhile."""
    with store.write_quietly() as connection:
        kept = None if answer is None else dict(answer)
        changed = connection.execute(
            s.tasks.update().where(_mine(claim)).values(state=state, answer=kept, error=error, progress="")
        ).rowcount
        if changed:
            raise_revisions(connection, "tasks")
        return bool(changed)


def _mine(claim: TaskClaim) -> Any:
    return (s.tasks.c.id == claim.task_id) & (s.tasks.c.worker_id == claim.worker_id) & (s.tasks.c.state == "running")
