"""What was picked and how it was answered, with texts: for cards, tables and exports."""

from typing import Any

import sqlalchemy as sa

from engine.store import schema as s
from engine.store.database import Store
from engine.store.summaries import PickedPair


def rounds(store: Store, run_id: str) -> list[int]:
    """The rounds of a run that have picks."""
    with store.read() as connection:
        found = sa.select(s.picks.c.round).where(s.picks.c.run_id == run_id).distinct().order_by(s.picks.c.round)
        return list(connection.execute(found).scalars())


def batch(store: Store, run_id: str, round_number: int) -> list[PickedPair]:
    """A round's picks with texts and answers, best first."""
    a, b = s.responses.alias("ra"), s.responses.alias("rb")
    with store.read() as connection:
        answers = _answers(connection, run_id)
        rows = connection.execute(
            sa.select(
                s.picks,
                s.prompts.c.messages,
                a.c.text.label("text_a"),
                b.c.text.label("text_b"),
                a.c.source.label("source_a"),
                b.c.source.label("source_b"),
            )
            .join(s.pairs, s.pairs.c.id == s.picks.c.pair_id)
            .join(s.prompts, s.prompts.c.id == s.pairs.c.prompt_id)
            .join(a, a.c.id == s.pairs.c.a)
            .join(b, b.c.id == s.pairs.c.b)
            .where((s.picks.c.run_id == run_id) & (s.picks.c.round == round_number))
            .order_by(s.picks.c.rank)
        ).all()
    return [
        PickedPair(
            pair_id=r.pair_id,
            rank=r.rank,
            round=r.round,
            warm_up=r.warm_up,
            score=r.score,
            gain=r.gain,
            why=r.why,
            messages=tuple((role, content) for role, content in r.messages),
            response_a=r.text_a,
            response_b=r.text_b,
            source_a=r.source_a,
            source_b=r.source_b,
            answer=answers.get((r.round, r.pair_id), (None, ""))[0],
            oracle=answers.get((r.round, r.pair_id), (None, ""))[1],
        )
        for r in rows
    ]


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
        runs = connection.execute(sa.select(s.runs).where(condition).order_by(s.runs.c.position)).all()
    found = []
    for row in runs:
        for number in rounds(store, row.id):
            if upto_round is None or number <= upto_round:
                found += [
                    {**vars(pick), "strategy": row.strategy, "seed": row.seed, "run_id": row.id}
                    for pick in batch(store, row.id, number)
                    if pick.answer is not None
                ]
    return found


def _answers(connection: sa.Connection, run_id: str) -> dict[tuple[int, str], tuple[str, str]]:
    """(round, pair id) → (answer, oracle) as the run got them."""
    rows = connection.execute(
        sa.select(s.stages.c.round, s.stages.c.detail).where(
            (s.stages.c.run_id == run_id) & (s.stages.c.stage == "labelled")
        )
    )
    return {(number, x[0]): (x[1], x[2]) for number, detail in rows for x in detail["labels"]}
