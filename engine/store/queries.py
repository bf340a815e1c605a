"""What pages, notebooks and the command line read. Plain records and frames; ids in, one or two statements each."""

import time
from typing import Any

import pandas as pd
import sqlalchemy as sa

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store
from engine.store.picked import batch, labelled_pairs, rounds
from engine.store.summaries import (
    DatasetSummary,
    MetricRef,
    RunSummary,
    StrategyRef,
    StudyDetail,
    StudySummary,
    WorkerSummary,
)
from engine.strategies.base import STRATEGIES

__all__ = [
    "batch",
    "curve",
    "datasets",
    "labelled_pairs",
    "metric_names",
    "notes",
    "revision",
    "rounds",
    "run",
    "stage_log",
    "studies",
    "study",
    "workers",
]


def revision(store: Store, scope: str = "all") -> int:
    """A number that rises with every write of that scope ("all" or a study id)."""
    with store.read() as connection:
        found = connection.execute(sa.select(s.revisions.c.n).where(s.revisions.c.scope == scope)).scalar()
    return int(found or 0)


def studies(store: Store) -> list[StudySummary]:
    """All studies, newest first."""
    with store.read() as connection:
        rows = connection.execute(sa.select(s.studies).order_by(s.studies.c.created.desc())).all()
        return [_summary(connection, row, _runs(connection, row)) for row in rows]


def study(store: Store, study_id: str) -> StudyDetail:
    """One study by its id, or by its name if only one has it; StoreError otherwise."""
    with store.read() as connection:
        row = _study_row(connection, store, study_id)
        runs = _runs(connection, row)
        return StudyDetail(_summary(connection, row, runs), tuple(runs), row.config, row.provenance)


def run(store: Store, run_id: str) -> RunSummary:
    """One run; StoreError if there is none."""
    with store.read() as connection:
        row = connection.execute(
            sa.select(s.studies).join(s.runs, s.runs.c.study_id == s.studies.c.id).where(s.runs.c.id == run_id)
        ).first()
        if row is None:
            raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
        return next(found for found in _runs(connection, row) if found.id == run_id)


def metric_names(store: Store, study_id: str) -> list[MetricRef]:
    """The figures that exist for a study, each with its held-out sets in the study's order."""
    with store.read() as connection:
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar() or {}
        order = list(config.get("data", {}).get("held_out") or {})
        rows = connection.execute(
            sa.select(s.metrics.c.name, s.metrics.c.split, sa.func.max(s.metrics.c.unit))
            .join(s.runs)
            .where((s.runs.c.study_id == study_id) & (s.metrics.c.name != "left_out"))
            .group_by(s.metrics.c.name, s.metrics.c.split)
        ).all()
    splits: dict[str, list[str]] = {}
    units: dict[str, str] = {}
    for name, split, unit in rows:
        splits.setdefault(name, []).append(split)
        units[name] = unit
    place = {split: n for n, split in enumerate(order)}
    first = ["accuracy", "nll", "margin", "win_rate", "gold_reward", "kl", "length", "perplexity"]
    names = sorted(splits, key=lambda n: (first.index(n) if n in first else len(first), n))
    return [MetricRef(n, tuple(sorted(splits[n], key=lambda x: (place.get(x, 99), x))), units[n]) for n in names]


def curve(store: Store, study_id: str, metric: str, split: str) -> pd.DataFrame:
    """One row a run and round: strategy, title, slot, seed, run_id, round, labels, value, n.

    `labels` are the answers asked for up to that round, whatever they were.
    """
    with store.read() as connection:
        slots = connection.execute(sa.select(s.studies.c.slots).where(s.studies.c.id == study_id)).scalar() or {}
        asked = (
            sa.select(sa.func.count())
            .select_from(s.picks)
            .where((s.picks.c.run_id == s.metrics.c.run_id) & (s.picks.c.round <= s.metrics.c.round))
            .scalar_subquery()
        )
        rows = connection.execute(
            sa.select(
                s.runs.c.strategy,
                s.runs.c.seed,
                s.runs.c.id.label("run_id"),
                s.metrics.c.round,
                asked.label("labels"),
                s.metrics.c.value,
                s.metrics.c.n,
            )
            .join(s.runs)
            .where((s.runs.c.study_id == study_id) & (s.metrics.c.name == metric) & (s.metrics.c.split == split))
            .order_by(s.runs.c.position, s.metrics.c.round)
        ).all()
    frame = pd.DataFrame(rows, columns=["strategy", "seed", "run_id", "round", "labels", "value", "n"])
    frame.insert(1, "title", [_title(name) for name in frame["strategy"]])
    frame.insert(2, "slot", [slots.get(name, 99) for name in frame["strategy"]])
    return frame


def stage_log(store: Store, run_id: str) -> pd.DataFrame:
    """What every stage cost: round, stage, seconds, tokens, peak_bytes, finished."""
    columns = ["round", "stage", "seconds", "tokens", "peak_bytes", "finished"]
    with store.read() as connection:
        wanted = [s.stages.c[name] for name in columns]
        rows = connection.execute(
            sa.select(*wanted).where(s.stages.c.run_id == run_id).order_by(s.stages.c.finished)
        ).all()
    return pd.DataFrame(rows, columns=columns)


def notes(store: Store, run_id: str) -> list[tuple[int, str]]:
    """What the stages of a run remark: (round, sentence), dropped pairs included."""
    found: list[tuple[int, str]] = []
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.stages.c.round, s.stages.c.detail)
            .where((s.stages.c.run_id == run_id) & s.stages.c.stage.in_(["pooled", "scored"]))
            .order_by(s.stages.c.round)
        )
        for number, detail in rows:
            found += [(number, f"{n:,} left out: {reason}") for reason, n in detail.get("dropped", {}).items()]
            found += [(number, note) for note in detail.get("notes", [])]
    return found


def workers(store: Store) -> list[WorkerSummary]:
    """Workers that have not ended, the one heard last first."""
    at = time.time()
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.workers).where(~s.workers.c.ended).order_by(s.workers.c.last_word.desc()).limit(20)
        ).all()
    return [
        WorkerSummary(r.id, r.kind, r.device, at - r.last_word < r.lease_s, max(0.0, at - r.last_word), r.doing)
        for r in rows
    ]


def datasets(store: Store) -> list[DatasetSummary]:
    """Data sets, newest first."""

    def count(table: sa.Table) -> Any:
        return (
            sa.select(sa.func.count()).select_from(table).where(table.c.dataset_id == s.datasets.c.id).scalar_subquery()
        )

    with store.read() as connection:
        rows = connection.execute(
            sa.select(
                s.datasets,
                count(s.dataset_prompts).label("n_prompts"),
                count(s.dataset_responses).label("n_responses"),
                count(s.dataset_pairs).label("n_pairs"),
            ).order_by(s.datasets.c.created.desc())
        ).all()
    return [
        DatasetSummary(
            r.id,
            r.name,
            r.path,
            r.format,
            r.sha256,
            r.rows,
            r.refused,
            r.n_prompts,
            r.n_responses,
            r.n_pairs,
            r.created,
        )
        for r in rows
    ]


def _study_row(connection: sa.Connection, store: Store, study_id: str) -> Any:
    rows = connection.execute(
        sa.select(s.studies).where((s.studies.c.id == study_id) | (s.studies.c.name == study_id))
    ).all()
    exact = [row for row in rows if row.id == study_id] or rows
    if len(exact) == 1:
        return exact[0]
    if not exact:
        raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
    ids = ", ".join(row.id for row in exact)
    raise StoreError(f"{len(exact)} studies are called {study_id!r}.", f"Name one by its id: {ids}.")


def _title(name: str) -> str:
    return STRATEGIES.get(name).heading() if name in STRATEGIES.names() else name


def _runs(connection: sa.Connection, study: Any) -> list[RunSummary]:
    n_rounds = study.config["rounds"]
    done = dict(
        connection.execute(
            sa.select(s.stages.c.run_id, sa.func.max(s.stages.c.round))
            .join(s.runs)
            .where((s.runs.c.study_id == study.id) & (s.stages.c.stage == "evaluated"))
            .group_by(s.stages.c.run_id)
        ).all()
    )
    rows = connection.execute(sa.select(s.runs).where(s.runs.c.study_id == study.id).order_by(s.runs.c.position))
    return [
        RunSummary(
            id=r.id,
            study_id=r.study_id,
            strategy=StrategyRef(r.strategy, _title(r.strategy), study.slots.get(r.strategy, 99)),
            seed=r.seed,
            state=r.state,
            stage=r.stage,
            round=r.round,
            rounds_done=done.get(r.id, 0),
            rounds_total=n_rounds,
            progress=r.progress,
            error=r.error,
            edited=r.edited,
            updated=r.updated,
        )
        for r in rows
    ]


def _summary(connection: sa.Connection, row: Any, runs: list[RunSummary]) -> StudySummary:
    config = row.config
    picked, unique = connection.execute(
        sa.select(
            sa.select(sa.func.count())
            .select_from(s.picks)
            .join(s.runs)
            .where(s.runs.c.study_id == row.id)
            .scalar_subquery(),
            sa.select(sa.func.count()).select_from(s.labels).where(s.labels.c.study_id == row.id).scalar_subquery(),
        )
    ).one()
    spent = connection.execute(
        sa.select(s.stages.c.run_id, sa.func.sum(s.stages.c.seconds))
        .join(s.runs)
        .where(s.runs.c.study_id == row.id)
        .group_by(s.stages.c.run_id)
    ).all()
    left, spread = _time_left(runs, {run_id: float(seconds) for run_id, seconds in spent})
    working = next((r for r in runs if r.state == "running"), None)
    strategies = {r.strategy.name: r.strategy for r in runs}
    return StudySummary(
        id=row.id,
        name=row.name,
        state=_state(runs),
        created=row.created,
        updated=max((r.updated for r in runs if r.updated is not None), default=None),
        strategies=tuple(strategies.values()),
        seeds=tuple(config["seeds"]),
        rounds=config["rounds"],
        labels_per_round=config["labels_per_round"],
        rounds_done=sum(r.rounds_done for r in runs),
        rounds_total=sum(r.rounds_total for r in runs),
        labels_bought=int(picked),
        labels_unique=int(unique),
        seconds_spent=sum(float(seconds) for _, seconds in spent),
        seconds_left=left,
        seconds_left_spread=spread,
        now=f"{working.strategy.title}, seed {working.seed}: {working.progress or working.stage}" if working else "",
        error=next((r.error for r in runs if r.state == "failed"), ""),
    )


def _state(runs: list[RunSummary]) -> str:
    """A study is what most concerns a person among its runs."""
    states = {run.state for run in runs}
    for state in ("failed", "running", "review", "waiting", "paused", "queued"):
        if state in states:
            return "running" if state == "queued" and states - {"queued"} == {"done"} else state
    return "cancelled" if "cancelled" in states else "done"


def _time_left(runs: list[RunSummary], spent: dict[str, float]) -> tuple[float | None, float | None]:
    """Seconds left and their spread, from what a round of the same strategy (or of any) has taken so far."""
    pace: dict[str, list[float]] = {}
    for r in runs:
        if r.rounds_done:
            pace.setdefault(r.strategy.name, []).append(spent.get(r.id, 0.0) / r.rounds_done)
    every = [value for values in pace.values() for value in values]
    if not every:
        return None, None
    overall = sum(every) / len(every)
    left, variance = 0.0, 0.0
    for r in runs:
        if r.state in ("done", "cancelled", "failed"):
            continue
        values = pace.get(r.strategy.name)
        mean = sum(values) / len(values) if values else overall
        base = values or every
        left += mean * (r.rounds_total - r.rounds_done)
        variance += (r.rounds_total - r.rounds_done) ** 2 * sum((v - mean) ** 2 for v in base) / max(1, len(base))
    return left, variance**0.5
