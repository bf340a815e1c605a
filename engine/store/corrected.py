"""What a correction changes: labels that a run has used and that are others now, and the way back to before them.

The run keeps what it has trained, says so, and can be taken back.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.records import STAGES, Answer, Evaluated
from engine.store import schema as s
from engine.store.checkpoints import drop_checkpoints, remove_files
from engine.store.database import Store, now
from engine.store.history import load_event
from engine.store.votes import UNFINISHED, oracle_of, settled
from engine.store.writer import forget_stage

BACK = "runs taken back"
"""The revision that rises when finished rounds are computed again."""


@dataclass(frozen=True)
class Changed:
    """A label that a run has trained on, or measured by, and that people have answered otherwise since."""

    round: int
    pair_id: str
    was: Answer
    now: Answer | None


def changed_since(store: Store, run_id: str) -> list[Changed]:
    """Labels that the run has trained on, or measured by, and that now come to something else, by round.

    Empty where nobody is asked; StoreError if there is no such run.
    """
    with store.read() as connection:
        run = connection.execute(
            sa.select(s.runs.c.study_id, s.runs.c.seed, s.studies.c.config).join(s.studies).where(s.runs.c.id == run_id)
        ).first()
        if run is None:
            raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
        oracle = oracle_of(run.config)
        if oracle is None:
            return []
        found = []
        for number, labels in _used(store, connection, run_id):
            ids = [pair_id for pair_id, _ in labels]
            now_ = settled(connection, oracle, run_id, run.study_id, run.seed, number, ids)
            for pair_id, was in labels:
                label = now_.get(pair_id)
                if label is None or label.answer != was:
                    found.append(Changed(number, pair_id, was, label.answer if label else None))
    return found


def go_back(store: Store, run_id: str, round_number: int, person: str = "lead") -> None:
    """Take a run back to before it used the answers of that round; it goes on from there by itself.

    Its later rounds are computed again; what people have answered stays, and is not asked again. StoreError if the run
    is being worked on, or has not used them.
    """
    to = s.assignments.c
    files: list[str] = []
    with store.read() as connection:
        study_id = connection.execute(sa.select(s.runs.c.study_id).where(s.runs.c.id == run_id)).scalar()
    with store.write(BACK, *([study_id] if study_id else [])) as connection:
        run = connection.execute(sa.select(s.runs).where(s.runs.c.id == run_id)).first()
        if run is None:
            raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
        if run.state in ("running", "queued"):
            raise StoreError(f"Run {run_id} is {run.state}, so it cannot be taken back now.", "Pause it first.")
        order = list(STAGES)
        log = s.stages.c
        there = connection.execute(sa.select(log.round, log.stage).where(log.run_id == run_id)).all()
        cut = (round_number, order.index("labelled") if round_number else -1)
        later = [(n, stage) for n, stage in there if (n, order.index(stage)) >= cut]
        if not later:
            raise StoreError(
                f"Run {run_id} has not used the answers of round {round_number}.", "It needs no going back."
            )
        for number, stage in later:
            files += drop_checkpoints(connection, run_id, number, stage)
            forget_stage(connection, run_id, number, stage)
        unfinished = (to.run_id == run_id) & (to.round > round_number) & to.state.in_(UNFINISHED)
        connection.execute(s.assignments.update().where(unfinished).values(state="dropped"))
        left = max(((n, order.index(stage)) for n, stage in there if (n, stage) not in later), default=None)
        at = {"round": left[0], "stage": order[left[1]]} if left else {"round": 0, "stage": ""}
        going = {**at, "state": "queued", "progress": "", "error": "", "updated": now(), "taken_over": 0}
        connection.execute(s.runs.update().where(s.runs.c.id == run_id).values(**going))
        # What pages asked about its later rounds is not so any more, and is asked anew.
        tasks, about = s.tasks.c, sa.cast(s.tasks.c.request, sa.Text).contains(run_id)
        connection.execute(s.tasks.update().where((tasks.state == "done") & about).values(state="cancelled"))
        told = {"study_id": run.study_id, "run_id": run_id, "what": "go_back", "created": now()}
        detail = {"round": round_number, "person": person, "stages": len(later)}
        connection.execute(insert(s.commands).values(**told, detail=detail))
    remove_files(store, files)


def _used(store: Store, connection: sa.Connection, run_id: str) -> list[tuple[int, list[tuple[str, Answer]]]]:
    """Round → (pair, answer) that its stage used; of round 0 those that people answered first and that are measured."""
    log, to = s.stages.c, s.assignments.c
    first = load_event(store, run_id, 0, "evaluated")
    asked = sa.select(to.pair_id).where((to.run_id == run_id) & to.kind.in_(("held_out", "audit")))
    mine = set(connection.execute(asked).scalars())
    measured = first.measured if isinstance(first, Evaluated) else {}
    found = [(0, [(row[0], row[2]) for rows in measured.values() for row in rows if row[0] in mine])]
    stages = sa.select(log.round, log.detail).where((log.run_id == run_id) & (log.stage == "labelled"))
    for number, detail in connection.execute(stages.order_by(log.round)):
        found.append((number, [(label[0], label[1]) for label in detail["labels"]]))
    return found
