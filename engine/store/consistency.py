"""Whether what a run left behind fits together: its files, its stages in order, its picks, labels and pools."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engine.config import StudyConfig
from engine.errors import EngineError, StoreError
from engine.records import STAGES
from engine.store import schema as s
from engine.store.bank import banked
from engine.store.claims import lapsed
from engine.store.database import Store
from engine.store.files import Written, read_bytes
from engine.store.growth import added_seeds, as_queued
from engine.store.votes import oracle_of

Severity = Literal["error", "warning", "note"]
FILES = {
    "pooled": ("pairs.json",),
    "scored": ("signals.safetensors", "ids.json"),
    "picked": ("features.safetensors",),
    "labelled": (),
    "trained": ("adapter.safetensors", "steps.json"),
    "evaluated": ("margins.safetensors", "generations.json"),
}
"""The files that each stage has (`engine.store.codec.files_of`)."""
AGAIN = "It is computed again when the run goes on."
REMADE = "It is made again from the tables of texts, to the same bytes, when it is next read: nothing is drawn again."
RESTORE = "The run is done, so nothing computes it again: restore it from a backup, or clone the study and run it anew."


@dataclass(frozen=True)
class Finding:
    """Something that does not fit: how bad it is, where, a sentence, and what to do."""

    severity: Severity
    where: str
    what: str
    next_step: str


def of_studies(store: Store) -> Iterator[Finding]:
    """Configs that were changed or cannot be read, and data sets that are gone."""
    with store.read() as connection:
        studies = connection.execute(sa.select(s.studies)).all()
        of = s.runs.c
        runs = connection.execute(sa.select(of.id, of.study_id, of.strategy, of.seed, of.config)).all()
        datasets = set(connection.execute(sa.select(s.datasets.c.id)).scalars())
    for row in studies:
        where = f"study {row.id}"
        if hashlib.sha256(json.dumps(row.config, sort_keys=True).encode()).hexdigest() != row.config_sha256:
            yield Finding("error", where, "Its config is not the one it was queued with: the hash differs.",
                          "Restore a backup; do not compare its runs.")  # fmt: skip
        try:
            wanted = _runs_of(row.config, [seed for some in added_seeds(store, row.id) for seed in some])
        except EngineError as error:
            wanted = None
            yield Finding("warning", where, f"Its config cannot be read by this program: {error.what}",
                          "Install the plugin it names, or leave it; its figures can still be read.")  # fmt: skip
        for role, dataset in row.datasets.items():
            if dataset not in datasets:
                yield Finding("error", where, f"Its data set {dataset} ({role}) is not in the store.",
                              "Restore a backup; without it the runs cannot go on.")  # fmt: skip
        if wanted is None:
            continue
        there = sum(run.study_id == row.id for run in runs)
        if there < len(wanted):
            yield Finding("error", where, f"It has {there} of its {len(wanted)} runs.",
                          "Restore a backup; the others are gone.")  # fmt: skip
        for run in runs:
            if run.study_id == row.id and not _is(wanted.get((run.strategy, run.seed)), run.config):
                yield Finding("error", f"run {run.id}", "Its strategy or seed is none of its study's.",
                              "Restore a backup; do not compare it with the others.")  # fmt: skip


def _runs_of(config: Mapping[str, Any], added: Sequence[int]) -> dict[tuple[str, int], dict[str, Any]]:
    """(arm, seed) → what is saved of the run, of all runs a study should have, seeds that were added included."""
    study = StudyConfig.from_dict(as_queued(config), "The study")
    return {(run.key, run.seed): run.saved for run in study.runs([*study.seeds, *added])}


def _is(wanted: Mapping[str, Any] | None, kept: Mapping[str, Any]) -> bool:
    """Whether a run is kept as it should be; parameters that came later have their defaults."""
    if wanted is None or kept.get("seed") != wanted["seed"]:
        return False
    found = {name: value for name, value in kept.items() if name != "strategy"}
    own = kept.get("strategy", {})
    same = all(wanted["strategy"].get(name) == value for name, value in own.items())
    return same and all(wanted.get(name) == value for name, value in found.items())


def of_leases(store: Store) -> Iterator[Finding]:
    """Runs that are said to be running, and nobody works on them."""
    held = sa.select(s.runs.c.id, s.runs.c.worker_id, s.workers.c.doing)
    held = held.join(s.workers, s.workers.c.id == s.runs.c.worker_id, isouter=True).where(lapsed(s.runs))
    with store.read() as connection:
        rows = connection.execute(held).all()
    for row in rows:
        yield Finding("warning", f"run {row.id}",
                      f"It is said to be running, but the lease of worker {row.worker_id} has lapsed.",
                      "The next worker takes it over: start one with `workbench worker`.")  # fmt: skip


def of_run(store: Store, run_id: str) -> list[Finding]:
    """All of one run. It may be at work: what is found must be found twice, so that no half-seen change counts."""
    found = list(_of_run(store, run_id))
    if not found:
        return []
    again = set(_of_run(store, run_id))
    return [finding for finding in found if finding in again]


@dataclass(frozen=True)
class _Saved:
    """The rows of a run, read at one moment."""

    run: Any
    rounds: int
    stages: Mapping[tuple[int, str], Mapping[str, Any]]
    files: Mapping[tuple[int, str], Mapping[str, Written]]
    snapshots: Mapping[int, int]
    picks: Mapping[int, list[str]]
    labels: list[Any]
    bank: set[str]
    measured: Mapping[int, set[tuple[str, str, float | None]]]
    scores: Mapping[int, list[float | None]]
    answers: Mapping[str, set[str]]


def _number(value: float | None) -> float | None:
    """What is not a number has no value in the database."""
    return None if value is None or value != value else value


def _figures(detail: Mapping[str, Any]) -> set[tuple[str, str, float | None]]:
    return {(name, split, _number(value)) for name, split, value, *_ in detail["metrics"]}


def _read(store: Store, run_id: str) -> _Saved | None:
    def rows(connection: sa.Connection, table: sa.Table) -> Any:
        return connection.execute(sa.select(table).where(table.c.run_id == run_id))

    with store.read() as connection:
        run = connection.execute(
            sa.select(s.runs, s.studies.c.config.label("study")).join(s.studies).where(s.runs.c.id == run_id)
        ).first()
        if run is None:
            return None
        files: dict[tuple[int, str], dict[str, Written]] = {}
        for row in rows(connection, s.artefacts):
            files.setdefault((row.round, row.stage), {})[row.name] = Written(row.path, row.bytes, row.sha256)
        picks: dict[int, list[str]] = {}
        scores: dict[int, list[float | None]] = {}
        measured: dict[int, set[tuple[str, str, float | None]]] = {}
        for row in rows(connection, s.metrics):
            measured.setdefault(row.round, set()).add((row.name, row.split, _number(row.value)))
        for row in connection.execute(
            sa.select(s.picks).where(s.picks.c.run_id == run_id).order_by(s.picks.c.round, s.picks.c.rank)
        ):
            picks.setdefault(row.round, []).append(row.pair_id)
            scores.setdefault(row.round, []).append(row.score)
        mine = s.labels.c.seed.is_(None) | (s.labels.c.seed == run.seed)
        bank = sa.select(s.labels.c.pair_id, s.labels.c.answer).where(banked(connection, run.study_id) & mine)
        answers: dict[str, set[str]] = {}
        for row in connection.execute(bank):
            answers.setdefault(row.pair_id, set()).add(row.answer)
        if oracle_of(run.study) is not None:  # several answers may come to a tie; a batch may be closed without one
            answers = {pair_id: {*given, "tie", "skip"} for pair_id, given in answers.items()}
        return _Saved(
            run,
            int((run.config.get("setting") or {}).get("rounds", run.study.get("rounds", 0))),
            {(row.round, row.stage): row.detail for row in rows(connection, s.stages)},
            files,
            {row.round: row.n_pairs for row in rows(connection, s.pool_snapshots)},
            picks,
            rows(connection, s.labels).all(),
            set(answers),
            measured,
            scores,
            answers,
        )


def _of_run(store: Store, run_id: str) -> Iterator[Finding]:
    saved = _read(store, run_id)
    if saved is None:
        return
    step = RESTORE if saved.run.state == "done" else AGAIN

    def error(what: str, round_number: int | None = None, next_step: str = step) -> Finding:
        where = f"run {run_id}" if round_number is None else f"run {run_id}, round {round_number}"
        return Finding("error", where, what, next_step)

    order = [(0, "evaluated"), *((n, stage) for n in range(1, saved.rounds + 1) for stage in STAGES)]
    done = [place in saved.stages for place in order]
    last = max((n for n, there in enumerate(done) if there), default=-1)
    for place, there in zip(order[: last + 1], done, strict=False):
        if not there:
            yield error(f"Stage {place[1]} is missing, while {order[last][1]} of round {order[last][0]} is there.",
                        place[0])  # fmt: skip
    for number, stage in sorted(set(saved.stages) - set(order)):
        yield error(f"There is a stage {stage}, though the study has {saved.rounds} rounds.", number)
    if saved.run.state == "done" and not all(done):
        rounds = sum(place in saved.stages for place in order if place[1] == "evaluated" and place[0])
        yield error(f"It is said to be done, but {rounds} of its {saved.rounds} rounds are evaluated.")
    pools: dict[int, set[str]] = {}
    for (number, stage), files in sorted(saved.files.items(), key=str):
        for name, file in sorted(files.items()):
            try:
                content = read_bytes(store.folder, file)
            except StoreError as trouble:
                drawn = name == "pairs.json" and "drawn" in saved.stages.get((number, stage), {})
                yield error(trouble.what, number, REMADE if drawn else step)
                continue
            if name == "pairs.json":
                pools[number] = set(json.loads(content)["ids"])
                if len(pools[number]) != saved.snapshots.get(number):
                    yield error(f"Its pool has {len(pools[number]):,} pairs in the file {file.path} and "
                                f"{saved.snapshots.get(number, 0):,} in the database.", number)  # fmt: skip
    for number, stage in saved.stages:
        missing = [name for name in FILES.get(stage, ()) if name not in saved.files.get((number, stage), {})]
        if missing:
            yield error(f"Stage {stage} is done, but no row names its {' and '.join(missing)}.", number)
    yield from _picked_and_labelled(saved, pools, error)


def _picked_and_labelled(saved: _Saved, pools: Mapping[int, set[str]], error: Any) -> Iterator[Finding]:
    for number, pair_ids in saved.picks.items():
        detail = saved.stages.get((number, "picked"))
        if detail is None:
            yield error(f"It has {len(pair_ids):,} picks of a round in which nothing was picked.", number)
        strange = [pair_id for pair_id in pair_ids if number in pools and pair_id not in pools[number]]
        if strange:
            yield error(f"{len(strange):,} of its picks are not in the pool (first: pair {strange[0]}).", number)
    for (number, stage), detail in saved.stages.items():
        if stage == "picked" and [pick[0] for pick in detail["picks"]] != saved.picks.get(number, []):
            yield error("Its picks are not those that its stage names.", number)
        elif stage == "picked" and [pick[2] for pick in detail["picks"]] != saved.scores.get(number, []):
            yield error("The scores of its picks are not those that its stage names.", number)
        if stage == "evaluated" and _figures(detail) != saved.measured.get(number, set()):
            yield error("Its figures are not those that its stage names.", number)
        if stage == "labelled":
            unpaid = [x[0] for x in detail["labels"] if x[0] not in saved.bank and x[1] != "skip"]
            if unpaid:
                yield error(f"{len(unpaid):,} labels that it trained on are not in the table of labels "
                            f"(first: pair {unpaid[0]}).", number, "Restore a backup: a label is lost.")  # fmt: skip
            other = [label[0] for label in detail["labels"] if label[1] not in saved.answers.get(label[0], {label[1]})]
            if other:
                yield error(f"{len(other):,} answers that it trained on are not those of the table of labels "
                            f"(first: pair {other[0]}).", number)  # fmt: skip
    for what, rounds, stage in (("a pool", saved.snapshots, "pooled"), ("figures", saved.measured, "evaluated")):
        for number in sorted(rounds):
            if (number, stage) not in saved.stages:
                yield error(f"It has {what} of a round whose stage {stage} is not done.", number)
    for label in saved.labels:
        if label.round in pools and label.pair_id not in pools[label.round]:
            yield error(f"Label {label.id} is of pair {label.pair_id}, which is not in the pool of its round.",
                        label.round, "Restore a backup; labels are never changed.")  # fmt: skip
