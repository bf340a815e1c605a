"""How far a study is: its runs, its state, what it has cost and the time it has left."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.arms import buys_all, title_of
from engine.store import schema as s
from engine.store.summaries import RunSummary, StrategyRef, StudySummary


def runs_of(connection: sa.Connection, studies: Sequence[Any]) -> dict[str, list[RunSummary]]:
    """Study id → its runs, seed-major, for these rows of `studies`."""
    of = s.runs.c
    ids = [study.id for study in studies]
    evaluated = sa.select(s.stages.c.run_id, sa.func.max(s.stages.c.round)).join(s.runs)
    evaluated = evaluated.where(of.study_id.in_(ids) & (s.stages.c.stage == "evaluated")).group_by(s.stages.c.run_id)
    done = dict(connection.execute(evaluated).all())
    # Only what a summary shows: configs and provenances of a thousand runs take long to read.
    shown = ("id", "study_id", "strategy", "seed", "state", "stage", "round", "progress")
    own_rounds = sa.func.json_extract(of.config, "$.setting.rounds").label("own_rounds")
    columns: list[Any] = [*(of[name] for name in (*shown, "error", "edited", "updated", "arm")), own_rounds]
    rows = connection.execute(sa.select(*columns).where(of.study_id.in_(ids)).order_by(of.study_id, of.position))
    by_id = {study.id: study for study in studies}
    found: dict[str, list[RunSummary]] = {study_id: [] for study_id in ids}
    for r in rows:
        study = by_id[r.study_id]
        found[r.study_id].append(
            RunSummary(
                id=r.id,
                study_id=r.study_id,
                strategy=StrategyRef(r.strategy, title_of(r.strategy), study.slots.get(r.strategy, 99)),
                seed=r.seed,
                state=r.state,
                stage=r.stage,
                round=r.round,
                rounds_done=done.get(r.id, 0),
                rounds_total=r.own_rounds or (1 if buys_all(r.strategy) else study.config["rounds"]),
                progress=r.progress,
                error=r.error,
                edited=r.edited,
                updated=r.updated,
                arm=r.arm,
            )
        )
    return found


def summaries_of(connection: sa.Connection, studies: Sequence[Any]) -> list[tuple[StudySummary, list[RunSummary]]]:
    """These rows of `studies`, each with all that is counted over its runs, and the runs: a few statements for all."""
    ids = [study.id for study in studies]
    runs = runs_of(connection, studies)

    def numbers(key: Any, value: Any, table: Any, of_study: Any) -> dict[str, Any]:
        counted = sa.select(key, value).select_from(table).where(of_study.in_(ids)).group_by(key)
        return dict(connection.execute(counted).all())

    of_run = s.runs.c.study_id
    # Of a batch under review no label is asked yet.
    asked = (s.runs.c.state != "review") | (s.picks.c.round < s.runs.c.round)
    picked = numbers(of_run, sa.func.count(), s.picks.join(s.runs, (s.picks.c.run_id == s.runs.c.id) & asked), of_run)
    paid = sa.func.count() - sa.func.count(s.labels.c.corrects)  # a correction is the same purchase
    unique = numbers(s.labels.c.study_id, paid, s.labels, s.labels.c.study_id)
    seconds = numbers(s.stages.c.run_id, sa.func.sum(s.stages.c.seconds), s.stages.join(s.runs), of_run)
    return [
        (_summary(row, runs[row.id], int(picked.get(row.id, 0)), int(unique.get(row.id, 0)), seconds), runs[row.id])
        for row in studies
    ]


def _summary(row: Any, runs: list[RunSummary], picked: int, unique: int, seconds: Mapping[str, float]) -> StudySummary:
    config = row.config
    spent = {run.id: float(seconds[run.id]) for run in runs if run.id in seconds}
    left, spread = _time_left(runs, spent)
    working = next((r for r in runs if r.state == "running"), None)
    strategies = {r.strategy.name: r.strategy for r in runs}
    return StudySummary(
        id=row.id,
        name=row.name,
        state=_state(runs),
        created=row.created,
        updated=max((r.updated for r in runs if r.updated is not None), default=None),
        strategies=tuple(strategies.values()),
        seeds=tuple(dict.fromkeys(run.seed for run in runs)),
        rounds=config["rounds"],
        labels_per_round=config["labels_per_round"],
        rounds_done=sum(r.rounds_done for r in runs),
        rounds_total=sum(r.rounds_total for r in runs),
        labels_bought=picked,
        labels_unique=unique,
        seconds_spent=sum(spent.values()),
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
