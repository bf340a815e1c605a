"""What was picked and how it was answered, with texts: for cards, tables and exports."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.store import schema as s
from engine.store.database import Store
from engine.store.reviews import read_review
from engine.store.summaries import PickedPair


def rounds(store: Store, run_id: str) -> list[int]:
    """The rounds of a run that have picks."""
    with store.read() as connection:
        found = sa.select(s.picks.c.round).where(s.picks.c.run_id == run_id).distinct().order_by(s.picks.c.round)
        return list(connection.execute(found).scalars())


def picked_before(store: Store, run_id: str, round_number: int) -> dict[str, int]:
    """Pair id → the round that picked it, of all rounds of the run before that one, in the order of picking."""
    of = s.picks.c
    with store.read() as connection:
        found = sa.select(of.pair_id, of.round).where((of.run_id == run_id) & (of.round < round_number))
        return {pair_id: number for pair_id, number in connection.execute(found.order_by(of.round, of.rank))}


def batch(store: Store, run_id: str, round_number: int) -> list[PickedPair]:
    """A round's picks with texts and answers, best first; of a batch that people change, as it stands."""
    mine = (s.picks.c.run_id == run_id) & (s.picks.c.round == round_number)
    edited = (s.edits.c.run_id == run_id) & (s.edits.c.round == round_number)
    with store.read() as connection:
        found = _picks(connection, mine).get(run_id, [])
        if not found or connection.execute(sa.select(s.edits.c.id).where(edited)).first() is None:
            return found
        known = {pick.pair_id: pick for pick in found}
        stand = read_review(connection, run_id, round_number).picks
        texts = texts_of_pairs(connection, {pick.pair_id for pick in stand} - known.keys())
    for pick in stand:
        if pick.pair_id in texts:
            messages, (text_a, source_a), (text_b, source_b) = texts[pick.pair_id]
            known[pick.pair_id] = PickedPair(
                pick.pair_id, pick.rank, round_number, found[0].warm_up, pick.score, pick.gain, dict(pick.why),
                messages, text_a, text_b, source_a, source_b, answer=None, oracle="",
            )  # fmt: skip
    return [replace(known[pick.pair_id], rank=pick.rank) for pick in stand]


def _picks(connection: sa.Connection, condition: Any) -> dict[str, list[PickedPair]]:
    """Run id → its picks in order, with texts and answers: a few statements, and each text read once."""
    picks = connection.execute(
        sa.select(s.picks).where(condition).order_by(s.picks.c.run_id, s.picks.c.round, s.picks.c.rank)
    ).all()
    texts = texts_of_pairs(connection, {r.pair_id for r in picks})
    answers = answers_of(connection, {r.run_id for r in picks})
    found: dict[str, list[PickedPair]] = {}
    for r in picks:
        messages, a, b = texts[r.pair_id]
        answer, oracle = answers.get((r.run_id, r.round, r.pair_id), (None, ""))
        found.setdefault(r.run_id, []).append(
            PickedPair(
                pair_id=r.pair_id,
                rank=r.rank,
                round=r.round,
                warm_up=r.warm_up,
                score=r.score,
                gain=r.gain,
                why=r.why,
                messages=messages,
                response_a=a[0],
                response_b=b[0],
                source_a=a[1],
                source_b=b[1],
                answer=answer,
                oracle=oracle,
            )
        )
    return found


_Turns = tuple[tuple[str, str], ...]
_Side = tuple[str, str]


def texts_of_pairs(connection: sa.Connection, pair_ids: Iterable[str]) -> dict[str, tuple[_Turns, _Side, _Side]]:
    """Pair id → the conversation, and (text, source) of both sides."""
    a, b = s.responses.alias("ra"), s.responses.alias("rb")
    ids = sa.func.json_each(json.dumps(sorted(pair_ids))).table_valued("value")
    rows = connection.execute(
        sa.select(s.pairs.c.id, s.prompts.c.messages, a.c.text, a.c.source, b.c.text, b.c.source)
        .join(s.prompts, s.prompts.c.id == s.pairs.c.prompt_id)
        .join(a, a.c.id == s.pairs.c.a)
        .join(b, b.c.id == s.pairs.c.b)
        .where(s.pairs.c.id.in_(sa.select(ids.c.value)))
    )
    return {
        pair_id: (tuple((role, content) for role, content in messages), (text_a, source_a), (text_b, source_b))
        for pair_id, messages, text_a, source_a, text_b, source_b in rows
    }


def labelled_pairs(
    store: Store,
    study_id: str,
    strategy: str | None = None,
    seed: int | None = None,
    upto_round: int | None = None,
) -> list[dict[str, Any]]:
    """Every answered pick of the study's runs, as asked: the fields of `PickedPair`, strategy, seed and run."""
    with store.read() as connection:
        condition = s.runs.c.study_id == study_id
        if strategy is not None:
            condition &= s.runs.c.strategy == strategy
        if seed is not None:
            condition &= s.runs.c.seed == seed
        columns = (s.runs.c.id, s.runs.c.strategy, s.runs.c.seed)
        runs = connection.execute(sa.select(*columns).where(condition).order_by(s.runs.c.position)).all()
        wanted: Any = s.picks.c.run_id.in_([row.id for row in runs])
        if upto_round is not None:
            wanted &= s.picks.c.round <= upto_round
        picks = _picks(connection, wanted)
    return [
        {**vars(pick), "strategy": row.strategy, "seed": row.seed, "run_id": row.id}
        for row in runs
        for pick in picks.get(row.id, [])
        if pick.answer is not None
    ]


def answers_of(connection: sa.Connection, run_ids: Iterable[str]) -> dict[tuple[str, int, str], tuple[str, str]]:
    """(run id, round, pair id) → (answer, oracle) as the run got them."""
    of = s.stages.c
    rows = connection.execute(
        sa.select(of.run_id, of.round, of.detail).where(of.run_id.in_(sorted(run_ids)) & (of.stage == "labelled"))
    )
    return {(run_id, number, x[0]): (x[1], x[2]) for run_id, number, detail in rows for x in detail["labels"]}
