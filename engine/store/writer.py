"""What the command line and the workers write: studies, the claim of a run, its stage events, its end.

An event is saved in one transaction with its rows; arrays are on disk before that. So after a kill at any moment a
stage is there whole or not at all.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.config import RunConfig, StudyConfig
from engine.data.pool import PreferenceData
from engine.errors import StoreError
from engine.records import Evaluated, Event, Label, Labelled, Picked, Pooled, stage_of
from engine.store import schema as s
from engine.store.codec import detail_of, files_of
from engine.store.database import Store, now
from engine.store.files import write_bytes
from engine.store.texts import add_pairs, add_texts

PREFERRED_SLOTS = {"random": 0, "activedpo": 1, "apl": 2, "real": 3}
LEASE_S = 30.0


@dataclass(frozen=True)
class Claim:
    """A run that this worker may do until its lease ends; the heartbeat renews it."""

    run_id: str
    study_id: str
    config: RunConfig
    datasets: dict[str, str]


def slots_for(names: Iterable[str]) -> dict[str, int]:
    """The colour slot of each strategy, in the order they were added; 0 is random's alone."""
    names = list(names)
    taken = {name: PREFERRED_SLOTS[name] for name in names if name in PREFERRED_SLOTS}
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
                slots=slots_for(strategy.name for strategy in config.strategies),
                datasets=dict(datasets),
                provenance=dict(provenance),
                created=now(),
            )
        )
        for position, run in enumerate(config.runs()):
            connection.execute(
                insert(s.runs).values(
                    id=f"r{study_id[1:]}-{run.strategy.name}-{run.seed}",
                    study_id=study_id,
                    position=position,
                    strategy=run.strategy.name,
                    seed=run.seed,
                    config={"strategy": run.strategy.spec(), "seed": run.seed},
                    state="queued",
                    updated=now(),
                )
            )
    return study_id


def claim_run(store: Store, worker_id: str, lease_s: float = LEASE_S) -> Claim | None:
    """The next run that is queued, or running under a lease that has lapsed; None if there is none."""
    with store.write() as connection:
        row = connection.execute(
            sa.select(s.runs, s.studies.c.config.label("study_config"), s.studies.c.datasets)
            .join(s.studies)
            .where(
                (s.runs.c.state == "queued") | ((s.runs.c.state == "running") & (s.runs.c.lease_until < time.time()))
            )
            .order_by(s.studies.c.created, s.runs.c.position)
            .limit(1)
        ).first()
        if row is None:
            return None
        connection.execute(
            s.runs.update()
            .where(s.runs.c.id == row.id)
            .values(state="running", worker_id=worker_id, lease_until=time.time() + lease_s, error="", updated=now())
        )
        _raise(connection, row.study_id)
    study = StudyConfig.from_dict(row.study_config, f"Study {row.study_id}")
    config = RunConfig(study=study, strategy=row.config["strategy"], seed=row.config["seed"])
    return Claim(row.id, row.study_id, config, dict(row.datasets))


def heartbeat(store: Store, worker_id: str, run_id: str | None, doing: str, lease_s: float = LEASE_S) -> bool:
    """Say a word: renews the worker's row and its run's lease. False if the run is no longer this worker's to do."""
    with store.write() as connection:
        connection.execute(
            s.workers.update().where(s.workers.c.id == worker_id).values(last_word=time.time(), doing=doing)
        )
        if run_id is None:
            return True
        found = connection.execute(
            s.runs.update()
            .where((s.runs.c.id == run_id) & (s.runs.c.worker_id == worker_id) & (s.runs.c.state == "running"))
            .values(lease_until=time.time() + lease_s, progress=doing)
            .returning(s.runs.c.study_id)
        ).first()
        if found is not None:
            _raise(connection, found.study_id)
        return found is not None


def save_event(store: Store, claim: Claim, event: Event) -> None:
    """Save one stage: its files, then in one transaction its rows, its place in the run and the revisions."""
    stage = stage_of(event)
    written = [
        (name, write_bytes(store.folder, f"files/{claim.run_id}/{event.round:03d}-{stage}-{name}", content))
        for name, content in files_of(event).items()
    ]
    key = {"run_id": claim.run_id, "round": event.round}
    with store.write(claim.study_id) as connection:
        artefact_ids = {}
        for name, file in written:
            connection.execute(s.artefacts.delete().where(s.artefacts.c.path == file.path))
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
                detail=detail_of(event),
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
        elif isinstance(event, Labelled):
            _buy(connection, claim, event)
        elif isinstance(event, Evaluated):
            connection.execute(
                insert(s.metrics),
                [
                    {**key, "name": m.name, "split": m.split, "value": m.value, "n": m.n, "unit": m.unit}
                    for m in event.metrics
                ],
            )
        connection.execute(
            s.runs.update().where(s.runs.c.id == claim.run_id).values(round=event.round, stage=stage, updated=now())
        )


def _buy(connection: sa.Connection, claim: Claim, event: Labelled) -> None:
    """New labels only: those of the study's bank stay as they are."""
    oracle = claim.config.study.oracle
    seed = claim.config.seed if oracle.simulated else None
    had = set(
        connection.execute(
            sa.select(s.labels.c.pair_id).where(
                (s.labels.c.study_id == claim.study_id) & (s.labels.c.seed.is_not_distinct_from(seed))
            )
        ).scalars()
    )
    rows = [
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
    if rows:
        connection.execute(insert(s.labels), rows)


def bought_labels(store: Store, claim: Claim, pair_ids: Iterable[str]) -> dict[str, Label]:
    """The study's labels of these pairs: once per study, or per study and seed for a simulated oracle."""
    seed = claim.config.seed if claim.config.study.oracle.simulated else None
    wanted = set(pair_ids)
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.labels)
            .where((s.labels.c.study_id == claim.study_id) & (s.labels.c.seed.is_not_distinct_from(seed)))
            .order_by(s.labels.c.id)
        )
        return {r.pair_id: Label(r.pair_id, r.answer, r.oracle, dict(r.detail)) for r in rows if r.pair_id in wanted}


def set_state(
    store: Store, run_id: str, state: str, *, error: str = "", only_from: Iterable[str] | None = None
) -> bool:
    """Give a run a state (and a failed one its reason); False if it was in none of the states `only_from`."""
    with store.write() as connection:
        condition = s.runs.c.id == run_id
        if only_from is not None:
            condition &= s.runs.c.state.in_(list(only_from))
        found = connection.execute(
            s.runs.update()
            .where(condition)
            .values(state=state, error=error, progress="", updated=now())
            .returning(s.runs.c.study_id)
        ).first()
        if found is not None:
            _raise(connection, found.study_id)
        return found is not None


def save_provenance(store: Store, claim: Claim, provenance: Mapping[str, Any], device: str) -> None:
    """What this run is computed with."""
    with store.write(claim.study_id) as connection:
        connection.execute(
            s.runs.update().where(s.runs.c.id == claim.run_id).values(provenance=dict(provenance), device=device)
        )


def register_worker(store: Store, kind: str, device: str, pid: int, host: str, lease_s: float = LEASE_S) -> str:
    """A new worker's id."""
    worker_id = "w" + uuid.uuid4().hex[:8]
    with store.write() as connection:
        connection.execute(
            insert(s.workers).values(
                id=worker_id, kind=kind, device=device, pid=pid, host=host, last_word=time.time(), lease_s=lease_s
            )
        )
    return worker_id


def end_worker(store: Store, worker_id: str) -> None:
    """It stopped of its own accord."""
    with store.write() as connection:
        connection.execute(s.workers.update().where(s.workers.c.id == worker_id).values(ended=True, doing="stopped"))


def drop_stages(store: Store, run_id: str, keep: Iterable[tuple[int, str]]) -> None:
    """Forget the stages of a run that are not in `keep`, so that they are computed again; bought labels stay."""
    kept = set(keep)
    with store.write() as connection:
        study_id = connection.execute(sa.select(s.runs.c.study_id).where(s.runs.c.id == run_id)).scalar()
        if study_id is None:
            raise StoreError(f"There is no run {run_id!r}.")
        rows = connection.execute(sa.select(s.stages.c.round, s.stages.c.stage).where(s.stages.c.run_id == run_id))
        for number, stage in [(r.round, r.stage) for r in rows if (r.round, r.stage) not in kept]:
            at = {"run_id": run_id, "round": number}
            for table in {"pooled": [s.pool_snapshots], "picked": [s.picks], "evaluated": [s.metrics]}.get(stage, []):
                connection.execute(table.delete().where((table.c.run_id == run_id) & (table.c.round == number)))
            connection.execute(
                s.stages.delete().where(
                    (s.stages.c.run_id == at["run_id"]) & (s.stages.c.round == number) & (s.stages.c.stage == stage)
                )
            )
        _raise(connection, study_id)


def _raise(connection: sa.Connection, scope: str) -> None:
    statement = insert(s.revisions).values(scope=scope, n=1)
    connection.execute(statement.on_conflict_do_update(index_elements=["scope"], set_={"n": s.revisions.c.n + 1}))
