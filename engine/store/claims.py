"""Who does what: workers and their last words, the claim of a run by lease, the state of a run.

A run belongs to the worker that claimed it last. One that was thought dead and comes back finds that out at its next
word, and nothing it writes until then counts.
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.config import RunConfig, StudyConfig
from engine.errors import ConfigError
from engine.store import schema as s
from engine.store.database import Store, now, raise_only, raise_revisions
from engine.store.plugins import describe

WORKERS = "workers"
"""The scope of revisions that rises with every word of a worker."""
LEASE_S = 30.0
HALVED_AT = (3, 6)
"""Deaths over one stage after which it is tried with half the memory, if the system ends processes for theirs."""
DEATHS = 10
"""Workers that may die one after another over one stage: after that many the stage itself is what ends them."""


def beat() -> float:
    """Seconds since the machine started: a lease must not end, or last, because somebody set the clock."""
    return time.monotonic()


def lapsed(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a row of runs or tasks is held under a lease that has ended, or by a worker from before a restart.

    For a query that joins `workers` from outside (`left join`): the clock starts anew with the machine, so a worker
    whose last beat lies ahead is from before.
    """
    over = (table.c.lease_until < beat()) | (s.workers.c.beat > beat())
    return (table.c.state == "running") & over


@dataclass(frozen=True)
class Claim:
    """A run that this worker may do until its lease ends; the heartbeat renews it.

    `deaths`: how many workers died over its stage in hand, if it was taken over from the last of them; else 0.
    """

    run_id: str
    study_id: str
    worker_id: str
    config: RunConfig
    datasets: dict[str, str]
    deaths: int = 0


@dataclass(frozen=True)
class TaskClaim:
    """A task that this worker may do until its lease ends; its word renews it."""

    task_id: int
    kind: str
    request: dict[str, Any]
    worker_id: str


def claim_run(store: Store, worker_id: str, lease_s: float = LEASE_S) -> Claim | None:
    """The next run that is queued, or running under a lease that has lapsed; None if there is none.

    A run whose config this program cannot read (a plugin is gone, say) fails with the reason, and the next is taken.
    """
    while (row := _next(store, worker_id, lease_s)) is not None:
        if row.taken_over >= DEATHS:
            sentence = (
                f"{DEATHS} workers died one after another without finishing a stage after round {row.round}. Most "
                "often the system ends a process that takes too much memory; its log says so. Finished stages are "
                "kept: lower prompts_per_round or the batch sizes in a clone, or mend the cause and retry."
            )
            set_state(store, row.id, "failed", error=sentence, only_from=["running"], worker_id=worker_id)
            continue
        describe(store)  # a plugin may have been saved since the worker was started
        try:
            study = StudyConfig.from_dict(row.study_config, f"Study {row.study_id}")
            run = study.run(**row.config)
        except ConfigError as error:
            set_state(store, row.id, "failed", error=str(error), only_from=["running"], worker_id=worker_id)
        else:
            deaths = row.taken_over + 1 if row.state == "running" else 0
            return Claim(row.id, row.study_id, worker_id, run, dict(row.datasets), deaths)
    return None


def _next(store: Store, worker_id: str, lease_s: float) -> Any:
    with store.write_quietly() as connection:
        row = connection.execute(
            sa.select(s.runs, s.studies.c.config.label("study_config"), s.studies.c.datasets)
            .join(s.studies)
            .join(s.workers, s.workers.c.id == s.runs.c.worker_id, isouter=True)
            .where((s.runs.c.state == "queued") | lapsed(s.runs))
            .order_by(s.runs.c.priority.desc(), s.studies.c.created, s.runs.c.position)
            .limit(1)
        ).first()
        if row is not None:
            connection.execute(
                s.runs.update()
                .where(s.runs.c.id == row.id)
                .values(
                    state="running",
                    worker_id=worker_id,
                    lease_until=beat() + lease_s,
                    error="",
                    updated=now(),
                    taken_over=row.taken_over + (row.state == "running"),
                )
            )
            raise_revisions(connection, row.study_id)
        return row


def is_owner(connection: sa.Connection, claim: Claim) -> bool:
    """Whether the run is still this worker's, whatever its state; ask within the transaction that writes."""
    owner = connection.execute(sa.select(s.runs.c.worker_id).where(s.runs.c.id == claim.run_id)).scalar()
    return owner == claim.worker_id


def heartbeat(store: Store, worker_id: str, run_id: str | None, doing: str, lease_s: float = LEASE_S) -> bool:
    """Say a word: renews the worker's row and its run's lease. False if the run is no longer this worker's to do.

    Only a new word of a run raises a revision: a lease that is renewed changes no page.
    """
    with store.write_quietly() as connection:
        spoke(connection, worker_id, doing)
        if run_id is None:
            return True
        mine = (s.runs.c.id == run_id) & (s.runs.c.worker_id == worker_id) & (s.runs.c.state == "running")
        before = connection.execute(sa.select(s.runs.c.study_id, s.runs.c.progress).where(mine)).first()
        if before is None:
            return False
        connection.execute(s.runs.update().where(mine).values(lease_until=beat() + lease_s, progress=doing))
        if before.progress != doing:
            raise_revisions(connection, before.study_id)
        return True


def spoke(connection: sa.Connection, worker_id: str, doing: str) -> None:
    """Note the worker's word, within the transaction that renews what it holds; news of workers alone."""
    said = {"last_word": time.time(), "beat": beat(), "doing": doing}
    connection.execute(s.workers.update().where(s.workers.c.id == worker_id).values(**said))
    raise_only(connection, WORKERS)


def set_state(
    store: Store,
    run_id: str,
    state: str,
    *,
    error: str = "",
    only_from: Iterable[str] | None = None,
    worker_id: str | None = None,
) -> bool:
    """Give a run a state (and a failed one its reason).

    False, and nothing is changed, if it was in none of the states `only_from`, or is not `worker_id`'s.
    """
    with store.write_quietly() as connection:
        condition = s.runs.c.id == run_id
        if only_from is not None:
            condition &= s.runs.c.state.in_(list(only_from))
        if worker_id is not None:
            condition &= s.runs.c.worker_id == worker_id
        found = connection.execute(
            s.runs.update()
            .where(condition)
            .values(state=state, error=error, progress="", updated=now())
            .returning(s.runs.c.study_id)
        ).first()
        if found is not None:
            raise_revisions(connection, found.study_id)
        return found is not None


def register_worker(store: Store, kind: str, device: str, pid: int, host: str, lease_s: float = LEASE_S) -> str:
    """A new worker's id."""
    worker_id = "w" + uuid.uuid4().hex[:8]
    with store.write() as connection:
        connection.execute(
            insert(s.workers).values(
                id=worker_id,
                kind=kind,
                device=device,
                pid=pid,
                host=host,
                last_word=time.time(),
                beat=beat(),
                lease_s=lease_s,
            )
        )
    return worker_id


def end_worker(store: Store, worker_id: str) -> None:
    """It stopped of its own accord."""
    with store.write() as connection:
        connection.execute(s.workers.update().where(s.workers.c.id == worker_id).values(ended=True, doing="stopped"))


def release(store: Store, pid: int, host: str) -> None:
    """Free what the workers of a dead process held, so that others need not wait for the end of its lease."""
    dead = sa.select(s.workers.c.id).where((s.workers.c.pid == pid) & (s.workers.c.host == host) & ~s.workers.c.ended)
    with store.write() as connection:
        for table in (s.runs, s.tasks):
            held = (table.c.state == "running") & table.c.worker_id.in_(dead)
            connection.execute(table.update().where(held).values(lease_until=0.0))
        gone = (s.workers.c.pid == pid) & (s.workers.c.host == host)
        connection.execute(s.workers.update().where(gone).values(ended=True, doing="died"))
