"""What the policies of a study have learned of its pairs: their margins after the last rounds, on labels seen or not"""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import sqlalchemy as sa

from engine.records import Evaluated
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.margins import MARGIN
from engine.store.parquet import ask
from engine.store.round_table import table_of

LAST = 3
"""Rounds of a run that are looked at, the last of them: early policies have learned little."""
COLUMNS = ["run_id", "seed", "round", "pair_id", "margin", "trained"]


def learned(store: Store, study_id: str, last: int = LAST) -> pd.DataFrame:
    """A row a run, round and pair that some run was labelled: `COLUMNS`.

    `round` is the one after which the policy measured the pair, on the probe panel, or as a candidate of the round
    that came next. `margin` is a − b of the implicit reward, over the root mean square of all that the policy measured
    so: the implicit reward has no scale of its own. `trained`: the run had trained on the pair's label. Policies that
    equal the reference are left out. StoreError if a file is damaged.
    """
    runs, picks, stages = s.runs.c, s.picks.c, s.stages.c
    with store.read() as connection:
        done = connection.execute(
            sa.select(runs.id, runs.seed, stages.round)
            .join(s.stages, stages.run_id == runs.id)
            .where((runs.study_id == study_id) & (stages.stage == "evaluated") & (stages.round > 0))
            .order_by(runs.position, stages.round)
        ).all()
        bought = connection.execute(
            sa.select(picks.run_id, picks.round, picks.pair_id)
            .join(s.runs, runs.id == picks.run_id)
            .join(s.stages, (stages.run_id == picks.run_id) & (stages.round == picks.round))
            .where((runs.study_id == study_id) & (stages.stage == "labelled"))
        ).all()
    picked = {(row.run_id, row.pair_id): row.round for row in bought}
    labelled = {row.pair_id for row in bought}
    by_run: dict[tuple[str, int], list[int]] = {}
    for row in done:
        by_run.setdefault((row.id, row.seed), []).append(row.round)
    found: list[tuple[str, int, int, str, float, bool]] = []
    for (run_id, seed), rounds in by_run.items():
        for number in rounds[-last:]:
            measured = _measured(store, run_id, number)
            size = float(np.sqrt(np.mean(np.square(list(measured.values()))))) if measured else 0.0
            if not size:
                continue
            found += [
                (run_id, seed, number, pair_id, margin / size, picked.get((run_id, pair_id), number + 1) <= number)
                for pair_id, margin in measured.items()
                if pair_id in labelled
            ]
    return pd.DataFrame(found, columns=COLUMNS)


def _measured(store: Store, run_id: str, number: int) -> dict[str, float]:
    """Pair → margin under the policy after that round, wherever it was recorded."""
    found: dict[str, float] = {}
    table = table_of(store, run_id, number + 1)
    if table is not None and MARGIN in pq.read_schema(table).names:
        sql = "SELECT pair_id, reward_margin AS margin FROM read_parquet(?) WHERE reward_margin IS NOT NULL"
        rows = ask(sql, [str(table)])
        found = {str(i): float(m) for i, m in zip(rows["pair_id"], rows["margin"], strict=True)}
    event = load_event(store, run_id, number, "evaluated")
    if isinstance(event, Evaluated):
        found |= event.probed
    return found
