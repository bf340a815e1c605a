"""What the command line and the workers write: studies, and the stage events of their runs.

An event is saved in one transaction with its rows; arrays are on disk before that. So after a kill at any moment a
stage is there whole or not at all.
"""

import hashlib
import json
import re
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.arms import TWIN, strategy_of
from engine.config import RunConfig, StudyConfig
from engine.data.pool import PreferenceData
from engine.errors import StoreError
from engine.records import Evaluated, Event, Label, Labelled, Picked, Pooled, stage_of
from engine.store import schema as s
from engine.store.bank import banked
from engine.store.checkpoints import drop_checkpoints, remove_files
from engine.store.claims import (
    LEASE_S,
    Claim,
    claim_run,
    end_worker,
    heartbeat,
    is_owner,
    register_worker,
    set_state,
)
from engine.store.codec import detail_of, files_of
from engine.store.database import Store, now
from engine.store.files import Written, write_bytes
from engine.store.provenance import halved, memory_plan, save_provenance
from engine.store.texts import add_pairs, add_texts

__all__ = [
    "LEASE_S",
    "Claim",
    "bought_labels",
    "claim_run",
    "drop_stages",
    "end_worker",
    "forget_stage",
    "heartbeat",
    "is_locked",
    "may_pass",
    "memory_plan",
    "queue_runs",
    "queue_study",
    "register_worker",
    "save_event",
    "save_provenance",
    "set_state",
    "slots_for",
]

PREFERRED_SLOTS = {"random": 0, "activedpo": 1, "apl": 2, "real": 3}


def slots_for(names: Iterable[str]) -> dict[str, int]:
    """The colour slot of each arm of a study, in the order they were added; 0 is for random and its other arms."""
    names = list(names)
    taken = {name: PREFERRED_SLOTS[name] for name in names if name in PREFERRED_SLOTS}
    taken |= {name: 0 for name in names if strategy_of(name) == TWIN}
    free = iter([n for n in range(1, 1000) if n not in taken.values()])
    return {name: taken[name] if name in taken else next(free) for name in names}


def queue_study(store: Store, config: StudyConfig, datasets: Mapping[str, str], provenance: Mapping[str, Any]) -> str:
    """Write a study and its runs, seed-major, all queued. `datasets`: "pool" and "held_out:NAME" → data set id."""
    saved = config.model_dump(mode="json")
    study_id = "s" + uuid.uuid4().hex[:10]
    with store.write(study_id) as connection:
        connection.execute(
            insert(s.studies).values(
                id=study_id,
                name=config.name,
                config=saved,
                config_sha256=hashlib.sha256(json.dumps(saved, sort_keys=True).encode()).hexdigest(),
                slots=slots_for(entrant.key for entrant in config.entrants()),
                datasets=dict(datasets),
                provenance=dict(provenance),
                created=now(),
            )
        )
        queue_runs(connection, study_id, config.runs())
    return study_id


def queue_runs(connection: sa.Connection, study_id: str, runs: Sequence[RunConfig], first: int = 0) -> None:
    """These runs, from place `first` of their study on."""
    for position, run in enumerate(runs, start=first):
        connection.execute(
            insert(s.runs).values(
                id=f"r{study_id[1:]}-{re.sub('[^a-z0-9_]+', '-', run.key)}-{run.seed}",
                study_id=study_id,
                position=position,
                strategy=run.key,
                seed=run.seed,
                arm=run.arm,
                config=run.saved,
                state="queued",
                updated=now(),
            )
        )


def save_event(store: Store, claim: Claim, event: Event) -> bool:
    """Save one stage: its files, then in one transaction its rows, its place in the run and the revisions.

    False, and no row is written, if another worker has claimed the run meanwhile. The stage's checkpoint goes with it.
    """
    stage = stage_of(event)
    written = [(name, _write(store, claim, event, name, content)) for name, content in files_of(event).items()]
    key = {"run_id": claim.run_id, "round": event.round}
    with store.write(claim.study_id) as connection:
        if not is_owner(connection, claim):
            return False
        if isinstance(event, Labelled):
            event = _buy(connection, claim, event)
        checkpoints = drop_checkpoints(connection, claim.run_id, event.round, stage)
        if (
            isinstance(event, Picked) and event.own
        ):  # as it is labelled, in place of the strategy's list, which it holds
            forget_stage(connection, claim.run_id, event.round, stage)
        artefact_ids = {}
        for name, file in written:
            artefact_ids[name] = connection.execute(
                insert(s.artefacts)
                .values(
                    **key, stage=stage, name=name, path=file.path, bytes=file.bytes, sha256=file.sha256, created=now()
                )
                .returning(s.artefacts.c.id)
            ).scalar_one()
        connection.execute(
            insert(s.stages).values(
                **key,
                stage=stage,
                detail=detail_of(event) | {"halved": halved(connection, claim.run_id)},
                seconds=event.spent.seconds,
                tokens=event.spent.tokens,
                peak_bytes=event.spent.peak_bytes,
                finished=now(),
            )
        )
        if isinstance(event, Pooled):
            made = PreferenceData(responses={r.id: r for r in event.made})
            add_texts(connection, made, run_id=claim.run_id, round_number=event.round)
            add_pairs(connection, list(event.made_pairs))
            connection.execute(
                insert(s.pool_snapshots).values(
                    **key, n_pairs=len(event.pair_ids), artefact_id=artefact_ids["pairs.json"]
                )
            )
        elif isinstance(event, Picked):
            connection.execute(
                insert(s.picks),
                [
                    {
                        **key,
                        "rank": pick.rank,
                        "pair_id": pick.pair_id,
                        "score": pick.score,
                        "gain": pick.gain,
                        "why": dict(pick.why),
                        "warm_up": event.warm_up,
                    }
                    for pick in event.picks
                ],
            )
        elif isinstance(event, Evaluated):
            connection.execute(
                insert(s.metrics),
                [
                    {**key, "name": m.name, "split": m.split, "value": m.value, "n": m.n, "unit": m.unit}
                    for m in event.metrics
                ],
            )
        connection.execute(
            s.runs.update()
            .where(s.runs.c.id == claim.run_id)
            .values(round=event.round, stage=stage, updated=now(), taken_over=0)
        )
    remove_files(store, checkpoints)
    return True


def _write(store: Store, claim: Claim, event: Event, name: str, content: bytes) -> Written:
    """The name ends in a part of the hash: a worker that lost the run cannot write over its successor's file."""
    path, digest = PurePosixPath(name), hashlib.sha256(content).hexdigest()[:12]
    file = f"{event.round:03d}-{stage_of(event)}-{path.stem}.{digest}{path.suffix}"
    return write_bytes(store.folder, f"files/{claim.run_id}/{file}", content)


def _buy(connection: sa.Connection, claim: Claim, event: Labelled) -> Labelled:
    """New labels only: those of the study's bank stay as they are. The event with its count of reused labels.

    A stage that is computed again finds the labels that it bought the first time: those are its own, not reused.
    People's answers are rows already; a pair that was closed without an answer gets none.
    """
    oracle = claim.config.study.oracle
    seed = claim.config.seed if oracle.simulated else None
    had = {
        row.pair_id: (row.run_id, row.round)
        for row in connection.execute(
            sa.select(s.labels.c.pair_id, s.labels.c.run_id, s.labels.c.round)
            .where(banked(connection, claim.study_id) & (s.labels.c.seed.is_not_distinct_from(seed)))
            .order_by(s.labels.c.id.desc())
        )
    }
    rows: list[dict[str, Any]] = [
        {
            "study_id": claim.study_id,
            "seed": seed,
            "pair_id": label.pair_id,
            "answer": label.answer,
            "oracle": label.oracle,
            "detail": dict(label.detail),
            "run_id": claim.run_id,
            "round": event.round,
            "created": now(),
        }
        for label in event.labels
        if label.pair_id not in had
    ]
    if oracle.people:  # what models answered in their place is new
        rows = [row for row in rows if row["detail"].get("by") == "models"]
    if rows:
        connection.execute(insert(s.labels), rows)
    own = sum(had.get(label.pair_id) == (claim.run_id, event.round) for label in event.labels)
    return replace(event, reused=event.reused - own)


def bought_labels(store: Store, claim: Claim, pair_ids: Iterable[str]) -> dict[str, Label]:
    """The study's labels of these pairs: once per study, or per study and seed for a simulated oracle."""
    seed = claim.config.seed if claim.config.study.oracle.simulated else None
    wanted = set(pair_ids)
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.labels)
            .where(banked(connection, claim.study_id) & (s.labels.c.seed.is_not_distinct_from(seed)))
            .order_by(s.labels.c.id)
        )
        return {r.pair_id: Label(r.pair_id, r.answer, r.oracle, dict(r.detail)) for r in rows if r.pair_id in wanted}


def is_locked(error: StoreError) -> bool:
    """Whether another process held the database for longer than a write waits."""
    return _code(error) == sqlite3.SQLITE_BUSY


def may_pass(store: Store, error: StoreError) -> bool:
    """Whether waiting may help: the database is locked, its disk is full or in trouble, and it is still there."""
    passing = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return _code(error) in passing and (store.folder / "workbench.db").exists()


def _code(error: StoreError) -> int:
    """SQLite's code of the trouble, its low byte; 0 if it was another's."""
    found = getattr(getattr(error.__cause__, "orig", None), "sqlite_errorcode", 0)
    return int(found) & 0xFF


def drop_stages(store: Store, claim: Claim, keep: Iterable[tuple[int, str]]) -> None:
    """Forget the stages of a run that are not in `keep`, so that they are computed again; bought labels stay."""
    kept = set(keep)
    with store.write(claim.study_id) as connection:
        if not is_owner(connection, claim):
            return
        rows = connection.execute(
            sa.select(s.stages.c.round, s.stages.c.stage).where(s.stages.c.run_id == claim.run_id)
        ).all()
        for number, stage in [(r.round, r.stage) for r in rows if (r.round, r.stage) not in kept]:
            forget_stage(connection, claim.run_id, number, stage)


_OF_STAGE = {"pooled": s.pool_snapshots, "picked": s.picks, "evaluated": s.metrics}


def forget_stage(connection: sa.Connection, run_id: str, number: int, stage: str) -> None:
    """Remove the rows of a stage; files that no row names any more are swept."""
    for table in (*((_OF_STAGE[stage],) if stage in _OF_STAGE else ()), s.artefacts, s.stages):
        mine = (table.c.run_id == run_id) & (table.c.round == number)
        connection.execute(table.delete().where(mine & (table.c.stage == stage) if "stage" in table.c else mine))
