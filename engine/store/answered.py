"""What a person has answered: looked at again, taken back, corrected; how far the queue is; what a correction changes.

A correction is a new row that names the one it replaces. A run that has trained on the old answer keeps it, says so,
and can be taken back to before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.records import STAGES, Answer, Evaluated
from engine.store import schema as s
from engine.store.assignments import Said, Shown, close, refuse_strange, shown, tail, write_row
from engine.store.checkpoints import drop_checkpoints, remove_files
from engine.store.claims import beat
from engine.store.database import Store, now
from engine.store.history import load_event
from engine.store.picked import texts_of_pairs
from engine.store.votes import COUNTING, UNFINISHED, Vote, oracle_of, settled, standing
from engine.store.writer import forget_stage

LATELY = 50
"""Answers that somebody's pace is told by."""


@dataclass(frozen=True)
class Answered:
    """One of a person's answers as it stands, with the words of its prompt."""

    number: int
    assignment_id: int
    pair_id: str
    answer: Answer
    seconds: float | None
    messages: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Progress:
    """How far the queue of a study is.

    `asked` and `done` are answers wanted and given of what is waited for now; `free` how many of them this person can
    still give. `given`: this person's answers so far; `seconds`: the median time of the last 50 (None: no answer).
    """

    asked: int
    done: int
    free: int
    given: int
    seconds: float | None
    state: str
    round: int


@dataclass(frozen=True)
class Changed:
    """A label that a run has trained on, or measured by, and that people have answered otherwise since."""

    round: int
    pair_id: str
    was: Answer
    now: Answer | None


def earlier(store: Store, study_id: str, person_id: str, newest: int = 50) -> list[Answered]:
    """The person's answers, the newest first; a corrected one keeps its place."""
    with store.read() as connection:
        votes = [v for v in standing(connection, study_id, person_id=person_id) if v.assignment_id is not None]
        votes = votes[::-1][:newest]
        texts = texts_of_pairs(connection, {vote.pair_id for vote in votes})
    return [
        Answered(v.number, v.assignment_id or 0, v.pair_id, v.answer, v.seconds, texts[v.pair_id][0]) for v in votes
    ]


def look_again(store: Store, study_id: str, person_id: str, assignment_id: int) -> Shown:
    """A pair that the person has answered, sides as they were shown; StoreError if they have not."""
    with store.read() as connection:
        row, vote = _given(connection, study_id, person_id, assignment_id)
        return shown(connection, row, vote.answer)


def correct(store: Store, study_id: str, person_id: str, assignment_id: int, said: Said) -> int:
    """Answer again what was answered: the number of the new row. The same answer again writes nothing.

    StoreError if this person has not answered it.
    """
    refuse_strange(said)
    with store.write(study_id) as connection:
        row, vote = _given(connection, study_id, person_id, assignment_id)
        if (vote.answer, vote.note, vote.strength) == (said.answer, said.note.strip(), said.strength):
            return vote.number
        link = {"corrects": tail(connection, vote.number)}
        number = write_row(connection, study_id, row, person_id, said, {"kind": row.kind}, link)
        close(connection, study_id, row, said.answer)
    return number


def take_back(store: Store, study_id: str, person_id: str) -> Shown:
    """Undo the person's last answer: the pair is in their hand again, and nothing goes on without it.

    What they say of it then is a row that corrects the first. StoreError if there is nothing, or if the run has gone on
    with it: then it can be corrected.
    """
    to, of = s.assignments.c, s.labels.c
    with store.write(study_id) as connection:
        last = (
            sa.select(s.assignments, s.runs.c.state.label("run_state"))
            .join(s.labels, of.assignment_id == to.id)
            .join(s.runs, s.runs.c.id == to.run_id)
            .where((of.study_id == study_id) & (of.person_id == person_id) & to.state.in_(("answered", "skipped")))
        )
        row = connection.execute(last.order_by(of.id.desc()).limit(1)).first()
        if row is None:
            raise StoreError("There is nothing to undo: you have not answered yet.", "")
        stage = "labelled" if row.round else "evaluated"
        log = s.stages.c
        on = (log.run_id == row.run_id) & (log.round == row.round) & (log.stage == stage)
        if row.run_state not in ("waiting", "queued") or connection.execute(sa.select(log.run_id).where(on)).first():
            raise StoreError(
                "The run has gone on with that answer, so it is not taken back.",
                "Go to it with Earlier and answer again: that corrects it.",
            )
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar_one()
        oracle = oracle_of(config)
        lease = beat() + 60 * (oracle.lease_minutes if oracle else 1.0)
        here = s.assignments.update().where(to.id == row.id)
        connection.execute(here.values(state="leased", lease_until=lease))
        if row.state == "skipped":  # somebody else was to answer it; if nobody holds it yet, nobody need
            same = (to.run_id == row.run_id) & (to.pair_id == row.pair_id) & (to.state == "open")
            spare = connection.execute(sa.select(to.id).where(same).limit(1)).scalar()
            connection.execute(s.assignments.update().where(to.id == spare).values(state="dropped"))
        if row.kind in COUNTING:
            back = (s.runs.c.id == row.run_id) & (s.runs.c.state == "queued")
            connection.execute(s.runs.update().where(back).values(state="waiting", updated=now()))
        before = connection.execute(
            sa.select(of.answer).where(of.id == tail(connection, _first(connection, row.id)))
        ).scalar_one()
        return shown(connection, row, before)


def progress(store: Store, study_id: str, person_id: str) -> Progress:
    """How far the queue is, for one person."""
    to, of = s.assignments.c, s.runs.c
    with store.read() as connection:
        run = connection.execute(
            sa.select(of.id, of.state, of.round).where(of.study_id == study_id).order_by(of.position).limit(1)
        ).first()
        if run is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        counts = sa.select(to.round, to.state, sa.func.count()).where((to.run_id == run.id) & to.kind.in_(COUNTING))
        found = connection.execute(counts.group_by(to.round, to.state)).all()
        newest = max((number for number, _, _ in found), default=0)
        now_ = {state: n for number, state, n in found if number == newest}
        left = sum(now_.get(state, 0) for state in UNFINISHED)
        had = sa.select(to.pair_id).where((to.person_id == person_id) & to.state.in_(("answered", "skipped")))
        mine = (to.state == "open") & to.pair_id.not_in(had) | (to.state == "leased") & (to.person_id == person_id)
        free = sa.select(sa.func.count()).where((to.run_id == run.id) & to.kind.in_(COUNTING) & mine)
        of = s.labels.c
        of_mine = (of.study_id == study_id) & (of.person_id == person_id) & of.corrects.is_(None)
        given = connection.execute(sa.select(sa.func.count()).where(of_mine)).scalar_one()
        timed = sa.select(of.seconds).where(of_mine & of.seconds.is_not(None)).order_by(of.id.desc())
        times = connection.execute(timed.limit(LATELY)).scalars().all()
        return Progress(
            left + now_.get("answered", 0), now_.get("answered", 0),
            connection.execute(free).scalar_one() if run.state == "waiting" else 0,
            given, median(times) if times else None, run.state, newest,
        )  # fmt: skip


def by_person(store: Store, study_id: str) -> list[tuple[str, int, int, int]]:
    """Name, answers, skips among them, and pairs in hand, of everybody who has had a pair of this study; by name."""
    to, of = s.assignments.c, s.people.c
    counts = (
        sa.select(of.name, to.state, sa.func.count())
        .join(s.people, of.id == to.person_id)
        .join(s.runs, s.runs.c.id == to.run_id)
        .where(s.runs.c.study_id == study_id)
        .group_by(of.id, of.name, to.state)
        .order_by(of.name, of.id)
    )
    found: dict[str, dict[str, int]] = {}
    with store.read() as connection:
        for name, state, n in connection.execute(counts):
            mine = found.setdefault(name, {})
            mine[state] = mine.get(state, 0) + n
    return [
        (name, n.get("answered", 0) + n.get("skipped", 0), n.get("skipped", 0), n.get("leased", 0))
        for name, n in found.items()
    ]


def changed_since(store: Store, run_id: str) -> list[Changed]:
    """Labels that the run has trained on, or measured by, and that now come to something else, by round."""
    with store.read() as connection:
        run = connection.execute(
            sa.select(s.runs.c.study_id, s.runs.c.seed, s.studies.c.config).join(s.studies).where(s.runs.c.id == run_id)
        ).first()
        oracle = oracle_of(run.config) if run is not None else None
        if run is None or oracle is None:
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
    with store.write(*([study_id] if study_id else [])) as connection:
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


def _given(connection: sa.Connection, study_id: str, person_id: str, assignment_id: int) -> tuple[sa.Row[Any], Vote]:
    row = connection.execute(sa.select(s.assignments).where(s.assignments.c.id == assignment_id)).first()
    pairs: Sequence[str] = [row.pair_id] if row is not None else []
    votes = standing(connection, study_id, pairs, person_id)
    vote = next((vote for vote in votes if vote.assignment_id == assignment_id), None)
    if row is None or vote is None:
        raise StoreError("You have not answered that pair, so there is nothing to correct.", "Go on with the queue.")
    return row, vote


def _first(connection: sa.Connection, assignment_id: int) -> int:
    of = s.labels.c
    return int(connection.execute(sa.select(of.id).where(of.assignment_id == assignment_id)).scalar_one())
