"""Seeds that are added to a study after it has begun: they run as its others do, and that they were is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.config import StudyConfig
from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store, now
from engine.store.writer import queue_runs

ADDED = "add seeds"


def as_queued(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a study as it was queued: from before there were arms it ran its strategies and nothing beside."""
    return dict(config) if "race" in config else {**config, "race": "none"}


def add_seeds(store: Store, study_id: str, seeds: Sequence[int]) -> int:
    """Queue every arm of the study with these seeds too; how many runs that makes.

    The study keeps its config and its hash: what was declared stays as it was. StoreError for seeds that run already,
    for more than the study declared at most, and for a campaign.
    """
    with store.write(study_id) as connection:
        row = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).first()
        if row is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        config = StudyConfig.from_dict(as_queued(row.config), f"Study {study_id}")
        if config.oracle.people:
            raise StoreError(
                "Nothing was added: a campaign is one run, and people answer each pair for that one.",
                "Start a second campaign.",
            )
        of_study = s.runs.c.study_id == study_id
        known = set(connection.execute(sa.select(s.runs.c.seed).where(of_study)).scalars())
        doubled = sorted({seed for seed in seeds if seed in known or list(seeds).count(seed) > 1})
        if doubled or not seeds:
            what = f"seed {doubled[0]} runs already or is named twice" if doubled else "no seed is named"
            raise StoreError(
                f"Nothing was added: {what}.", f"The study has the seeds {', '.join(map(str, sorted(known)))}."
            )
        most = config.referee.seeds_at_most
        if most is not None and len(known) + len(seeds) > most:
            raise StoreError(
                f"The study declared at most {most} seeds; it has {len(known)}, and {len(seeds)} more are too many.",
                f"Add at most {most - len(known)}, or clone the study.",
            )
        last = connection.execute(sa.select(sa.func.max(s.runs.c.position)).where(of_study)).scalar_one()
        runs = [config.run(**(arm | {"seed": seed})) for seed in seeds for arm in _arms(connection, study_id)]
        queue_runs(connection, study_id, runs, first=last + 1)
        connection.execute(
            insert(s.commands).values(study_id=study_id, what=ADDED, detail={"seeds": list(seeds)}, created=now())
        )
    return len(runs)


def _arms(connection: sa.Connection, study_id: str) -> list[dict[str, Any]]:
    """Every arm as it was queued, in order: a method whose published setting is another today goes on in its own."""
    rows = connection.execute(
        sa.select(s.runs.c.config, s.runs.c.strategy, s.runs.c.arm)
        .where(s.runs.c.study_id == study_id)
        .order_by(s.runs.c.position)
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        found.setdefault((row.strategy, row.arm), dict(row.config))
    return list(found.values())


def added_seeds(store: Store, study_id: str) -> tuple[tuple[int, ...], ...]:
    """The seeds that were added, each time some were, in order."""
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.commands.c.detail)
            .where((s.commands.c.study_id == study_id) & (s.commands.c.what == ADDED))
            .order_by(s.commands.c.id)
        ).scalars()
        return tuple(tuple(detail["seeds"]) for detail in rows)
