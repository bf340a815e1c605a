"""The bank of a study: the labels it bought, and those that another study lent it when it was cloned.

A run's config never changes, so a study that went wrong is cloned with another config; what people or an oracle
answered is not asked, or paid for, again. Lent labels stay rows of the study that bought them, so the clone's cost
counts only its own purchases. Lent is what had been bought at that moment: nothing the lender does later changes a run.
"""

from typing import Any

import sqlalchemy as sa

from engine.config import StudyConfig
from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store

LENT = "labels_of"
"""In the provenance of a study: {"study": id of the lender, "upto": id of the last label that counts, "labels": n}."""


def banked(connection: sa.Connection, study_id: str) -> sa.ColumnElement[bool]:
    """Which rows of `labels` are in the study's bank; a lender may have been lent labels itself."""
    allowed = s.labels.c.study_id == study_id
    upto: int | None = None
    while lent := _lent(connection, study_id):
        study_id, upto = lent["study"], min(lent["upto"], lent["upto"] if upto is None else upto)
        allowed |= (s.labels.c.study_id == study_id) & (s.labels.c.id <= upto)
    return allowed


def _lent(connection: sa.Connection, study_id: str) -> dict[str, Any] | None:
    found = connection.execute(sa.select(s.studies.c.provenance).where(s.studies.c.id == study_id)).scalar()
    return (found or {}).get(LENT)


def loan(store: Store, lender: str, config: StudyConfig, pool: str) -> dict[str, Any]:
    """What the study of that id can lend to one with this config and pool (a data set's id), for its provenance.

    StoreError unless oracle and pool are the same, or if there is no label, for a simulated oracle of one of its seeds.
    """
    with store.read() as connection:
        row = connection.execute(sa.select(s.studies).where(s.studies.c.id == lender)).first()
        if row is None:
            raise StoreError(f"There is no study {lender!r} in {store.folder}.", "See `workbench study list`.")
        theirs = StudyConfig.from_dict(row.config, f"Study {lender}")
        differs = [
            what
            for what, same in (
                ("oracle", theirs.oracle.answers_by() == config.oracle.answers_by()),
                ("pool", row.datasets["pool"] == pool),
            )
            if not same
        ]
        if differs:
            raise StoreError(
                f"The labels of study {row.name!r} cannot be used: its {' and '.join(differs)} "
                f"{'are' if len(differs) > 1 else 'is'} not the same.",
                "An answer belongs to its pair and oracle; clone without the labels.",
            )
        mine = banked(connection, lender)
        if config.oracle.simulated:
            mine &= s.labels.c.seed.in_(config.seeds)
        count, upto = connection.execute(sa.select(sa.func.count(), sa.func.max(s.labels.c.id)).where(mine)).one()
    if not count:
        of = f" for the seeds {', '.join(map(str, config.seeds))}" if config.oracle.simulated else ""
        raise StoreError(f"Study {row.name!r} has bought no label{of}.", "Clone without the labels.")
    return {"study": lender, "upto": int(upto), "labels": int(count)}
