"""Margins of a run's policy round by round, as its rounds recorded them: held-out pairs, the probe panel, candidates.

The held-out sets are measured after every round of every run. The probe panel is as well, where the study asks for one
(`evaluation.probe`). Candidates have a margin where the run recorded `reward_margin`: in round n that is the one under
the policy after round n − 1, and counts as such here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow.parquet as pq
import sqlalchemy as sa

from engine.records import Evaluated
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.margins import MARGIN
from engine.store.parquet import ask
from engine.store.picked import answers_of
from engine.store.round_table import table_of

COLUMNS = ["pair_id", "held_out", "picked", "answer", "margin"]


@dataclass(frozen=True)
class Course:
    """A pair's margin through the rounds of a run: `margins` maps a round to the margin under the policy after it.

    Margins are a − b, in reward units; rounds that recorded none are left out. `held_out` is the set it belongs to, ""
    for a pair of the pool. `picked` is the round that picked it, None if none did, and `answer` what it was labelled
    with: "a", "b", "tie", …, "" before.
    """

    pair_id: str
    margins: dict[int, float]
    held_out: str = ""
    picked: int | None = None
    answer: str = ""


def margins_after(store: Store, run_id: str, number: int) -> pd.DataFrame:
    """A row a pair that round `number` measured: pair_id, held_out, picked, answer, margin (a − b, reward units).

    `held_out` is "" for the probe panel; `picked` is the round of the run that picked the pair, 0 where none had up to
    then; `answer` the recorded one of a held-out pair, else what the run had bought by then. No rows before the round
    was evaluated. StoreError if a file is damaged. A finished round never changes, and so neither does this.
    """
    event = load_event(store, run_id, number, "evaluated")
    if not isinstance(event, Evaluated):
        return pd.DataFrame(columns=COLUMNS)
    rows: list[tuple[str, str, int, str, float]] = []
    for name, measured in _measured(store, run_id, number, event).items():
        margins = event.outcomes[name].tolist()
        rows += [(pair_id, name, 0, answer, m) for (pair_id, _, answer), m in zip(measured, margins, strict=True)]
    picked = _picked(store, run_id, number)
    answers = {pair: a for (_, n, pair), (a, _) in _answers(store, run_id).items() if n <= number}
    rows += [(i, "", picked.get(i, 0), answers.get(i, ""), margin) for i, margin in event.probed.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def course(store: Store, run_id: str, pair_id: str, measured: Sequence[pd.DataFrame]) -> Course:
    """The margins of a pair through the rounds, with when it was picked and how it was labelled.

    `measured` are `margins_after` of the rounds from 0 on, as far as one wants to look: what came later is left out.
    StoreError if a file is damaged.
    """
    last = len(measured) - 1
    picked = _picked(store, run_id, last).get(pair_id)
    answer = _answers(store, run_id).get((run_id, picked, pair_id), ("", ""))[0] if picked else ""
    margins, held_out = {}, ""
    for number, frame in enumerate(measured):
        for row in frame[frame["pair_id"] == pair_id].itertuples():
            margins[number], held_out = float(row.margin), row.held_out
    if not held_out:  # of a held-out pair every round has the margin, and none scores it
        left = {number for number in range(1, (picked or last) + 1) if number - 1 not in margins}
        margins |= scored_margins(store, run_id, pair_id, left)
    return Course(pair_id, dict(sorted(margins.items())), held_out, picked, answer)


def scored_margins(store: Store, run_id: str, pair_id: str, rounds: Collection[int]) -> dict[int, float]:
    """Round → margin under the policy after it, as the scoring of these rounds recorded it, each of the one before."""
    tables = {number: table_of(store, run_id, number) for number in sorted(rounds)}
    named = {str(path): number for number, path in tables.items() if path and MARGIN in pq.read_schema(path).names}
    if not named:
        return {}
    sql = """SELECT filename, reward_margin AS margin FROM read_parquet(?::VARCHAR[], filename = true)
             WHERE pair_id = ? AND reward_margin IS NOT NULL"""
    found = ask(sql, [list(named), pair_id])
    return {named[name] - 1: float(margin) for name, margin in zip(found["filename"], found["margin"], strict=True)}


def _measured(store: Store, run_id: str, number: int, event: Evaluated) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Which pairs the margins of the event belong to: round 0 says it, for records from before then nobody does."""
    first = event if number == 0 else load_event(store, run_id, 0, "evaluated")
    known = first.measured if isinstance(first, Evaluated) else {}
    return {name: rows for name, rows in known.items() if name in event.outcomes}


def _picked(store: Store, run_id: str, upto: int) -> dict[str, int]:
    wanted = sa.select(s.picks.c.pair_id, s.picks.c.round).where(
        (s.picks.c.run_id == run_id) & (s.picks.c.round <= upto)
    )
    with store.read() as connection:
        return {row.pair_id: row.round for row in connection.execute(wanted)}


def _answers(store: Store, run_id: str) -> dict[tuple[str, int, str], tuple[str, str]]:
    with store.read() as connection:
        return answers_of(connection, [run_id])
