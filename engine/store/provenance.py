"""What a run is computed with: the record of now, and of before where a later worker had something else."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.resume import MemoryPlan
from engine.store import schema as s
from engine.store.claims import Claim
from engine.store.database import Store

HASHES = ("model_sha256", "tokenizer_sha256", "template_sha256")
TRACKER = "tracker"
"""What the study's tracker got wrong: name, failed (how often), said (the last words), left (asked no more)."""
COMPUTED_WITH = ("python", "machine", "packages", "device", "dtype", "threads", *HASHES)


def save_provenance(store: Store, claim: Claim, provenance: Mapping[str, Any], device: str) -> None:
    """What this run is computed with from now on.

    What its finished stages were computed with stays: if anything of `COMPUTED_WITH` is another, the old record goes to
    the list "before", with the last stage that it is of.
    """
    with store.write(claim.study_id) as connection:
        mine = (s.runs.c.id == claim.run_id) & (s.runs.c.worker_id == claim.worker_id)
        row = connection.execute(sa.select(s.runs.c.provenance, s.runs.c.round, s.runs.c.stage).where(mine)).first()
        if row is None:
            return
        old = dict(row.provenance or {})
        before = list(old.pop("before", ()))
        tracking = {name: old.pop(name) for name in (TRACKER,) if name in old}
        if row.stage and any(old.get(name) != provenance.get(name) for name in COMPUTED_WITH):
            before.append({**old, "until": [row.round, row.stage]})
        found = {**provenance, **tracking, **({"before": before} if before else {})}
        connection.execute(s.runs.update().where(mine).values(provenance=found, device=device))


def save_tracking(store: Store, claim: Claim, found: Mapping[str, Any]) -> None:
    """What the study's tracker got wrong in this run, in place of what it said before."""
    with store.write(claim.study_id) as connection:
        mine = (s.runs.c.id == claim.run_id) & (s.runs.c.worker_id == claim.worker_id)
        row = connection.execute(sa.select(s.runs.c.provenance).where(mine)).first()
        if row is not None:
            whole = {**(row.provenance or {}), TRACKER: dict(found)}
            connection.execute(s.runs.update().where(mine).values(provenance=whole))


def provenance_of(store: Store, run_id: str) -> dict[str, Any]:
    """The newest record of a run; empty before its first stage."""
    with store.read() as connection:
        return dict(connection.execute(sa.select(s.runs.c.provenance).where(s.runs.c.id == run_id)).scalar() or {})


def at_round(provenance: Mapping[str, Any], round_number: int) -> dict[str, Any]:
    """The record that the round was computed with."""
    before = provenance.get("before", ())
    return dict(next((old for old in before if old["until"][0] >= round_number), provenance))


def halved(connection: sa.Connection, run_id: str) -> dict[str, int]:
    """How often the run's batches are halved now; every stage keeps it, for a replay."""
    found = connection.execute(sa.select(s.runs.c.provenance).where(s.runs.c.id == run_id)).scalar()
    return dict(((found or {}).get("memory_plan") or {}).get("halved", {}))


def memory_plan(store: Store, claim: Claim) -> MemoryPlan:
    """The plan the run was computed under so far; the full batches for one that begins."""
    with store.read() as connection:
        return MemoryPlan(**halved(connection, claim.run_id))
