"""The batch of a round under review: the strategy's own list, what people changed about it, and what they left of it.

Edits are rows that stay as they were written; an undo is a new row. The batch is what the strategy's list and the rows
that stand come to, so it is the same whoever asks, and a worker that died in between loses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import Pick
from engine.store import schema as s
from engine.store.database import Store

What = Literal["drop", "pin", "unpin", "swap", "add", "undo", "release"]
BROUGHT, REPLACED = "brought_in_by", "in_place_of"
"""What the reasons of a pick say that a person brought in: who, and of a swap the pair that it replaced."""
CHANGES = ("drop", "swap", "add")
"""Edits that change which pairs are labelled; a pin does not."""


@dataclass(frozen=True)
class Edit:
    """One thing a person did. `other_id` is the pair that took the place of `pair_id` in a swap; `pick` what came in.

    `undone`: it was taken back before the release.
    """

    number: int
    what: What
    pair_id: str
    other_id: str
    person: str
    at: datetime
    undone: bool = False
    pick: Pick | None = None


@dataclass(frozen=True)
class Review:
    """A round's batch: `own` is the strategy's list, `edits` all that people did about it, in order.

    `under_way`: the run waits in state review for this round. `released`: labels may be bought for what was left.
    """

    run_id: str
    study_id: str
    round: int
    own: tuple[Pick, ...]
    edits: tuple[Edit, ...] = ()
    under_way: bool = False
    released: bool = False

    @property
    def standing(self) -> tuple[Edit, ...]:
        """The edits that were not taken back."""
        return tuple(edit for edit in self.edits if not edit.undone and edit.what not in ("undo", "release"))

    @property
    def changes(self) -> tuple[Edit, ...]:
        """Those of them that change which pairs are labelled."""
        return tuple(edit for edit in self.standing if edit.what in CHANGES)

    @property
    def pinned(self) -> frozenset[str]:
        """Pairs that nothing takes out of the batch until they are unpinned."""
        found: set[str] = set()
        for edit in self.standing:
            if edit.what == "pin":
                found.add(edit.pair_id)
            elif edit.what == "unpin":
                found.discard(edit.pair_id)
        return frozenset(found)

    @property
    def picks(self) -> tuple[Pick, ...]:
        """The batch as it stands, ranks counted anew."""
        return left_of(self.own, self.changes)

    @property
    def by_hand(self) -> dict[str, str]:
        """What people did about pairs of the batch as it stands: "added", "swapped", "pinned", "swapped, pinned"."""
        words = {pick.pair_id: hand_words(pick.why, pinned=pick.pair_id in self.pinned) for pick in self.picks}
        return {pair_id: word for pair_id, word in words.items() if word}

    @property
    def out(self) -> tuple[str, ...]:
        """The strategy's own picks that are in the batch no more."""
        there = {pick.pair_id for pick in self.picks}
        return tuple(pick.pair_id for pick in self.own if pick.pair_id not in there)

    @property
    def changed(self) -> bool:
        """Whether another list than the strategy's own stands; only then is the run marked as edited."""
        return [pick.pair_id for pick in self.picks] != [pick.pair_id for pick in self.own]

    @property
    def room(self) -> int:
        """Pairs that may still come in. The strategy's own list is as long as the round, and so the budget, allows."""
        return len(self.own) - len(self.picks)


def hand_words(why: Mapping[str, Any], *, pinned: bool) -> str:
    """What a person did about a pick that stands, of its reasons: "added", "swapped", "pinned", "" for nothing."""
    came = ("swapped" if REPLACED in why else "added") if BROUGHT in why else ""
    return ", ".join(filter(None, [came, "pinned" if pinned else ""]))


def left_of(own: Sequence[Pick], edits: Sequence[Edit]) -> tuple[Pick, ...]:
    """What edits leave of a list: a swap keeps the place, a pick that comes back finds its own, others stand last."""
    places: list[Pick | None] = list(own)
    at = {pick.pair_id: n for n, pick in enumerate(own)}
    for edit in edits:
        here = next((n for n, pick in enumerate(places) if pick is not None and pick.pair_id == edit.pair_id), None)
        if edit.what == "drop" and here is not None:
            places[here] = None
        elif edit.what == "swap" and here is not None:
            places[here] = edit.pick
        elif edit.what == "add" and here is None:
            before = at.get(edit.pair_id)
            if before is not None and places[before] is None:
                places[before] = own[before]
            else:
                places.append(edit.pick)
    there = [pick for pick in places if pick is not None]
    return tuple(replace(pick, rank=rank) for rank, pick in enumerate(there, start=1))


def review(store: Store, run_id: str, round_number: int) -> Review:
    """The round's batch with all that was done about it; StoreError if the run has not picked in that round."""
    with store.read() as connection:
        return read_review(connection, run_id, round_number)


def read_review(connection: sa.Connection, run_id: str, round_number: int) -> Review:
    """`review` within a transaction."""
    run = connection.execute(sa.select(s.runs.c.study_id, s.runs.c.state).where(s.runs.c.id == run_id)).first()
    stages, edits = s.stages.c, s.edits.c
    here = (stages.run_id == run_id) & (stages.round == round_number)
    found = dict(connection.execute(sa.select(stages.stage, stages.detail).where(here)).all())
    if run is None or "picked" not in found:
        raise StoreError(
            f"Run {run_id} has picked nothing in round {round_number}.", "See `workbench study show`, or wait for it."
        )
    mine = (edits.run_id == run_id) & (edits.round == round_number)
    rows = connection.execute(sa.select(s.edits).where(mine).order_by(edits.id)).all()
    detail = found["picked"]
    released = any(row.what == "release" for row in rows)
    return Review(
        run_id,
        run.study_id,
        round_number,
        tuple(Pick(*row) for row in detail.get("own") or detail["picks"]),
        tuple(_edits(rows)),
        run.state == "review" and not released and "labelled" not in found,
        released,
    )


def waits(store: Store, run_id: str, round_number: int) -> bool:
    """Whether nobody has released the round's batch yet."""
    edits = s.edits.c
    released = (edits.run_id == run_id) & (edits.round == round_number) & (edits.what == "release")
    with store.read() as connection:
        return connection.execute(sa.select(edits.id).where(released)).first() is None


def edited_batches(store: Store, study_id: str) -> list[Review]:
    """The batches of the study that were released with another list than the strategy's, in the order of release."""
    of = s.edits.c
    mine = (s.runs.c.study_id == study_id) & (of.what == "release")
    wanted = sa.select(of.run_id, of.round, of.detail).join(s.runs, s.runs.c.id == of.run_id)
    with store.read() as connection:
        rows = connection.execute(wanted.where(mine).order_by(of.id)).all()
        return [read_review(connection, row.run_id, row.round) for row in rows if row.detail["changed"]]


def selections(store: Store, study_id: str, newest: int = 50) -> list[tuple[str, int, datetime]]:
    """The study's saved selections, the newest first: id, how many pairs, when it was saved."""
    of = s.selections.c
    found = sa.select(of.id, sa.func.json_array_length(of.pair_ids), of.created).where(of.study_id == study_id)
    with store.read() as connection:
        rows = connection.execute(found.order_by(of.created.desc(), of.id).limit(newest)).all()
    return [(str(name), int(n), at) for name, n, at in rows]


def _edits(rows: Sequence[Any]) -> list[Edit]:
    undone = {row.undoes for row in rows if row.undoes is not None}
    return [
        Edit(
            row.id, row.what, row.pair_id or "", row.other_id or "", row.person, row.created, row.id in undone,
            _pick(row),
        )
        for row in rows
    ]  # fmt: skip


def _pick(row: Any) -> Pick | None:
    """What came in, with its numbers and who brought it."""
    if row.what not in ("swap", "add"):
        return None
    detail = row.detail or {}
    why = {**detail.get("why", {}), BROUGHT: row.person}
    why |= {REPLACED: row.pair_id} if row.what == "swap" else {}
    return Pick(row.other_id or row.pair_id, 0, detail.get("score"), detail.get("gain"), why)
