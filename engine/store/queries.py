"""What pages, notebooks and the command line read. Plain records and frames; ids in, one or two statements each."""

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from engine.arms import title_of
from engine.errors import StoreError
from engine.store import schema as s
from engine.store.claims import beat
from engine.store.database import Store
from engine.store.picked import batch, labelled_pairs, rounds
from engine.store.progress import runs_of, summaries_of
from engine.store.provenance import TRACKER
from engine.store.scored import scores
from engine.store.summaries import (
    DatasetSummary,
    LastWord,
    MetricRef,
    RunSummary,
    StudyDetail,
    StudySummary,
    WorkerSummary,
)
from engine.store.tasks import find_task, task, tasks

__all__ = [
    "batch",
    "curve",
    "datasets",
    "find_task",
    "labelled_pairs",
    "metric_names",
    "notes",
    "revision",
    "rounds",
    "run",
    "scores",
    "stage_log",
    "studies",
    "study",
    "task",
    "tasks",
    "tour_seen",
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
        return [summary for summary, _ in summaries_of(connection, rows)]


def study(store: Store, study_id: str) -> StudyDetail:
    """One study by its id, or by its name if only one has it; StoreError otherwise."""
    with store.read() as connection:
        row = _study_row(connection, store, study_id)
        ((summary, runs),) = summaries_of(connection, [row])
        columns = (s.runs.c.strategy, s.runs.c.config, s.runs.c.provenance)
        own = connection.execute(
            sa.select(*columns).where(s.runs.c.study_id == row.id).order_by(s.runs.c.position)
        ).all()
        arms: dict[str, Any] = {}
        for key, config, _ in own:
            arms.setdefault(key, config)
        provenance = {**row.provenance, "runs": [found for _, _, found in own if found]}
        return StudyDetail(summary, tuple(runs), row.config, provenance, arms)


def run(store: Store, run_id: str) -> RunSummary:
    """One run; StoreError if there is none."""
    with store.read() as connection:
        row = connection.execute(
            sa.select(s.studies).join(s.runs, s.runs.c.study_id == s.studies.c.id).where(s.runs.c.id == run_id)
        ).first()
        if row is None:
            raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
        return next(found for found in runs_of(connection, [row])[row.id] if found.id == run_id)


def metric_names(store: Store, study_id: str) -> list[MetricRef]:
    """The figures that exist for a study, each with its held-out sets in the study's order."""
    with store.read() as connection:
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar() or {}
        order = list(config.get("data", {}).get("held_out") or {})
        rows = connection.execute(
            sa.select(s.metrics.c.name, s.metrics.c.split, sa.func.max(s.metrics.c.unit))
            .join(s.runs)
            .where((s.runs.c.study_id == study_id) & (s.metrics.c.name != "held_out_left_out"))
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
    frame.insert(1, "title", [title_of(name) for name in frame["strategy"]])
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


def notes(store: Store, run_id: str, *, figures: bool = False) -> list[tuple[int, str]]:
    """What the stages of a run remark: (round, sentence), dropped pairs and labels included.

    With `figures` what every round has, too: how many of the adapter's weights its training reached.
    """
    found: list[tuple[int, str]] = []
    with store.read() as connection:
        rows = connection.execute(
            sa.select(s.stages.c.round, s.stages.c.stage, s.stages.c.detail)
            .where((s.stages.c.run_id == run_id) & s.stages.c.stage.in_(["pooled", "scored", "trained", "evaluated"]))
            .order_by(s.stages.c.round)
        )
        for number, stage, detail in rows:
            what = "left out of training by the filter" if stage == "trained" else "left out:"
            found += [(number, f"{n:,} {what} {reason}") for reason, n in detail.get("dropped", {}).items()]
            found += [(number, note) for note in detail.get("notes", [])]
            for held_out, reasons in detail.get("left_out", {}).items():
                found += [(number, f"{n:,} left out of held-out set {held_out}: {why}") for why, n in reasons.items()]
            if stage == "trained" and detail.get("pseudo"):
                beside = f"trained beside {detail['labels_used']:,} labels"
                found.append((number, f"{detail['pseudo']:,} pseudo-labels, the policy's own answers, {beside}"))
            if figures and stage == "trained" and (reached := detail.get("nonzero_gradients")):
                first, last = (f"{share:.1%}" for share in reached)
                of = "of the adapter's weights had a gradient that is not 0 in the first step of training"
                found.append((number, f"{first} {of}, {last} in the last; a fresh adapter's A has none"))
        last_word = connection.execute(
            sa.select(s.runs.c.round, s.runs.c.provenance).where(s.runs.c.id == run_id)
        ).first()
        if last_word and (wrong := (last_word.provenance or {}).get(TRACKER)):
            again = "" if wrong["failed"] == 1 else f" It failed {wrong['failed']:,} times."
            found.append((last_word.round or 0, f"{wrong['said']}{again} The run is not touched by it"))
    return found


def workers(store: Store) -> list[WorkerSummary]:
    """Workers that have not ended, the one heard last first."""
    return as_of_now(last_words(store))


def last_words(store: Store) -> list[LastWord]:
    """What those workers said last; it changes when a revision of "all" or of `claims.WORKERS` does."""
    of = s.workers.c
    columns = (of.id, of.kind, of.device, of.doing, of.last_word, of.beat, of.lease_s)
    with store.read() as connection:
        rows = connection.execute(sa.select(*columns).where(~of.ended).order_by(of.last_word.desc()).limit(20)).all()
    return [LastWord(*row) for row in rows]


def as_of_now(words: Sequence[LastWord]) -> list[WorkerSummary]:
    """Who answers, and since when they are silent: by the clock that nobody sets, or, from before a restart, by the
    wall's."""
    at, ticks = time.time(), beat()
    return [
        WorkerSummary(
            word.id,
            word.kind,
            word.device,
            0 <= ticks - word.beat < word.lease_s,
            float(ticks - word.beat if 0 < word.beat <= ticks else max(0.0, at - word.last_word)),
            word.doing,
        )
        for word in words
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
            )
            .where(s.datasets.c.whole)
            .order_by(s.datasets.c.created.desc())
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
            r.label_bank,
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


def tour_seen(store: Store) -> bool:
    """Whether somebody has closed the tour over this store."""
    with store.read() as connection:
        return connection.execute(sa.select(s.people.c.id).where(s.people.c.role == "reader")).first() is not None
