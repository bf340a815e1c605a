"""The scores and scalar signals that every candidate pair of a round got."""

import json

import pandas as pd
import sqlalchemy as sa

from engine.records import Pooled, Scored
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_event


def scores(store: Store, run_id: str, round_number: int) -> pd.DataFrame:
    """A row a candidate pair, in the order of the pool: pair_id, score, and the kept signals of the round.

    `score` is NaN where the strategy gives none. A signal of pairs or prompts is a column of its name, one of responses
    two, "name.a" and "name.b". No rows before the round was scored; StoreError if its files are damaged.
    """
    pooled = load_event(store, run_id, round_number, "pooled")
    scored = load_event(store, run_id, round_number, "scored")
    if not isinstance(pooled, Pooled) or not isinstance(scored, Scored):
        return pd.DataFrame({"pair_id": pd.Series(dtype=str), "score": pd.Series(dtype=float)})
    frame = pd.DataFrame({"pair_id": pooled.pair_ids, "score": float("nan")})
    if scored.scores is not None:
        frame["score"] = scored.scores
    ids = sa.func.json_each(json.dumps(pooled.pair_ids)).table_valued("value")
    with store.read() as connection:
        rows = connection.execute(sa.select(s.pairs).where(s.pairs.c.id.in_(sa.select(ids.c.value)))).all()
    sides = pd.DataFrame(rows, columns=list(s.pairs.c.keys())).set_index("id").reindex(frame["pair_id"])
    for signal in scored.signals:
        values = pd.Series(signal.values, index=list(signal.ids))
        if signal.axis == "response":
            frame[f"{signal.name}.a"] = values.reindex(sides["a"]).to_numpy()
            frame[f"{signal.name}.b"] = values.reindex(sides["b"]).to_numpy()
        else:
            keys = frame["pair_id"] if signal.axis == "pair" else sides["prompt_id"]
            frame[signal.name] = values.reindex(keys).to_numpy()
    return frame
