"""Scores a pool for a dry run through the same code as a study: the state of a run is put back, its signals computed.

`python -m engine.laboratory STORE` reads a request as JSON, scores in a process of its own and writes the answer; only
it loads torch.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.pool import PreferenceData, rows_of
from engine.errors import EngineError, ModelError, OracleError, OutOfMemory, SelectionError
from engine.loop import Inputs
from engine.records import Pair, Picked, Pooled, SignalArray
from engine.samplers.base import SAMPLERS
from engine.seeds import uniforms
from engine.signals.base import Signal, reads_of
from engine.stages import Run
from engine.standing import Standing, standing
from engine.store.cache import FileCache
from engine.store.database import Store, open_store
from engine.store.texts import keep_drawn, load_dataset
from engine.tasks._laboratory import PARTS, Laboratory, Made, Pool, ids_of, keep_pool, kept_pool, slot_of

if TYPE_CHECKING:
    from engine.models.policy import Policy

PolicyOf = Callable[[Any, int], "Policy"]
"""Model settings and a seed → a policy that may be used until the scoring ends."""


def score(store: Store, task: Laboratory, say: Callable[[str], None], policy_of: PolicyOf) -> dict[str, Any]:
    """Compute what is not there yet of the pool and its signals; what came of it, as JSON."""
    began, cache = time.perf_counter(), FileCache(store.folder / "cache")
    say("reading the pool")
    where = standing(store, task)
    data, own, chosen = _data(store, task, where)
    policy = policy_of(where.config.study.model, where.config.seed)
    if where.model_sha256 not in ("", policy.base_hash):
        raise ModelError(
            f"The model {policy.name} is not the one run {task.run_id} is computed with: its weights have the hash "
            f"{policy.base_hash[:8]}, not {where.model_sha256[:8]}.",
            "Put the first one back, or dry run with the model alone.",
        )
    doing = [""]

    def tell(sentence: str) -> None:
        doing[0] = sentence
        say(sentence)

    inputs = Inputs(where.config, data, {}, cache, check=lambda: say(doing[0]))
    run = Run(inputs, tell, policy)
    words = where.words
    if task.adapter:
        words = _put_on(policy, task.adapter)
    for event in where.before:
        run.apply(event)
    pairs, dropped = _candidates(store, run, task, where, own, chosen)
    past = [run.pairs[pick.pair_id] for pick in run.picks]
    kept = kept_pool(cache, task.pool_key())
    made = dict(kept.made) if kept else {}
    there = task.there(store, task.signals) if kept else ()
    for signal in task.signals:
        if signal not in there or slot_of(signal) not in made:
            made[slot_of(signal)] = _scored(run, task, cache, signal, pairs, past)
    labels = tuple(replace(label, detail={}) for _, label in run.labels)
    stamp = {"model": policy.reference_in_words(), "adapter": words}
    seed, beta = where.config.seed, where.config.study.dpo.beta
    pool = Pool(tuple(pairs), tuple(past), labels, where.datasets, seed, task.round, beta, stamp, dropped, made)
    keep_pool(cache, task.pool_key(), pool)
    return {
        "pairs": len(pairs),
        "prompts": len({pair.prompt_id for pair in pairs}),
        "past": len(past),
        "labels": len(labels),
        "dropped": dropped,
        "stamp": stamp,
        "failed": {x.name: made[slot_of(x)].failed for x in task.signals if made[slot_of(x)].failed},
        "seconds": time.perf_counter() - began,
        "tokens": run.tokens_seen,
    }


def _put_on(policy: "Policy", folder: str) -> str:
    """The adapter of that folder on the policy, and what it is called."""
    from engine.models.adapter_folder import weights_of
    from engine.models.adapters import hash_of, set_adapter

    weights = weights_of(folder)
    set_adapter(policy, weights)
    return f"the adapter {Path(folder).name} ({hash_of(weights)[:8]})"


def _data(store: Store, task: Laboratory, where: Standing) -> tuple[PreferenceData, frozenset[str], frozenset[str]]:
    """The texts of the pool, cut to its subset, and of all that the run has picked before; the pool's own pairs; the
    prompts of the subset."""
    data = load_dataset(store, where.datasets[0])
    if task.dataset_id and not data.pairs:
        for pair in SAMPLERS.build("all_pairs").candidates(data, list(data.prompts), None).pairs:
            data.pairs[pair.id] = pair
    own = frozenset(data.pairs)
    made = {p.id: p for event in where.before if isinstance(event, Pooled) for p in event.made_pairs}
    if where.pooled is not None:
        made |= {p.id: p for p in where.pooled.made_pairs}
        there = sorted({made[pair_id].prompt_id for pair_id in where.pooled.pair_ids})
    else:
        there = list(data.prompts)
    chosen = frozenset(_subset(there, task, where))
    if where.config.study.sampler.generates:
        return data, own, chosen
    picked = {p.pair_id for event in where.before if isinstance(event, Picked) for p in event.picks}
    before = {made[pair_id].prompt_id for pair_id in picked}
    if task.prompts is not None:
        data = data.only_prompts([i for i in data.prompts if i in chosen or i in before])
    for other in where.datasets[1:]:
        part = load_dataset(store, other)
        part = part.only_prompts([i for i in part.prompts if i in before])
        data.prompts.update(part.prompts)
        data.responses.update(part.responses)
        data.pairs.update(part.pairs)
    return data, own, chosen


def _subset(prompts: Sequence[str], task: Laboratory, where: Standing) -> list[str]:
    """A seeded draw of the prompts, a function of the seed and each prompt's id."""
    if task.prompts is None or task.prompts >= len(prompts):
        return list(prompts)
    draw = uniforms(where.config.seed, None, "laboratory", prompts)
    return [prompts[row] for row in np.lexsort((np.array(prompts), draw))[: task.prompts]]


def _candidates(
    store: Store, run: Run, task: Laboratory, where: Standing, own: frozenset[str], chosen: frozenset[str]
) -> tuple[list[Pair], dict[str, int]]:
    """The pairs that could be picked, in id order, and what was left out and why; of a data set only its `own`.

    A round that is to draw its pool and has none yet is drawn here, of the prompts of the subset alone; the responses
    are kept in the store, as a page that shows a pair needs them.
    """
    study = where.config.study
    if where.pooled is not None:
        run.apply(where.pooled)
        found: Sequence[Pair] = [run.pairs[pair_id] for pair_id in where.pooled.pair_ids]
        dropped = dict(where.pooled.dropped)
    elif study.sampler.generates:  # as the round will draw it: a worker that comes to it finds the draws in the cache
        pooled = run.found(task.round, _subset(run.prompts(task.round), task, where))
        run.apply(pooled)
        keep_drawn(store, pooled)
        found, dropped = pooled.made_pairs, dict(pooled.dropped)
        chosen = frozenset(pair.prompt_id for pair in found)
    elif task.run_id and not task.dataset_id:
        pooled = run.pooled(task.round)
        found, dropped = pooled.made_pairs, dict(pooled.dropped)
    else:
        made = study.sampler.candidates(run.data, list(run.data.prompts), None)
        picked = {pick.pair_id for pick in run.picks}
        allowed = own if task.dataset_id else study.oracle.can_answer(run.data)
        found = [p for p in made.pairs if p.id not in picked and (allowed is None or p.id in allowed)]
        dropped = dict(made.dropped)
        dropped |= (
            {"not to be picked: picked before, or without an answer": n} if (n := len(made.pairs) - len(found)) else {}
        )
        dropped |= {"responses that do not fit the model": n} if (n := len(run.refused)) else {}
    found = sorted((p for p in found if p.prompt_id in chosen), key=lambda p: p.id)
    if not found:
        raise SelectionError("The pool has no pair that could be picked.", "Choose another pool, round or subset.")
    return list(found), dropped


def _scored(
    run: Run, task: Laboratory, cache: FileCache, signal: Signal, pairs: Sequence[Pair], past: Sequence[Pair]
) -> Made:
    """Compute one signal over pool and past picks and keep it; one that cannot be made here says why."""
    try:
        over_pool = _patient(run, task, signal, pairs)
        if past:
            again = _patient(run, task, signal, past)
            now = again.values[rows_of(again, past)]
        else:
            sides = (2,) if signal.axis == "response" else ()
            now = np.zeros((0, *sides, *over_pool.values.shape[1:]), dtype=over_pool.values.dtype)
    except (OracleError, SelectionError) as error:
        for part in PARTS:
            cache.put(task.signal_key(signal, part), np.zeros(0, dtype=np.float32))
        return Made(signal.axis, signal.unit, signal.made_on(), str(error))
    if over_pool.ids != ids_of(pairs, signal.axis):
        raise SelectionError(f"Signal {signal.name!r} gave its rows in another order than that of their ids.")
    seen = run.features.get(signal.name) if signal == _own(run, signal.name) else None
    kept = {"pool": over_pool.values, "past": np.concatenate(seen) if seen else now, "now": now}
    for part, values in kept.items():
        cache.put(task.signal_key(signal, part), values)
    return Made(signal.axis, signal.unit, signal.made_on())


def _own(run: Run, name: str) -> Signal:
    """The signal as the run's own strategy reads it."""
    return run.study.signal(name).with_fixed(run.strategy.signal_parameters().get(name, {}))


def _patient(run: Run, task: Laboratory, signal: Signal, pairs: Sequence[Pair]) -> SignalArray:
    """The signal over these pairs, from one pass for the task; where memory runs out, again under halved batches."""
    texts = run.signals.texts(pairs)
    own = run.signals.reads({*run.study.panel, *run.strategy.needs})  # as the run's own round reads
    together = own if signal.reads in own else reads_of(task.signals) - own
    while True:
        try:
            values = run.signals.values(signal, texts, task.round, together)
            return SignalArray(signal.name, signal.axis, texts.ids(signal.axis), values, signal.unit)
        except OutOfMemory as error:
            if not error.times:
                raise
            kind, times = error.kind, error.times
        run.policy.memory = run.inputs.memory = run.inputs.memory.halved(kind, times)  # type: ignore[arg-type]


def loaded(settings: Any, seed: int) -> "Policy":
    """A policy of one's own, on the device that the settings name."""
    from engine.models.load import load_policy

    return load_policy(settings, seed)


def main(words: Sequence[str]) -> int:
    """STORE, and a request on standard input → the answer as JSON, or {"error", "next_step"} and 2."""
    from engine.tasks.score_pool import ScorePool

    try:
        task = ScorePool.read(json.loads(sys.stdin.read()))
        found = score(open_store(words[0], create=False), task, _told, loaded)
    except EngineError as error:
        sys.stdout.write(json.dumps({"error": error.what, "next_step": error.next_step}) + "\n")
        return 2
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _told(sentence: str) -> None:
    if sys.stderr.isatty() and sentence:
        sys.stderr.write(f"\033[K{sentence}\r")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
