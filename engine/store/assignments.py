"""The queue that people label from: who is shown which pair under a lease, and what they answer.

An answer is on disk when the call returns, together with the lease of the pair that comes next. What is told twice is
written once; told otherwise, it is refused. A pair goes to nobody twice, but for a hidden repeat or when their time for
it had passed, and then they answer it once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.oracles.people import People
from engine.records import Answer
from engine.seeds import uniforms
from engine.store import schema as s
from engine.store.campaigns import go_on
from engine.store.claims import beat
from engine.store.database import Store, now
from engine.store.hidden import hidden
from engine.store.picked import texts_of_pairs
from engine.store.roles import left_for, refuse_gone
from engine.store.votes import ASKED, COUNTING, GIVEN, oracle_of

ANSWERS: tuple[Answer, ...] = ("a", "b", "tie", "both_bad", "skip")
LATE = ("lapsed", "dropped")
"""States of what was in a hand that is not waited for any more; what is answered then is kept."""
LONGEST_LEASE_S = 86_400.0
"""A lease that ends later than this from now is from before the machine was started."""


@dataclass(frozen=True)
class Said:
    """An answer by the sides of the pair, whatever was shown first. `note` is also the reason of a skip.

    `strength`: 1 slightly, 2 clearly, 3 by far better; None where it was not said.
    """

    answer: Answer
    side_first: str = ""
    seconds: float | None = None
    note: str = ""
    strength: float | None = None
    guideline_id: int | None = None


@dataclass(frozen=True)
class Shown:
    """A pair in somebody's hand. `side_first` is shown first, at the left. It does not say why it is asked.

    `before`: what the person had answered, where that is looked at again or was taken back, with its note and strength.
    """

    assignment_id: int
    pair_id: str
    messages: tuple[tuple[str, str], ...]
    text_a: str
    text_b: str
    side_first: str
    before: Answer | None = None
    note: str = ""
    strength: float | None = None


def claim_next(store: Store, study_id: str, person_id: str) -> Shown | None:
    """The pair this person is to answer now; the same one until it is answered. None if nothing waits for them."""
    with store.write_quietly() as connection:
        return _next(connection, study_id, person_id)


def answer(store: Store, study_id: str, assignment_id: int, person_id: str, said: Said) -> int:
    """Write an answer down; the number of its row, the same if it was told before. It is on disk then.

    StoreError if the pair was not given to this person, they answered it otherwise before, or the answer is none.
    """
    with store.write(study_id) as connection:
        return _answer(connection, study_id, assignment_id, person_id, said)


def answer_and_next(store: Store, study_id: str, assignment_id: int, person_id: str, said: Said) -> Shown | None:
    """`answer`, and what this person is shown next, in one transaction: one wait for the disk."""
    with store.write(study_id) as connection:
        _answer(connection, study_id, assignment_id, person_id, said)
        return _next(connection, study_id, person_id)


def put_back(store: Store, study_id: str, assignment_id: int, person_id: str) -> None:
    """Let go of a pair without an answer, so that somebody else need not wait for the end of its lease."""
    to, of = s.assignments.c, s.labels.c
    with store.write(study_id) as connection:
        row = connection.execute(sa.select(s.assignments).where(to.id == assignment_id)).first()
        told = connection.execute(sa.select(of.id).where(of.assignment_id == assignment_id)).first()
        if row is None or told or row.person_id != person_id or row.state != "leased" or row.kind not in COUNTING:
            return
        free = {"state": "open", "person_id": None, "lease_until": None, "side_first": None}
        connection.execute(s.assignments.update().where(to.id == assignment_id).values(**free))


def shown(connection: sa.Connection, row: Any) -> Shown:
    """A row of assignments as its person sees it, with what they have said of it."""
    messages, (text_a, _), (text_b, _) = texts_of_pairs(connection, [row.pair_id])[row.pair_id]
    found = Shown(row.id, row.pair_id, messages, text_a, text_b, row.side_first or "a")
    first = connection.execute(sa.select(s.labels.c.id).where(s.labels.c.assignment_id == row.id)).scalar()
    if first is None:
        return found
    told = _said(connection, first)
    return replace(found, before=told.answer, note=told.note or "", strength=told.strength)


def _next(connection: sa.Connection, study_id: str, person_id: str) -> Shown | None:
    row = _take(connection, study_id, person_id)
    return None if row is None else shown(connection, row)


def _said(connection: sa.Connection, first: int) -> Any:
    """The row of labels that an answer has come to since it was first given."""
    return connection.execute(sa.select(s.labels).where(s.labels.c.id == tail(connection, first))).one()


def _take(connection: sa.Connection, study_id: str, person_id: str) -> Any:
    """The assignment that this person holds, or the next one, its lease renewed."""
    to, of = s.assignments.c, s.runs.c
    config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
    oracle = oracle_of(config or {})
    if oracle is None:
        return None
    refuse_gone(connection, person_id)
    waiting = sa.select(of.id).where((of.study_id == study_id) & (of.state == "waiting"))
    again = (to.kind == "relabel") & to.run_id.in_(sa.select(of.id).where(of.study_id == study_id))
    here = to.run_id.in_(waiting) | again
    _lapse(connection, here)
    mine = here & (to.person_id == person_id) & (to.state == "leased")
    row = connection.execute(sa.select(s.assignments).where(mine).order_by(to.id).limit(1)).first()
    if row is None:
        row = _open(connection, here, study_id, person_id)
        if row is None:
            return None
        seed = int(config["seeds"][0])  # type: ignore[index]
        if row.kind in COUNTING:
            row = hidden(connection, oracle, study_id, person_id, seed, waiting) or row
    first = row.side_first or _side(person_id, row.pair_id)
    held = {"state": "leased", "person_id": person_id, "lease_until": beat() + 60 * oracle.lease_minutes}
    held["side_first"] = first
    connection.execute(s.assignments.update().where(to.id == row.id).values(**held))
    return connection.execute(sa.select(s.assignments).where(to.id == row.id)).one()


def _open(connection: sa.Connection, here: Any, study_id: str, person_id: str) -> Any:
    """The first pair of the queue that this person has not had."""
    to = s.assignments.c
    before = s.assignments.alias("before")
    had = (
        sa.select(before.c.pair_id)
        .join(s.runs, s.runs.c.id == before.c.run_id)
        .where((s.runs.c.study_id == study_id) & (before.c.person_id == person_id))
        .where(before.c.state.in_(("leased", "answered", "skipped")))
    )
    free = here & (to.state == "open") & to.pair_id.not_in(had)
    wanted = sa.select(s.assignments).where(free).order_by(to.round, to.position, to.id)
    return connection.execute(wanted.limit(1)).first()


def _lapse(connection: sa.Connection, here: Any) -> None:
    """What was held for too long is open again, as a new assignment: a late answer to the old one is kept."""
    to = s.assignments.c
    over = (to.lease_until < beat()) | (to.lease_until > beat() + LONGEST_LEASE_S)
    for row in connection.execute(sa.select(s.assignments).where(here & (to.state == "leased") & over)).all():
        connection.execute(s.assignments.update().where(to.id == row.id).values(state="lapsed"))
        if row.kind in ASKED:
            ask_again(connection, row)


def ask_again(connection: sa.Connection, row: Any) -> None:
    """The same question to whoever comes next."""
    again = {"run_id": row.run_id, "round": row.round, "pair_id": row.pair_id, "kind": row.kind}
    connection.execute(insert(s.assignments).values(**again, state="open", position=row.position, created=now()))


def _answer(connection: sa.Connection, study_id: str, assignment_id: int, person_id: str, said: Said) -> int:
    to, of = s.assignments.c, s.labels.c
    row = connection.execute(
        sa.select(s.assignments).join(s.runs).where((to.id == assignment_id) & (s.runs.c.study_id == study_id))
    ).first()
    if row is None or row.person_id != person_id:
        raise StoreError(
            f"Pair {row.pair_id if row else assignment_id} is not in your hand: it was given to somebody else.",
            "Go on with the next pair.",
        )
    refuse_strange(said)
    refuse_gone(connection, person_id)
    if (told := _told(connection, row)) is not None:
        if _said(connection, told).answer == said.answer:
            return told
        raise StoreError(
            "You have answered this pair already, in another tab or window, and otherwise: that answer stands.",
            "Go on with the next pair. To change the answer go to it with Earlier, and answer again.",
        )
    first = connection.execute(sa.select(of.id).where(of.assignment_id == assignment_id)).scalar()
    detail: dict[str, Any] = {"kind": row.kind} | ({"late": True} if row.state in LATE else {})
    link = {"assignment_id": assignment_id} if first is None else {"corrects": tail(connection, first)}
    number = write_row(connection, study_id, row, person_id, said, detail, link)
    if row.state == "lapsed":
        _drop_open(connection, row, person_id)
    close(connection, study_id, row, said.answer)
    return number


def _told(connection: sa.Connection, row: Any) -> int | None:
    """The row of this person's answer to that question, given for this assignment or, in another tab, for its twin.

    None where they have not answered it, or have taken it back.
    """
    to, of = s.assignments.c, s.labels.c
    same = (to.run_id == row.run_id) & (to.round == row.round) & (to.pair_id == row.pair_id) & (to.kind == row.kind)
    mine = same & (to.person_id == row.person_id) & to.state.in_(GIVEN)
    told = sa.select(of.id).join(s.assignments, of.assignment_id == to.id).where(mine).order_by(of.id).limit(1)
    found = connection.execute(told).scalar()
    return None if found is None else int(found)


def write_row(
    connection: sa.Connection,
    study_id: str,
    row: Any,
    person_id: str,
    said: Said,
    detail: Mapping[str, Any],
    link: Mapping[str, Any],
) -> int:
    """One row of labels; `link` says which assignment it answers, or which row it corrects."""
    values = {
        "study_id": study_id, "seed": None, "pair_id": row.pair_id, "answer": said.answer, "oracle": People.name,
        "detail": dict(detail), "run_id": row.run_id, "round": row.round, "person_id": person_id,
        "side_shown_first": said.side_first or row.side_first, "seconds": said.seconds,
        "note": said.note.strip() or None, "guideline_id": said.guideline_id, "strength": said.strength,
        "created": now(), **link,
    }  # fmt: skip
    return int(connection.execute(insert(s.labels).values(**values).returning(s.labels.c.id)).scalar_one())


def close(connection: sa.Connection, study_id: str, row: Any, said: Answer) -> None:
    """Note that it is answered; a skipped pair goes to somebody else if there is anybody, and the run may go on.

    Where a skip becomes an answer, whoever was to be asked in its place is spared.
    """
    state = "skipped" if said == "skip" else "answered"
    connection.execute(s.assignments.update().where(s.assignments.c.id == row.id).values(state=state))
    if row.kind not in ASKED:
        return
    if state == "skipped" and row.state not in ("skipped", "dropped") and left_for(connection, study_id, row.pair_id):
        ask_again(connection, row)
    if state == "answered" and row.state == "skipped":
        _drop_open(connection, row, row.person_id)
    if row.kind in COUNTING:
        go_on(connection, row.run_id)


def tail(connection: sa.Connection, number: int) -> int:
    """The last row of a chain of corrections."""
    while (
        after := connection.execute(sa.select(s.labels.c.id).where(s.labels.c.corrects == number)).scalar()
    ) is not None:
        number = int(after)
    return number


def refuse_strange(said: Said) -> None:
    """StoreError for what is no answer."""
    if said.answer not in ANSWERS:
        raise StoreError(f"{said.answer!r} is no answer.", f"Known: {', '.join(ANSWERS)}.")
    if said.side_first not in ("", "a", "b") or said.strength not in (None, 1, 2, 3) or len(said.note) > 4000:
        raise StoreError(
            "An answer says a side (a or b), a strength of 1, 2 or 3 and a note of at most 4,000 characters.",
            "Shorten the note.",
        )


def _drop_open(connection: sa.Connection, row: Any, person_id: str) -> None:
    """A late answer spares whoever would have been asked in its place, if nobody holds it yet, or only who gave it."""
    to = s.assignments.c
    same = (to.run_id == row.run_id) & (to.round == row.round) & (to.pair_id == row.pair_id) & (to.kind == row.kind)
    free = (to.state == "open") | ((to.state == "leased") & (to.person_id == person_id) & (to.id != row.id))
    own = sa.select(to.id).where(same & free).order_by(to.state != "leased", to.id)
    found = connection.execute(own.limit(1)).scalar()
    if found is not None:
        connection.execute(s.assignments.update().where(to.id == found).values(state="dropped"))


def _side(person_id: str, pair_id: str) -> str:
    """Which side this person sees first: a keyed draw, so that it is the same after a reload."""
    return "a" if uniforms(0, None, f"side first:{person_id}", [pair_id])[0] < 0.5 else "b"
