"""Who may do what: leads and labellers, their links with tokens, and the guidelines they read.

A token is shown once, when it is made; the store keeps its SHA-256 only. Whoever sits at the machine itself needs none.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store, now

Role = Literal["lead", "labeller"]
ROLES: tuple[Role, ...] = ("lead", "labeller")
TOKEN_BYTES = 24
"""Of chance in a token: 192 bits."""


@dataclass(frozen=True)
class Person:
    """Somebody who answers, or leads. `study_id`: the one study that a labeller's link opens, "" for any."""

    id: str
    name: str
    role: Role
    study_id: str = ""
    invited: bool = False


@dataclass(frozen=True)
class Guideline:
    """How to answer, as one version says it; `version` counts from 1 within a study, 0: nothing was written yet."""

    id: int | None
    version: int
    text: str
    at: datetime | None = None


def invite(store: Store, name: str, role: Role = "labeller", study_id: str = "") -> tuple[Person, str]:
    """A new person and the token for the link, which is not kept; StoreError if the name or study will not do.

    Inviting a name again, for the same study, gives the same person another token: the old link no longer opens.
    """
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise StoreError("A person needs a name of 1 to 80 characters.", "Name one: workbench label invite Mira")
    if role == "labeller" and not study_id:
        raise StoreError("A labeller's link opens one study.", "Name it with --study.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    of = s.people.c
    with store.write("people") as connection:
        if study_id and connection.execute(sa.select(s.studies.c.id).where(s.studies.c.id == study_id)).first() is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        same = (of.name == name) & (of.role == role) & (sa.func.coalesce(of.study_id, "") == study_id)
        found = connection.execute(sa.select(of.id).where(same & of.token_sha256.is_not(None))).scalar()
        person_id = found or "h" + secrets.token_hex(5)
        row = {"name": name, "role": role, "study_id": study_id or None, "token_sha256": _sha256(token), "gone": False}
        statement = insert(s.people).values(id=person_id, **row, created=now())
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    return Person(person_id, name, role, study_id, True), token


def revoke(store: Store, person_id: str) -> None:
    """The person's link opens nothing any more; what they answered stays. What only they could answer is let go.

    StoreError if nobody is called that.
    """
    from engine.store.closing import let_go

    with store.write("people") as connection:
        gone = s.people.update().where((s.people.c.id == person_id) & s.people.c.role.in_(ROLES))
        if not connection.execute(gone.values(gone=True, token_sha256=None)).rowcount:
            raise StoreError(f"Nobody here has the number {person_id!r}.", "See `workbench label invite --list`.")
        let_go(connection, person_id)


def by_token(store: Store, token: str) -> Person | None:
    """Whose link it is; None for nobody's."""
    of = s.people.c
    with store.read() as connection:
        row = connection.execute(sa.select(s.people).where((of.token_sha256 == _sha256(token)) & ~of.gone)).first()
    return None if row is None else _person(row)


def at_the_machine(store: Store, name: str) -> Person:
    """Somebody without a link, at the machine itself, by the name they gave: a lead."""
    name = " ".join(name.split())[:80] or "lead"
    person_id = "l" + _sha256(name)[:10]
    with store.read() as connection:
        there = connection.execute(sa.select(s.people.c.id).where(s.people.c.id == person_id)).first()
    if there is None:
        with store.write("people") as connection:
            row = {"id": person_id, "name": name, "role": "lead", "created": now()}
            connection.execute(insert(s.people).values(**row).on_conflict_do_nothing())
    return Person(person_id, name, "lead")


def people(store: Store) -> list[Person]:
    """Everybody who leads or labels, in the order they came."""
    of = s.people.c
    mine = sa.select(s.people).where(of.role.in_(ROLES) & ~of.gone).order_by(of.created, of.id)
    with store.read() as connection:
        return [_person(row) for row in connection.execute(mine)]


def lead_invited(store: Store) -> bool:
    """Whether a lead has a link, so that the app can be shared."""
    return any(person.role == "lead" and person.invited for person in people(store))


def refuse_gone(connection: sa.Connection, person_id: str) -> None:
    """StoreError for somebody whose link was closed, also in a tab that is still open."""
    if connection.execute(sa.select(s.people.c.gone).where(s.people.c.id == person_id)).scalar():
        raise StoreError("Your link was closed, so nothing is written any more.", "Ask the lead for another.")


def left_for(connection: sa.Connection, study_id: str, pair_id: str) -> list[str]:
    """Ids of those who could still be asked about the pair: who was not asked, or let their time pass.

    Labellers with a link, and whoever else has answered in this study; a lead who only looks holds nobody up.
    """
    of, to, given = s.people.c, s.assignments.c, s.labels.c
    answers = sa.select(given.person_id).where((given.study_id == study_id) & given.person_id.is_not(None))
    labels = ((of.role == "labeller") & of.token_sha256.is_not(None)) | of.id.in_(answers)
    asked = (
        sa.select(to.person_id)
        .join(s.runs, s.runs.c.id == to.run_id)
        .where((s.runs.c.study_id == study_id) & (to.pair_id == pair_id) & to.person_id.is_not(None))
        .where(to.state.in_(("leased", "answered", "skipped")))
    )
    anyone = of.role.in_(ROLES) & ~of.gone & labels & (of.study_id.is_(None) | (of.study_id == study_id))
    return list(connection.execute(sa.select(of.id).where(anyone & of.id.not_in(asked))).scalars())


def guideline(store: Store, study_id: str) -> Guideline:
    """The newest version of the study's guideline."""
    found = guidelines(store, study_id)
    return found[-1] if found else Guideline(None, 0, "")


def guidelines(store: Store, study_id: str) -> list[Guideline]:
    """All versions, the oldest first: an answer names the one it was given under."""
    of = s.guidelines.c
    with store.read() as connection:
        rows = connection.execute(sa.select(s.guidelines).where(of.study_id == study_id).order_by(of.id)).all()
    return [Guideline(row.id, n, row.text or "", row.created) for n, row in enumerate(rows, start=1)]


def write_guideline(store: Store, study_id: str, text: str) -> Guideline:
    """A new version; the same words again are none."""
    text = text.strip()
    if len(text) > 20_000:
        raise StoreError(f"The guideline has {len(text):,} characters; at most 20,000 are allowed.", "Shorten it.")
    if guideline(store, study_id).text != text:
        with store.write(study_id) as connection:
            connection.execute(insert(s.guidelines).values(study_id=study_id, text=text, created=now()))
    return guideline(store, study_id)


def _person(row: sa.Row[Any]) -> Person:
    return Person(row.id, row.name, row.role, row.study_id or "", row.token_sha256 is not None)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
