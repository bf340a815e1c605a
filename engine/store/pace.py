"""How fast this machine was: the seconds of finished runs beside the work that they did."""

from collections.abc import Mapping

import sqlalchemy as sa

from engine.arms import buys_all
from engine.config import StudyConfig
from engine.cost import PARTS, Pace, Work, budget_in, estimate, pace_of
from engine.cost import Sizes as Sizes  # to be had here, too
from engine.errors import EngineError, StoreError
from engine.store import schema as s
from engine.store.as_queued import run_as_queued
from engine.store.database import Store
from engine.store.growth import as_queued
from engine.store.summaries import RunSummary, StudyDetail

STUDIES = 20
"""The newest studies with the model that are looked at."""


def pace(store: Store, model: str) -> Pace | None:
    """The pace of finished runs with that model, None if there is none: another model would say nothing."""
    measured: list[tuple[Work, float]] = []
    runs = 0
    with store.read() as connection:
        found = connection.execute(sa.select(s.studies).order_by(s.studies.c.created.desc())).all()
        same = [row for row in found if row.config.get("model", {}).get("path") == model]
        for row in same[:STUDIES]:
            try:
                config = StudyConfig.from_dict(as_queued(row.config))
            except EngineError:  # a plugin of that study is no longer here, so its work cannot be counted
                continue
            pool, *held_out = [_sizes(connection, dataset) for dataset in _in_order(row.datasets)]
            cost = estimate(config, pool, held_out)
            for strategy, n, seconds in _spent(connection, row.id):
                runs += n
                parts = cost.runs.get(strategy, {})
                measured += [(parts[part].times(n), seconds.get(part, 0.0)) for part in PARTS if part in parts]
    return pace_of(measured, runs) if runs else None


def sizes_of(store: Store, study_id: str) -> tuple[StudyConfig, list[Sizes]]:
    """A study's config, and the sizes of its pool and of its held-out sets, in order; StoreError if there is none."""
    with store.read() as connection:
        row = connection.execute(sa.select(s.studies).where(s.studies.c.id == study_id)).first()
        if row is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        return StudyConfig.from_dict(row.config), [_sizes(connection, found) for found in _in_order(row.datasets)]


def budget_of(store: Store, detail: StudyDetail, run: RunSummary) -> int:
    """Labels that a run of the study buys at most, reckoned as before it began (`budget_in`)."""
    key = run.strategy.name
    if detail.seen_by(key, "label_share") is None and not buys_all(key):  # also where a plugin of it is gone
        return int(detail.seen_by(key, "labels_per_round")) * int(detail.seen_by(key, "rounds"))
    queued = run_as_queued(store, run.id)
    with store.read() as connection:
        pool = _sizes(connection, queued.datasets["pool"])
    return budget_in(queued.config.study, queued.config.strategy, pool)


def _in_order(datasets: Mapping[str, str]) -> list[str]:
    """The pool's data set, then the held-out sets as the study names them."""
    return [datasets["pool"], *(found for role, found in datasets.items() if role != "pool")]


def _sizes(connection: sa.Connection, dataset_id: str) -> Sizes:
    tables = (s.dataset_prompts, s.dataset_responses, s.dataset_pairs)
    counts = [
        connection.execute(
            sa.select(sa.func.count()).select_from(table).where(table.c.dataset_id == dataset_id)
        ).scalar_one()
        for table in tables
    ]
    return Sizes(*counts)


def _spent(connection: sa.Connection, study_id: str) -> list[tuple[str, int, dict[str, float]]]:
    """(strategy, its finished runs, part → seconds of all of them)."""
    rows = connection.execute(
        sa.select(
            s.runs.c.strategy,
            s.stages.c.stage,
            sa.func.sum(s.stages.c.seconds),
            sa.func.count(sa.distinct(s.runs.c.id)),
        )
        .join(s.runs)
        .where((s.runs.c.study_id == study_id) & (s.runs.c.state == "done"))
        .group_by(s.runs.c.strategy, s.stages.c.stage)
    ).all()
    found: dict[str, tuple[int, dict[str, float]]] = {}
    for strategy, stage, seconds, n in rows:
        runs, parts = found.get(strategy, (0, {}))
        part = "scored" if stage == "picked" else stage
        parts[part] = parts.get(part, 0.0) + float(seconds)
        found[strategy] = (max(runs, n), parts)
    return [(strategy, runs, parts) for strategy, (runs, parts) in found.items()]
