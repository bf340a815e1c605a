"""Scores a pool for a dry run through the same code as a study: the state of a run is put back, its signals computed.

`python -m engine.laboratory STORE` reads a request as JSON, scores in a process of its own and writes the answer; only
it loads torch.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from engine.arms import title_of
from engine.config import RunConfig, StudyConfig
from engine.data.pool import PreferenceData, rows_of
from engine.errors import EngineError, ModelError, OracleError, OutOfMemory, SelectionError, StoreError
from engine.loop import Inputs
from engine.records import Event, Pair, Picked, Pooled, SignalArray, Trained
from engine.samplers.base import SAMPLERS
from engine.seeds import uniforms
from engine.signals.base import Signal, reads_of
from engine.stages import Run
from engine.store import schema as s
from engine.store.cache import FileCache
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.store.texts import load_dataset
from engine.strategies.base import STRATEGIES
from engine.tasks._laboratory import PARTS, Laboratory, Made, Pool, ids_of, keep_pool, kept_pool, slot_of

if TYPE_CHECKING:
    from engine.models.policy import Policy

PolicyOf = Callable[[Any, int], "Policy"]
"""Model settings and a seed → a policy that may be used until the scoring ends."""


@dataclass(frozen=True)
class Standing:
    """Where a dry run stands: the run's config, its events before the round, the pool if the round has drawn one."""

    config: RunConfig
    datasets: tuple[str, ...]
    before: tuple[Event, ...] = ()
    pooled: Pooled | None = None
    model_sha256: str = ""
    words: str = "the SFT model"


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
    for event in where.before:
        run.apply(event)
    pairs, dropped = _candidates(run, task, where, own, chosen)
    past = [run.pairs[pick.pair_id] for pick in run.picks]
    kept = kept_pool(cache, task.pool_key())
    made = dict(kept.made) if kept else {}
    there = task.there(store, task.signals) if kept else ()
    for signal in task.signals:
        if signal not in there or slot_of(signal) not in made:
            made[slot_of(signal)] = _scored(run, task, cache, signal, pairs, past)
    labels = tuple(replace(label, detail={}) for _, label in run.labels)
    stamp = {"model": policy.reference_in_words(), "adapter": where.words}
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


def standing(store: Store, task: Laboratory) -> Standing:
    """The study (or a stand-in for one), and the run as it was before the round; StoreError if it is not there yet."""
    if not task.study_id:
        return _without_study(store, task)
    with store.read() as connection:
        row = connection.execute(sa.select(s.studies).where(s.studies.c.id == task.study_id)).first()
        of_run = (s.runs.c.id == task.run_id) & (s.runs.c.study_id == task.study_id)
        run = connection.execute(sa.select(s.runs).where(of_run)).first()
    if row is None or (task.run_id and run is None):
        missing = "run" if row is not None else "study"
        name = task.run_id if row is not None else task.study_id
        raise StoreError(f"There is no {missing} {name!r} in {store.folder}.", "See `workbench study list`.")
    study = StudyConfig.from_dict(row.config, f"Study {row.id}")
    pool = task.dataset_id or row.datasets["pool"]
    if run is None:
        config = study.run(STRATEGIES.build("random"), task.seed)
        return Standing(_asked(config, task), (pool,))
    config = study.run(**run.config)
    events, _ = load_events(store, run.id)
    before = tuple(event for event in events if event.round < task.round)
    if task.round > 1 and not any(isinstance(e, Trained) and e.round == task.round - 1 for e in before):
        last = max((e.round for e in events if isinstance(e, Trained)), default=0)
        raise StoreError(
            f"Run {run.id} has not come to round {task.round}: it is trained up to round {last}.",
            f"Name round {last + 1} or an earlier one.",
        )
    pooled = next((e for e in events if isinstance(e, Pooled) and e.round == task.round), None)
    provenance = run.provenance or {}
    words = f"{title_of(run.strategy)}, seed {config.seed}, as it stood before the picks of round {task.round}"
    datasets = (pool,) if pool == row.datasets["pool"] else (pool, row.datasets["pool"])
    return Standing(
        _asked(config, task), datasets, before, None if task.dataset_id else pooled,
        str(provenance.get("model_sha256", "")), words,
    )  # fmt: skip


def _asked(config: RunConfig, task: Laboratory) -> RunConfig:
    """The run over another data set, if one is named: its pairs as they are given, all of them."""
    if not task.dataset_id:
        return config
    given = {"sampler": SAMPLERS.build("given"), "prompts_per_round": None}
    return config.model_copy(update={"study": config.study.model_copy(update=given)})


def _without_study(store: Store, task: Laboratory) -> Standing:
    study = {
        "name": "dry run", "data": {"pool": task.dataset_id}, "model": {"path": task.model}, "sampler": "given",
        "strategies": ["random"], "race": "none", "seeds": [task.seed],
    }  # fmt: skip
    config = StudyConfig.from_dict(study, "The dry run").run(STRATEGIES.build("random"), task.seed)
    return Standing(config, (task.dataset_id,))


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
    run: Run, task: Laboratory, where: Standing, own: frozenset[str], chosen: frozenset[str]
) -> tuple[list[Pair], dict[str, int]]:
    """The pairs that could be picked, in id order, and what was left out and why; of a data set only its `own`."""
    study = where.config.study
    if where.pooled is not None:
        run.apply(where.pooled)
        found: Sequence[Pair] = [run.pairs[pair_id] for pair_id in where.pooled.pair_ids]
        dropped = dict(where.pooled.dropped)
    elif study.sampler.generates:
        raise StoreError(
            "This study draws its pool anew in every round, and this round has none yet.",
            "Name a round that has its picks, or an imported data set as the pool.",
        )
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
