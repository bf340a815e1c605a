"""People's answers as they stand: which rows count, of what kind they are, and what several come to.

A row stays as it was written. It stands unless another row corrects it or its answer was taken back. Hidden repeats and
gold questions are answers too, and cost a label each, but say nothing about the pair's label.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import sqlalchemy as sa

from engine.oracles.base import ORACLES
from engine.oracles.people import People
from engine.records import Answer, Label
from engine.store import schema as s
from engine.store.bank import banked

Kind = Literal["label", "held_out", "audit", "repeat", "gold", "kept", "relabel"]
"""Why a person is asked. "kept": a gold question in reserve, given to nobody yet; "relabel": a lead doubts a label."""
COUNTING: tuple[Kind, ...] = ("label", "held_out", "audit")
"""Kinds whose answers are the pair's label, and for which the run waits."""
ASKED: tuple[Kind, ...] = (*COUNTING, "relabel")
"""Kinds that are asked until they are answered. No run waits for what is labelled again."""
OUT = "out"
"""The state of what another labelling tool was given: nobody is shown it here until it is taken back."""
UNFINISHED = ("open", "leased", OUT)
GIVEN = ("answered", "skipped")
"""States of assignments; besides, "lapsed" (its lease ended), "dropped" (nobody needs it) and, of gold, "kept"."""


@dataclass(frozen=True)
class Vote:
    """One answer as it stands. `number` is its row, `first` the row of the first answer that it corrects, or itself.

    `kind` and `round`: what it was asked for. `late`: its lease had ended.
    """

    number: int
    first: int
    pair_id: str
    person_id: str
    answer: Answer
    kind: Kind
    run_id: str
    round: int
    assignment_id: int | None
    side_first: str
    seconds: float | None
    strength: float | None
    note: str
    guideline_id: int | None
    known: Answer | None
    at: datetime
    late: bool


def standing(
    connection: sa.Connection, study_id: str, pair_ids: Iterable[str] | None = None, person_id: str | None = None
) -> list[Vote]:
    """The answers of people that stand in a study's bank, in the order in which each was first given."""
    of, to = s.labels.c, s.assignments.c
    rows = sa.select(s.labels).where(banked(connection, study_id) & of.person_id.is_not(None))
    if pair_ids is not None:
        rows = rows.where(of.pair_id.in_(listed(pair_ids)))
    if person_id is not None:
        rows = rows.where(of.person_id == person_id)
    found = connection.execute(rows.order_by(of.id)).all()
    first: dict[int, Any] = {}
    last: dict[int, Any] = {}
    for row in found:
        root = row if row.corrects is None else first.get(row.corrects, row)
        first[row.id], last[root.id] = root, row
    numbers = [root.assignment_id for root in first.values() if root.assignment_id is not None]
    asked = sa.select(to.id, to.kind, to.state, to.round, to.known).where(to.id.in_(listed(numbers)))
    assigned = {row.id: row for row in connection.execute(asked)}
    votes = []
    for root_id, row in sorted(last.items()):
        root = first[root_id]
        by = assigned.get(root.assignment_id)
        if by is not None and by.state not in GIVEN:
            continue  # it was taken back
        kind, known = (by.kind, by.known) if by is not None else ("label", None)
        votes.append(
            Vote(
                row.id, root_id, row.pair_id, row.person_id, row.answer, cast(Kind, kind), row.run_id, row.round,
                root.assignment_id, row.side_shown_first or "", row.seconds, row.strength, row.note or "",
                row.guideline_id, known, row.created, bool((root.detail or {}).get("late")),
            )
        )  # fmt: skip
    return votes


def settled(
    connection: sa.Connection,
    oracle: People,
    run_id: str,
    study_id: str,
    seed: int,
    round_number: int,
    pair_ids: Sequence[str],
) -> dict[str, Label]:
    """Pair → what people's answers to it come to, of those that nobody has still to answer.

    A pair that was asked about in this round and that everybody skipped, or that was closed without an answer, is a
    skip; one that was skipped in an earlier round only has no label.
    """
    to = s.assignments.c
    asked = sa.select(to.pair_id, to.state, to.round).where(
        (to.run_id == run_id) & to.kind.in_(COUNTING) & to.pair_id.in_(listed(pair_ids))
    )
    rows = connection.execute(asked).all()
    unfinished = {row.pair_id for row in rows if row.state in UNFINISHED}
    here = {row.pair_id for row in rows if row.round == round_number}
    made_of, found = counting(connection, oracle, study_id, seed, pair_ids), {}
    for pair_id in pair_ids:
        votes = made_of.get(pair_id, [])
        if pair_id in unfinished or (pair_id not in here and not any(vote.kind in COUNTING for vote in votes)):
            continue
        given = [vote.answer for vote in votes]
        counted = {answer: given.count(answer) for answer in sorted(set(given))}
        found[pair_id] = Label(pair_id, oracle.settle(given), oracle.name, {"answers": counted})
    return found


def counting(
    connection: sa.Connection, oracle: People, study_id: str, seed: int, pair_ids: Iterable[str]
) -> dict[str, list[Vote]]:
    """Pair → the answers that its label is made of, in the order in which each was first given; skips are none.

    Late answers are kept, and beyond what was wanted they change nothing. Where a pair is labelled again all count.
    """
    votes: dict[str, list[Vote]] = {}
    again: dict[str, list[Vote]] = {}
    for vote in standing(connection, study_id, pair_ids):
        if vote.kind in ASKED and vote.answer != "skip":
            (votes if vote.kind in COUNTING else again).setdefault(vote.pair_id, []).append(vote)
    return {
        pair_id: [*votes.get(pair_id, ())[: oracle.wanted(seed, pair_id)], *again.get(pair_id, ())]
        for pair_id in {**votes, **again}
    }


def listed(values: Iterable[Any]) -> Any:
    """A list of any length within one statement."""
    return sa.select(sa.func.json_each(json.dumps(sorted(set(values)))).table_valued("value").c.value)


def oracle_of(config: Mapping[str, Any]) -> People | None:
    """The people of a study's saved config; None where nobody is asked."""
    spec = config.get("oracle")
    name = spec.get("name") if isinstance(spec, Mapping) else None
    if name not in ORACLES.names() or not issubclass(ORACLES.get(name), People):
        return None
    return cast(People, ORACLES.build(spec))
