"""Pairs of a campaign on their way to another tool, without an answer, and the answers that come back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.data.pool import Comparison
from engine.errors import StoreError
from engine.seeds import key_for
from engine.store import schema as s
from engine.store.assignments import Said, close, refuse_strange, write_row
from engine.store.database import Store, now
from engine.store.picked import texts_of_pairs
from engine.store.votes import COUNTING, UNFINISHED, oracle_of

IMPORTED = "imported"
"""The role of who is known only from a file: nobody waits for them."""


@dataclass(frozen=True)
class Outgoing:
    """A pair that waits for an answer. `first` and `second` are its responses in the order in which they go out."""

    pair_id: str
    messages: tuple[tuple[str, str], ...]
    first: str
    second: str


def outgoing(store: Store, study_id: str) -> list[Outgoing]:
    """The pairs of the study's queue that nobody holds, in its order; who answers at the screen may be faster.

    StoreError if people are not asked in this study, or if nothing waits.
    """
    to, of = s.assignments.c, s.runs.c
    with store.read() as connection:
        _refuse_others(connection, store, study_id)
        waiting = sa.select(of.id).where((of.study_id == study_id) & (of.state == "waiting"))
        mine = to.run_id.in_(waiting) & to.kind.in_(COUNTING) & (to.state == "open")
        rows = connection.execute(sa.select(to.pair_id).where(mine).order_by(to.round, to.position, to.id)).scalars()
        ids = list(dict.fromkeys(rows))
        texts = texts_of_pairs(connection, ids)
    if not ids:
        raise StoreError("No pair of this study waits for an answer.", "Its next batch comes after the round in hand.")
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
    """Write down answers that came back: what became of each, counted.

    "written"; "late" (it was answered meanwhile: kept, and changes nothing that is settled); "told before" (this
    person's answer to this pair is there); "not asked" (another pair). StoreError if people are not asked here.
    """
    told: Counter[str] = Counter()
    to, of = s.assignments.c, s.runs.c
    with store.write(study_id) as connection:
        _refuse_others(connection, store, study_id)
        for one in given:
            said = Said(one.answer, first_out(one.pair_id))
            refuse_strange(said)
            person_id = _person(connection, study_id, one.labeller)
            asked = sa.select(s.assignments).join(s.runs, of.id == to.run_id)
            mine = (of.study_id == study_id) & (to.pair_id == one.pair_id) & to.kind.in_(COUNTING)
            rows = connection.execute(asked.where(mine).order_by(to.id)).all()
            if not rows:
                told["not asked"] += 1
                continue
            if any(row.person_id == person_id and row.state not in (*UNFINISHED, "lapsed") for row in rows):
                told["told before"] += 1
                continue
            held = [row for row in rows if row.state == "leased" and row.person_id == person_id]
            row = next(iter([*held, *(row for row in rows if row.state == "open")]), None)
            late = row is None
            if row is None:
                like = {
                    "run_id": rows[-1].run_id,
                    "round": rows[-1].round,
                    "pair_id": one.pair_id,
                    "kind": rows[-1].kind,
                }
                made = insert(s.assignments).values(**like, state="lapsed", created=now()).returning(to.id)
                number = connection.execute(made).scalar_one()
                row = connection.execute(sa.select(s.assignments).where(to.id == number)).one()
            connection.execute(
                s.assignments.update().where(to.id == row.id).values(person_id=person_id, side_first=said.side_first)
            )
            detail = {"kind": row.kind, "imported": True} | ({"late": True} if late else {})
            write_row(connection, study_id, row, person_id, said, detail, {"assignment_id": row.id})
            close(connection, study_id, row, one.answer)
            told["late" if late else "written"] += 1
    return told


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
    name, of = (labeller.strip() or IMPORTED)[:80], s.people.c
    same = (of.name == name) & ~of.gone & (of.role.in_(("labeller", "lead", IMPORTED)))
    here = same & (of.study_id.is_(None) | (of.study_id == study_id))
    found = connection.execute(sa.select(of.id).where(here).order_by(of.created).limit(1)).scalar()
    if found is not None:
        return str(found)
    person_id = f"f{key_for(0, None, f'imported:{study_id}', name):x}"[:12]
    row = {"id": person_id, "name": name, "role": IMPORTED, "study_id": study_id, "created": now()}
    connection.execute(insert(s.people).values(**row).on_conflict_do_nothing())
    return person_id
