"""What a person has answered: looked at again, taken back, corrected; how far the queue is.

A correction is a new row that names the one it replaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import Answer
from engine.store import schema as s
from engine.store.assignments import Said, Shown, close, refuse_strange, shown, tail, write_row
from engine.store.claims import beat
from engine.store.database import Store, now
from engine.store.picked import texts_of_pairs
from engine.store.roles import refuse_gone
from engine.store.votes import ASKED, COUNTING, OUT, UNFINISHED, Vote, oracle_of, standing

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

    `asked` and `done` are answers wanted and given of what is waited for now, and of what is labelled again those still
    to come; `free` how many of them this person can still give; `out` how many another tool was given. `given`: this
    person's answers so far; `seconds`: the median time of the last 50 (None: no answer).
    """

    asked: int
    done: int
    free: int
    given: int
    seconds: float | None
    state: str
    round: int
    out: int = 0


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
        row, _ = _given(connection, study_id, person_id, assignment_id)
        return shown(connection, row)


def correct(store: Store, study_id: str, person_id: str, assignment_id: int, said: Said) -> int:
    """Answer again what was answered: the number of the new row. The same answer again writes nothing.

    StoreError if this person has not answered it, or their link was closed.
    """
    refuse_strange(said)
    with store.write(study_id) as connection:
        refuse_gone(connection, person_id)
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
        refuse_gone(connection, person_id)
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
        return shown(connection, row)


def progress(store: Store, study_id: str, person_id: str) -> Progress:
    """How far the queue is, for one person."""
    to, of = s.assignments.c, s.runs.c
    with store.read() as connection:
        run = connection.execute(
            sa.select(of.id, of.state, of.round).where(of.study_id == study_id).order_by(of.position).limit(1)
        ).first()
        if run is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        again = to.kind == "relabel"
        counts = sa.select(to.round, to.state, again, sa.func.count()).where((to.run_id == run.id) & to.kind.in_(ASKED))
        found = connection.execute(counts.group_by(to.round, to.state, again)).all()
        newest = max((number for number, _, anew, _ in found if not anew), default=0)
        now_ = {state: n for number, state, anew, n in found if number == newest and not anew}
        left = sum(n for number, state, anew, n in found if state in UNFINISHED and (anew or number == newest))
        had = sa.select(to.pair_id).where((to.person_id == person_id) & to.state.in_(("answered", "skipped")))
        mine = (to.state == "open") & to.pair_id.not_in(had) | (to.state == "leased") & (to.person_id == person_id)
        kinds = to.kind.in_(ASKED) if run.state == "waiting" else again
        free = sa.select(sa.func.count()).where((to.run_id == run.id) & kinds & mine)
        of = s.labels.c
        of_mine = (of.study_id == study_id) & (of.person_id == person_id) & of.corrects.is_(None)
        given = connection.execute(sa.select(sa.func.count()).where(of_mine)).scalar_one()
        timed = sa.select(of.seconds).where(of_mine & of.seconds.is_not(None)).order_by(of.id.desc())
        times = connection.execute(timed.limit(LATELY)).scalars().all()
        return Progress(
            left + now_.get("answered", 0), now_.get("answered", 0),
            connection.execute(free).scalar_one(), given, median(times) if times else None, run.state, newest,
            now_.get(OUT, 0),
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


def _given(connection: sa.Connection, study_id: str, person_id: str, assignment_id: int) -> tuple[sa.Row[Any], Vote]:
    row = connection.execute(sa.select(s.assignments).where(s.assignments.c.id == assignment_id)).first()
    pairs: Sequence[str] = [row.pair_id] if row is not None else []
    votes = standing(connection, study_id, pairs, person_id)
    vote = next((vote for vote in votes if vote.assignment_id == assignment_id), None)
    if row is None or vote is None:
        raise StoreError("You have not answered that pair, so there is nothing to correct.", "Go on with the queue.")
    return row, vote
