"""A scored pool without a model: the arrays that a device worker would leave in the cache, made up and seeded."""

from typing import Any

import numpy as np

from engine.records import Label
from engine.seeds import rng_for
from engine.signals.base import Signal
from engine.store import queries
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.strategies.base import STRATEGIES
from engine.tasks._laboratory import PARTS, Laboratory, Made, Pool, ids_of, keep_pool, signals_for, slot_of
from engine.tasks.score_pool import ScorePool
from tests.engine.tasks.toys import whole_pool

WIDE = {"reward_gradient": 16, "embedding": 16}


def request(store: Store, *names: str, **fields: Any) -> dict[str, Any]:
    """What asks for the signals that these strategies read, over the newest study's pool."""
    signals = signals_for([STRATEGIES.build(name) for name in names], [])
    study = queries.studies(store)[0].id
    return {"study_id": study, "signals": [signal.spec() for signal in signals], **fields}


def scored(store: Store, asked: dict[str, Any], *, failed: str = "", zero: bool = False) -> Laboratory:
    """Leave the pool and its signals; `failed` is the sentence of all of them, `zero` sets them to 0."""
    task = ScorePool.model_validate(asked)
    pool = whole_pool(store, task.study_id)
    past = tuple(pool.pairs[:4]) if task.run_id else ()
    pairs = tuple(pair for pair in pool.pairs if pair not in past)
    cache = FileCache(store.folder / "cache")
    made = {}
    for signal in task.signals:
        made[slot_of(signal)] = Made(signal.axis, signal.unit, signal.made_on(), failed)
        for part in PARTS:
            cache.put(task.signal_key(signal, part), _array(signal, pairs, past, part, zero=zero))
    labels = tuple(Label(pair.id, "a", "recorded") for pair in past)
    dataset = next(d.id for d in queries.datasets(store))
    stamp = {"model": "a model of the tests, 00000000", "adapter": "the SFT model"}
    keep_pool(
        cache, task.pool_key(), Pool(pairs, past, labels, (dataset,), task.seed, task.round, 0.1, stamp, {}, made)
    )
    return task


def _array(signal: Signal, pairs: Any, past: Any, part: str, *, zero: bool) -> np.ndarray:
    ids = ids_of(pairs, signal.axis)
    sides = (2,) if signal.axis == "response" else ()
    shape = (len(ids),) if part == "pool" else (len(past), *sides)
    wide = (WIDE[signal.name],) if signal.name in WIDE else ()
    found = rng_for(5, None, signal.name, part).normal(size=(*shape, *wide)).astype(np.float32)
    return np.zeros_like(found) if zero else found
