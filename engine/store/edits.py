"""What a person does about a batch under review: drop, pin, swap, add, undo, release. Each is a row that stays."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.records import Pick, Pooled, Scored
from engine.store import schema as s
from engine.store.database import Store, now
from engine.store.history import load_event
from engine.store.labelled import held_out_of
from engine.store.reviews import Review, What, read_review, review

LEAD = "lead"
"""Who did it where nobody said a name."""


@dataclass(frozen=True)
class Added:
    """What came of adding pairs: those that are in now, and why the others are not (reason → pair ids)."""

    pair_ids: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]]


def drop(store: Store, run_id: str, round_number: int, pair_id: str, person: str = LEAD) -> None:
    """Take a pair out of the batch: nobody is asked about it. StoreError if it is pinned, or the last one."""
    with _under_review(store, run_id, round_number) as (connection, batch):
        _free(batch, pair_id)
        if len(batch.picks) == 1:
            raise StoreError(f"Pair {pair_id} is the last of the batch.", "A batch holds at least one: swap it.")
        _write(connection, batch, "drop", person, pair_id)


def pin(store: Store, run_id: str, round_number: int, pair_id: str, person: str = LEAD) -> bool:
    """Keep a pair whatever else happens to the batch; one that is pinned is let go again. Whether it is pinned now."""
    with _under_review(store, run_id, round_number) as (connection, batch):
        _within(batch, pair_id)
        pinned = pair_id in batch.pinned
        _write(connection, batch, "unpin" if pinned else "pin", person, pair_id)
        return not pinned


def swap(store: Store, run_id: str, round_number: int, pair_id: str, other: Pick, person: str = LEAD) -> None:
    """Put another pair in its place: `other` is what the strategy says it would have picked instead."""
    known = numbers(store, run_id, round_number, [other.pair_id])
    with _under_review(store, run_id, round_number) as (connection, batch):
        _free(batch, pair_id)
        for pair, reason in _refused(store, batch, [other.pair_id], known).items():
            raise StoreError(f"Pair {pair} cannot take its place: it is {reason}.", "Choose another.")
        detail = _detail(known[other.pair_id], other)
        _write(connection, batch, "swap", person, pair_id, other.pair_id, detail)


def add(store: Store, run_id: str, round_number: int, pair_ids: Sequence[str], person: str = LEAD) -> Added:
    """Add candidates of the round's pool. What is none is left out with the reason; StoreError if that is all of them,
    or if there is not room for all the others."""
    wanted = list(dict.fromkeys(pair_ids))
    known = numbers(store, run_id, round_number, wanted)
    with _under_review(store, run_id, round_number) as (connection, batch):
        refused = _refused(store, batch, wanted, known)
        coming = [pair_id for pair_id in wanted if pair_id not in refused]
        left_out: dict[str, tuple[str, ...]] = {}
        for pair_id, reason in refused.items():
            left_out[reason] = (*left_out.get(reason, ()), pair_id)
        if not coming:
            reasons = "; ".join(f"{len(ids):,} {reason}" for reason, ids in left_out.items()) or "none was named"
            raise StoreError(f"No pair can be added: {reasons}.", "Choose among the candidates of this round.")
        if len(coming) > batch.room:
            raise StoreError(
                f"{_pairs(len(coming))} could be added, and the batch has room for {batch.room}: it holds "
                f"{len(batch.picks):,} of the {len(batch.own):,} that a round may label.",
                f"Drop {_pairs(len(coming) - batch.room)} first, or choose fewer.",
            )
        at = now()
        for pair_id in coming:
            _write(connection, batch, "add", person, pair_id, detail=_detail(known[pair_id]), at=at)
    return Added(tuple(coming), left_out)


def undo(store: Store, run_id: str, round_number: int, person: str = LEAD) -> None:
    """Take back what was done last; pairs that were added together go together. StoreError if there is nothing."""
    with _under_review(store, run_id, round_number) as (connection, batch):
        if not batch.standing:
            raise StoreError("There is nothing to undo: the batch is the strategy's own list.", "")
        last = batch.standing[-1]
        for edit in batch.standing:
            if (edit.what, edit.at, edit.person) == (last.what, last.at, last.person):
                _write(connection, batch, "undo", person, edit.pair_id, undoes=edit.number)


def release(store: Store, run_id: str, person: str = LEAD) -> Review:
    """Let the run go on: labels are bought for the batch as it stands. A run whose list was changed is marked.

    The review as it was released; StoreError if the run does not wait for one.
    """
    with store.read() as connection:
        row = connection.execute(sa.select(s.runs.c.state, s.runs.c.round).where(s.runs.c.id == run_id)).first()
    if row is None:
        raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
    if row.state != "review":
        raise StoreError(f"Run {run_id} does not wait for review: it is {row.state}.", "See `workbench study show`.")
    with _under_review(store, run_id, row.round) as (connection, batch):
        detail = {"changes": len(batch.changes) if batch.changed else 0, "changed": batch.changed}
        _write(connection, batch, "release", person, detail=detail)
        going = {"state": "queued", "progress": "", "updated": now(), "taken_over": 0}
        going |= {"edited": True} if batch.changed else {}
        connection.execute(s.runs.update().where(s.runs.c.id == run_id).values(**going))
        told = {"study_id": batch.study_id, "run_id": run_id, "what": "release", "created": now()}
        connection.execute(insert(s.commands).values(**told, detail={**detail, "round": row.round, "person": person}))
    return batch


def numbers(store: Store, run_id: str, round_number: int, pair_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The score of each that is a candidate of the round, and its place in the pool's order of scores.

    An empty mapping a pair where the strategy gives no score; pairs that are no candidates are left out.
    """
    pooled = load_event(store, run_id, round_number, "pooled")
    scored = load_event(store, run_id, round_number, "scored")
    if not isinstance(pooled, Pooled) or not isinstance(scored, Scored):
        return {}
    wanted = set(pair_ids)
    at = {pair_id: n for n, pair_id in enumerate(pooled.pair_ids) if pair_id in wanted}
    scores = scored.scores
    if scores is None:
        return {pair_id: {} for pair_id in at}
    return {
        pair_id: {"score": float(scores[n]), "rank_in_pool": float(np.count_nonzero(scores > scores[n]) + 1)}
        for pair_id, n in at.items()
    }


@contextmanager
def _under_review(store: Store, run_id: str, round_number: int) -> Iterator[tuple[sa.Connection, Review]]:
    """A transaction in which the batch can be changed; StoreError if it cannot, or not any more."""
    study_id = review(store, run_id, round_number).study_id
    with store.write(study_id) as connection:
        batch = read_review(connection, run_id, round_number)
        if not batch.under_way:
            why = "it was released" if batch.released else "the run does not wait there for review"
            raise StoreError(
                f"The batch of round {round_number} of run {run_id} cannot be changed: {why}.",
                "A batch is changed between its picks and its labels, in a study with `review: true`.",
            )
        yield connection, batch


def _within(batch: Review, pair_id: str) -> None:
    if pair_id not in {pick.pair_id for pick in batch.picks}:
        raise StoreError(f"Pair {pair_id} is not in the batch of round {batch.round}.", "Choose one of its picks.")


def _free(batch: Review, pair_id: str) -> None:
    _within(batch, pair_id)
    if pair_id in batch.pinned:
        raise StoreError(f"Pair {pair_id} is pinned, so it stays.", "Unpin it first.")


def _refused(store: Store, batch: Review, pair_ids: Sequence[str], candidates: Mapping[str, Any]) -> dict[str, str]:
    """Why a pair cannot come in, of those that cannot."""
    there = {pick.pair_id for pick in batch.picks}
    outside = [pair_id for pair_id in pair_ids if pair_id not in candidates]
    known = _where(store, batch, outside) if outside else (lambda pair_id: "")
    found = {}
    for pair_id in pair_ids:
        if pair_id in there:
            found[pair_id] = "in the batch already"
        elif pair_id not in candidates:
            found[pair_id] = known(pair_id)
    return found


def _where(store: Store, batch: Review, pair_ids: Sequence[str]) -> Callable[[str], str]:
    """Says of a pair that is no candidate what it is."""
    with store.read() as connection:
        wanted = sa.select(sa.func.json_each(json.dumps(pair_ids)).table_valued("value").c.value)
        mine = s.picks.c.pair_id.in_(wanted) & (s.picks.c.run_id == batch.run_id)
        picked = dict(connection.execute(sa.select(s.picks.c.pair_id, s.picks.c.round).where(mine)).all())
        rows = connection.execute(sa.select(s.pairs.c.id, s.pairs.c.prompt_id).where(s.pairs.c.id.in_(wanted)))
        prompts = dict(rows.all())
    sets = held_out_of(store, batch.study_id).values()

    def reason(pair_id: str) -> str:
        if pair_id in picked:
            return f"picked in round {picked[pair_id]}"
        if pair_id not in prompts:
            return "unknown here"
        if any(pair_id in pairs or prompts[pair_id] in held for pairs, held in sets):
            return "held out, to evaluate with"
        return "no candidate of this round"

    return reason


def _detail(known: Mapping[str, Any], pick: Pick | None = None) -> dict[str, Any]:
    """What is kept of a pair that comes in: its score before the batch, and what the strategy says of it."""
    place = {"rank_in_pool": known["rank_in_pool"]} if "rank_in_pool" in known else {}
    why = {**(pick.why if pick else {}), **place}
    return {"score": known.get("score"), "gain": pick.gain if pick else None, "why": why}


def _write(
    connection: sa.Connection,
    batch: Review,
    what: What,
    person: str,
    pair_id: str | None = None,
    other_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
    *,
    undoes: int | None = None,
    at: Any = None,
) -> None:
    row = {"run_id": batch.run_id, "round": batch.round, "what": what, "pair_id": pair_id, "other_id": other_id}
    more = {"undoes": undoes, "person": person.strip() or LEAD, "detail": detail, "created": at or now()}
    connection.execute(insert(s.edits).values(**row, **more))


def _pairs(n: int) -> str:
    return f"{n:,} pair" if n == 1 else f"{n:,} pairs"
