"""The scores and scalar signals that every candidate pair of a round got."""

import json

import pandas as pd
import sqlalchemy as sa

from engine.records import Pair, Pooled, Scored
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
    known = {pair.id: pair for pair in pooled.made_pairs}
    if unknown := sorted(set(pooled.pair_ids) - known.keys()):
        known |= pairs_of(store, unknown)
    pairs = [known[pair_id] for pair_id in pooled.pair_ids]
    for signal in scored.signals:
        values = pd.Series(signal.values, index=list(signal.ids))
        if signal.axis == "response":
            frame[f"{signal.name}.a"] = values.reindex([pair.a for pair in pairs]).to_numpy()
            frame[f"{signal.name}.b"] = values.reindex([pair.b for pair in pairs]).to_numpy()
        else:
            keys = pooled.pair_ids if signal.axis == "pair" else [pair.prompt_id for pair in pairs]
            frame[signal.name] = values.reindex(list(keys)).to_numpy()
    return frame


def pairs_of(store: Store, pair_ids: list[str]) -> dict[str, Pair]:
    """Those of the pairs that are in the store, by id."""
    ids = sa.func.json_each(json.dumps(pair_ids)).table_valued("value")
    with store.read() as connection:
        rows = connection.execute(sa.select(s.pairs).where(s.pairs.c.id.in_(sa.select(ids.c.value))))
        return {row.id: Pair(row.id, row.prompt_id, row.a, row.b) for row in rows}
