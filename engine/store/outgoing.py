"""Pairs of a campaign on their way to another tool, without an answer, and the answers that come back.

What has gone out is shown to nobody here until its answer is taken in or the pair is taken back, so that nothing is
answered in two places by mistake. No lease ends that: a tool may keep a pair for weeks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.data.pool import Comparison
from engine.errors import StoreError
from engine.seeds import key_for
from engine.store import schema as s
from engine.store.assignments import LATE, Said, close, refuse_strange, tail, write_row
from engine.store.database import Store, now
from engine.store.picked import texts_of_pairs
from engine.store.votes import COUNTING, OUT, UNFINISHED, listed, oracle_of

WAYS = ("written", "late", "corrected", "told before", "not asked")
"""What can become of an answer that comes back.

"late": it was answered meanwhile; kept, and changes nothing that is settled. "corrected": this person had answered the
pair otherwise; a new row that names the old. "told before": this answer of theirs is there. "not asked": another pair.
"""
IMPORTED = "imported"
"""The role of who is known only from a file: nobody waits for them."""


@dataclass(frozen=True)
class Outgoing:
    """A pair that waits for an answer. `first` and `second` are its responses in the order in which they go out."""

    pair_id: str
    messages: tuple[tuple[str, str], ...]
    first: str
    second: str


@contextmanager
def sent_out(
    store: Store, study_id: str, tool: str, *, reserved: bool = True, most: int | None = None
) -> Iterator[list[Outgoing]]:
    """The pairs of the study's queue that nobody holds, in its order; to be written down within the block.

    They leave the queue, and come back to it if the block raises. Without `reserved` they stay in it, and who answers
    at the screen may be faster. `most`: so many pairs, those that are next; None: all. StoreError if people are not
    asked in this study, if nothing waits, or if `most` is below 1.
    """
    to = s.assignments.c
    if most is not None and most < 1:
        raise StoreError(f"{most:,} pairs cannot be sent out.", "Send 1 or more, or leave the number out for all.")
    with store.write(study_id) as connection:
        _refuse_others(connection, store, study_id)
        rows = connection.execute(_waiting(study_id, "open")).all()
        if not rows:
            raise _nothing_waits(connection, study_id)
        chosen = list(dict.fromkeys(row.pair_id for row in rows))[:most]
        found, going = _texts(connection, chosen), set(chosen)
        numbers = [row.id for row in rows if row.pair_id in going]
        if reserved:
            gone = to.id.in_(listed(numbers))
            connection.execute(s.assignments.update().where(gone).values(state=OUT))
            _log(connection, study_id, "sent out", {"tool": tool, "pairs": len(found), "answers": len(numbers)})
    try:
        yield found
    except BaseException:
        if reserved:
            _back(store, study_id, numbers)
        raise


def free(store: Store, study_id: str) -> int:
    """How many pairs of the study's queue could be sent out now: they wait, and nobody holds them."""
    with store.read() as connection:
        return len({row.pair_id for row in connection.execute(_waiting(study_id, "open"))})


def out(store: Store, study_id: str) -> int:
    """How many pairs of the study are out at another tool."""
    with store.read() as connection:
        return len({row.pair_id for row in connection.execute(_waiting(study_id, OUT))})


def given_out(store: Store, study_id: str) -> list[Outgoing]:
    """The pairs that are out and have no answer, once more as they went out. StoreError if none is."""
    with store.read() as connection:
        rows = connection.execute(_waiting(study_id, OUT)).all()
        if not rows:
            raise _nothing_out()
        return _texts(connection, list(dict.fromkeys(row.pair_id for row in rows)))


def take_back(store: Store, study_id: str) -> int:
    """Put what another tool was given and has not answered into the queue again; how many pairs.

    An answer that still comes from there is taken while the pair is open, and kept as a late one after that. StoreError
    if people are not asked in this study, or nothing is out.
    """
    with store.write(study_id) as connection:
        _refuse_others(connection, store, study_id)
        rows = connection.execute(_waiting(study_id, OUT)).all()
        if not rows:
            raise _nothing_out()
        pairs = len({row.pair_id for row in rows})
        _log(connection, study_id, "taken back", {"pairs": pairs, "answers": len(rows)})
    _back(store, study_id, [row.id for row in rows])
    return pairs


def _back(store: Store, study_id: str, numbers: Sequence[int]) -> None:
    to = s.assignments.c
    with store.write(study_id) as connection:
        here = to.id.in_(listed(numbers)) & (to.state == OUT)
        connection.execute(s.assignments.update().where(here).values(state="open"))


def _waiting(study_id: str, state: str) -> Any:
    """What the study's queue holds in that state, in its order."""
    to, of = s.assignments.c, s.runs.c
    runs = sa.select(of.id).where(of.study_id == study_id)
    runs = runs.where(of.state == "waiting") if state == "open" else runs
    mine = to.run_id.in_(runs) & to.kind.in_(COUNTING) & (to.state == state)
    return sa.select(to.id, to.pair_id).where(mine).order_by(to.round, to.position, to.id)


def _nothing_out() -> StoreError:
    return StoreError(
        "No pair of this study is out at another tool.",
        "Send some on the page Label, under Another labelling tool, or with `workbench label export`.",
    )


def _nothing_waits(connection: sa.Connection, study_id: str) -> StoreError:
    out = len({row.pair_id for row in connection.execute(_waiting(study_id, OUT))})
    if not out:
        return StoreError("No pair of this study waits for an answer.", "Its next batch comes after the round in hand.")
    return StoreError(
        f"No pair of this study waits here: {out:,} are out at another tool.",
        "Take their answers in (`workbench label import`), or the pairs back (`workbench label recall`).",
    )


def _log(connection: sa.Connection, study_id: str, what: str, detail: dict[str, Any]) -> None:
    connection.execute(insert(s.commands).values(study_id=study_id, what=what, detail=detail, created=now()))


def _texts(connection: sa.Connection, ids: Sequence[str]) -> list[Outgoing]:
    texts = texts_of_pairs(connection, ids)
    found = []
    for pair_id in ids:
        messages, (text_a, _), (text_b, _) = texts[pair_id]
        sides = (text_a, text_b) if first_out(pair_id) == "a" else (text_b, text_a)
        found.append(Outgoing(pair_id, messages, *sides))
    return found


def first_out(pair_id: str) -> str:
    """The side that goes out as the first: a keyed draw, the same when the answers come back."""
    return "ab"[key_for(0, None, "side first:out", pair_id) % 2]


def take_in(store: Store, study_id: str, given: Sequence[Comparison]) -> Counter[str]:
    """Write down answers that came back: what became of them (WAYS), counted. Errors as of `fates`."""
    return Counter(fates(store, study_id, given))


def fates(store: Store, study_id: str, given: Sequence[Comparison]) -> list[str]:
    """Write down answers that came back, all or none: what became of each, one of WAYS.

    Answers without a name are of a person each. StoreError if people are not asked here.
    """
    told: list[str] = []
    unnamed: Counter[str] = Counter()
    with store.write(study_id) as connection:
        _refuse_others(connection, store, study_id)
        for one in given:
            said, name = Said(one.answer, first_out(one.pair_id)), one.labeller.strip()
            refuse_strange(said)
            if not name:
                unnamed[one.pair_id] += 1
                name = IMPORTED if unnamed[one.pair_id] == 1 else f"{IMPORTED} {unnamed[one.pair_id]}"
            told.append(_taken(connection, study_id, one.pair_id, _person(connection, study_id, name), said))
    return told


def last_asked(store: Store, study_id: str) -> int:
    """The number of the newest question of a study, 0 for none: while it stays, the same file brings nothing new."""
    to, of = s.assignments.c, s.runs.c
    runs = sa.select(of.id).where(of.study_id == study_id)
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.max(to.id)).where(to.run_id.in_(runs))).scalar() or 0)


def _taken(connection: sa.Connection, study_id: str, pair_id: str, person_id: str, said: Said) -> str:
    to, of = s.assignments.c, s.labels.c
    asked = sa.select(s.assignments).join(s.runs, s.runs.c.id == to.run_id).where(s.runs.c.study_id == study_id)
    rows = connection.execute(asked.where((to.pair_id == pair_id) & to.kind.in_(COUNTING)).order_by(to.id)).all()
    if not rows:
        return "not asked"
    mine = [row for row in rows if row.person_id == person_id]
    before = next((row for row in mine if row.state not in (*UNFINISHED, *LATE)), None)
    held = next((row for row in mine if row.state == "leased"), None)
    free = [row for state in (OUT, "open") for row in rows if row.state == state]
    row = before or held or next(iter(free), None)
    late = row is None
    if row is None:
        like = {"run_id": rows[-1].run_id, "round": rows[-1].round, "pair_id": pair_id, "kind": rows[-1].kind}
        made = insert(s.assignments).values(**like, state="lapsed", created=now()).returning(to.id)
        number = connection.execute(made).scalar_one()
        row = connection.execute(sa.select(s.assignments).where(to.id == number)).one()
    first = connection.execute(sa.select(of.id).where(of.assignment_id == row.id)).scalar()
    if before is not None and (first is None or said.answer in _chain(connection, first)):
        return "told before"
    if before is None:
        theirs = {"person_id": person_id, "side_first": said.side_first}
        connection.execute(s.assignments.update().where(to.id == row.id).values(**theirs))
    link = {"assignment_id": row.id} if first is None else {"corrects": tail(connection, first)}
    detail = {"kind": row.kind, "imported": True} | ({"late": True} if late else {})
    write_row(connection, study_id, row, person_id, said, detail, link)
    close(connection, study_id, row, said.answer)
    return "late" if late else "written" if first is None else "corrected"


def _chain(connection: sa.Connection, number: int | None) -> list[str]:
    """An answer and what it was corrected to, one after the other."""
    of = s.labels.c
    said: list[str] = []
    while number is not None:
        said.append(connection.execute(sa.select(of.answer).where(of.id == number)).scalar_one())
        number = connection.execute(sa.select(of.id).where(of.corrects == number)).scalar()
    return said


def _refuse_others(connection: sa.Connection, store: Store, study_id: str) -> None:
    config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
    if config is None:
        raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
    if oracle_of(config) is None:
        raise StoreError(
            "Nobody is asked in this study: another oracle answers it.", "A campaign has `oracle: people`."
        )


def _person(connection: sa.Connection, study_id: str, labeller: str) -> str:
    """Somebody of that name who labels this study, or else one who is known from files only."""
    name, of = labeller[:80], s.people.c
    same = (of.name == name) & ~of.gone & (of.role.in_(("labeller", "lead", IMPORTED)))
    here = same & (of.study_id.is_(None) | (of.study_id == study_id))
    found = connection.execute(sa.select(of.id).where(here).order_by(of.created).limit(1)).scalar()
    if found is not None:
        return str(found)
    person_id = f"f{key_for(0, None, f'imported:{study_id}', name):x}"[:12]
    row = {"id": person_id, "name": name, "role": IMPORTED, "study_id": study_id, "created": now()}
    connection.execute(insert(s.people).values(**row).on_conflict_do_nothing())
    return person_id
