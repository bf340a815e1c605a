"""Labels that a lead doubts, back to the queue: other people answer the same pairs once more."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store, now
from engine.store.roles import left_for
from engine.store.votes import UNFINISHED, listed, oracle_of

AT_ONCE = 500
"""Pairs that are sent back at once, at most."""
PLACE = -1
"""Their place in the queue: before the batch of their round."""


@dataclass(frozen=True)
class Sent:
    """`pairs` that go out again, with `answers` in all; `waiting` of the pairs are already out, `alone` have nobody.

    Nobody is left for a pair that everybody has been shown: it waits for somebody who is invited.
    """

    pairs: int
    answers: int
    waiting: int
    alone: int


def send_back(store: Store, study_id: str, pair_ids: Sequence[str], answers: int = 1, person: str = "lead") -> Sent:
    """Ask `answers` more people about each of these labelled pairs; no run waits for them.

    What they say counts with what was said before, by the study's rule: with one more answer that differs the pair is a
    tie and trains nothing, with two the majority decides. A pair that is still out is not sent again. StoreError if the
    study asks nobody or takes the first answer only, a pair was not labelled, or there are more than 500.
    """
    ids = list(dict.fromkeys(pair_ids))
    if not 1 <= answers <= 9 or not 0 < len(ids) <= AT_ONCE:
        raise StoreError(
            f"{len(ids):,} pairs with {answers} more answers each cannot be sent back.",
            f"Send 1 to {AT_ONCE} pairs at once, with 1 to 9 more answers each.",
        )
    to = s.assignments.c
    with store.write(study_id) as connection:
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
        oracle = oracle_of(config or {})
        if oracle is None:
            raise StoreError(
                f"Study {study_id} asks no people, so nobody can label its pairs again.",
                "Take the list of suspects away, or start a study whose oracle is people.",
            )
        if oracle.settled_by == "first":
            raise StoreError(
                f"Study {study_id} takes the first answer to a pair, so another one would change nothing.",
                "Clone the study with oracle.settled_by: majority.",
            )
        asked = _asked_by(connection, study_id, ids)
        if missing := [pair_id for pair_id in ids if pair_id not in asked]:
            raise StoreError(
                f"{len(missing)} of {len(ids)} pairs were not labelled in this study (first: {missing[0]}).",
                "Send back what was labelled.",
            )
        runs = sa.select(s.runs.c.id).where(s.runs.c.study_id == study_id)
        out = to.run_id.in_(runs) & (to.kind == "relabel") & to.state.in_(UNFINISHED)
        there = set(connection.execute(sa.select(to.pair_id).where(out & to.pair_id.in_(listed(ids)))).scalars())
        sent = [pair_id for pair_id in ids if pair_id not in there]
        rows = [
            {"run_id": asked[i][0], "round": asked[i][1], "pair_id": i, "kind": "relabel", "state": "open",
             "position": PLACE, "created": now()}
            for i in sent for _ in range(answers)
        ]  # fmt: skip
        if rows:
            connection.execute(insert(s.assignments), rows)
            told = {"study_id": study_id, "what": "relabel", "created": now()}
            detail = {"pairs": len(sent), "answers": answers, "person": person}
            connection.execute(insert(s.commands).values(**told, detail=detail))
        alone = sum(not left_for(connection, study_id, pair_id) for pair_id in sent)
    return Sent(len(sent), len(rows), len(there), alone)


def out_again(store: Store, study_id: str) -> dict[str, int]:
    """Pair → how many answers to it were asked again and are still to come."""
    to = s.assignments.c
    with store.read() as connection:
        runs = sa.select(s.runs.c.id).where(s.runs.c.study_id == study_id)
        out = to.run_id.in_(runs) & (to.kind == "relabel") & to.state.in_(UNFINISHED)
        rows = connection.execute(sa.select(to.pair_id, sa.func.count()).where(out).group_by(to.pair_id)).all()
    return {pair_id: int(n) for pair_id, n in rows}


def _asked_by(connection: sa.Connection, study_id: str, pair_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Pair → the run and round that asked people about it first."""
    to = s.assignments.c
    rows = connection.execute(
        sa.select(to.pair_id, to.run_id, to.round)
        .join(s.runs, s.runs.c.id == to.run_id)
        .where((s.runs.c.study_id == study_id) & (to.state == "answered") & to.pair_id.in_(listed(pair_ids)))
        .where(to.kind == "label")
        .order_by(to.id.desc())
    ).all()
    return {row.pair_id: (row.run_id, row.round) for row in rows}
