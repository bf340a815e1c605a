"""The picks of a round once more, from the record: the same view, the same recipe, compared with the picks kept.

Signals that are numbers are kept for the whole pool, so `from_record` needs no model. Vectors are kept only of the
picks: `with_model` reads those of the pool from the cache, or computes them again from the adapter that was kept.
`python -m engine.replay STORE RUN ROUND` does that in a process of its own and writes JSON; only it loads torch.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from engine.arms import recipe_of
from engine.cache import ArrayCache
from engine.config import RunConfig, StudyConfig
from engine.data.pool import PoolView
from engine.errors import EngineError, StoreError
from engine.records import Event, Label, Labelled, Pair, Pick, Picked, Pooled, Scored
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import Uniform
from engine.settings import ModelSettings
from engine.store import schema as s
from engine.store.cache import FileCache
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.store.plugins import as_it_runs
from engine.store.provenance import at_round
from engine.store.texts import load_dataset

if TYPE_CHECKING:
    from engine.models.policy import Policy

FROM_RECORD = "as recorded"


@dataclass(frozen=True)
class Record:
    """What is kept of a round and of all before it.

    `before` are the events up to the round, in order; `halved` is the memory plan that it was scored under.
    """

    run_id: str
    round: int
    config: RunConfig
    datasets: dict[str, str]
    provenance: dict[str, Any]
    halved: dict[str, int]
    before: tuple[Event, ...]
    pooled: Pooled
    scored: Scored
    picked: Picked

    @property
    def warm_up(self) -> bool:
        """Whether the batch was the random first one."""
        return self.config.study.warm_up and self.round == 1

    def missing(self) -> list[str]:
        """The signals that the strategy read and that are not kept as it read them, for pool and past picks."""
        kept = {signal.name for signal in self.scored.signals} - self.config.strategy.recomputed()
        return [] if self.warm_up else sorted(self.config.strategy.needs - kept)


@dataclass(frozen=True)
class Replay:
    """How the picks came out. `differences` are {rank, recorded, replayed}; `score_gap` is the largest difference of a
    score over the pool (None where none is given); `signals` say where each signal came from."""

    run_id: str
    round: int
    strategy: str
    seed: int
    warm_up: bool
    same: bool
    picks: int
    differences: tuple[dict[str, Any], ...]
    score_gap: float | None
    signals: dict[str, str]
    notes: tuple[str, ...]


def record_of(store: Store, run_id: str, round_number: int) -> Record:
    """What is kept of a round; StoreError if there is no such run, it has not picked yet, or its record is damaged."""
    with store.read() as connection:
        row = connection.execute(
            sa.select(s.runs, s.studies.c.config.label("study"), s.studies.c.datasets)
            .join(s.studies)
            .where(s.runs.c.id == run_id)
        ).first()
        scored_as = (s.stages.c.run_id == run_id) & (s.stages.c.round == round_number) & (s.stages.c.stage == "scored")
        detail = connection.execute(sa.select(s.stages.c.detail).where(scored_as)).scalar() or {}
    if row is None:
        raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
    config = StudyConfig.from_dict(row.study, f"Study {row.study_id}").run(**row.config)
    events, trouble = load_events(store, run_id)
    here = {type(event): event for event in events if event.round == round_number}
    pooled, scored, picked = here.get(Pooled), here.get(Scored), here.get(Picked)
    if not (isinstance(pooled, Pooled) and isinstance(scored, Scored) and isinstance(picked, Picked)):
        last = max((event.round for event in events if isinstance(event, Picked)), default=0)
        raise StoreError(
            f"Round {round_number} of run {run_id} has no picks to replay: it has picked up to round {last}. {trouble}",
            "Name an earlier round; `workbench store check` looks at the files.",
        )
    before = tuple(event for event in events if event.round < round_number)
    provenance = at_round(row.provenance or {}, round_number)
    halved = dict(detail.get("halved") or {})
    return Record(run_id, round_number, config, dict(row.datasets), provenance, halved, before, pooled, scored, picked)


def from_record(record: Record) -> Replay:
    """Replay from what is kept alone; StoreError if a signal that is needed is not kept for the whole pool."""
    if record.missing():
        raise StoreError(
            f"{' and '.join(record.missing())} of the pool are not kept, only of the picks.", "Replay with the model."
        )
    view = _view(record)
    if record.warm_up:
        return _compared(record, execute(Uniform(), view), None, {}, [])
    recipe = recipe_of(record.config.strategy, record.config.arm, view)
    names = dict.fromkeys(sorted(record.config.strategy.needs), FROM_RECORD)
    return _compared(record, execute(recipe, view), scores_of(recipe, view), names, [])


def with_model(store: Store, record: Record) -> Replay:
    """Replay as the loop itself picks: it is put where it stood before the round, and picks.

    StoreError if the model is not the one the run was computed with.
    """
    from engine.loop import Inputs
    from engine.models.load import load_policy
    from engine.resume import MemoryPlan
    from engine.stages import Run

    settings, notes = _settings_here(record)
    policy = load_policy(settings, record.config.seed)
    notes += _differences_here(record, policy)
    cache = _Counted(FileCache(store.folder / "cache"))
    inputs = Inputs(record.config, load_dataset(store, record.datasets["pool"]), {}, cache)
    inputs.memory = MemoryPlan(**record.halved)
    run = Run(inputs, lambda sentence: None, policy)
    for event in (*record.before, record.pooled, record.scored):
        run.apply(event)
    cache.found = cache.computed = 0
    again = run.picked(record.round)
    names = dict.fromkeys(sorted(record.config.strategy.needs), FROM_RECORD)
    where = f"computed again on {policy.device} from the adapter that was kept"
    if cache.found:
        where = "read from the cache" if not cache.computed else f"in part read from the cache, in part {where}"
    names |= dict.fromkeys(record.missing(), where)
    gap = _feature_gap(record.picked, again)
    if gap is not None and gap > 0:
        notes.append(f"The features of the picks differ from those kept by at most {gap:.2g}.")
    return _compared(record, again.picks, None, names, notes)


class _Counted:
    """A cache that knows how often it had an array and how often not."""

    def __init__(self, cache: ArrayCache) -> None:
        self._cache = cache
        self.found = self.computed = 0

    def get(self, key: str) -> np.ndarray | None:
        value = self._cache.get(key)
        self.found += value is not None
        return value

    def put(self, key: str, value: np.ndarray) -> None:
        self.computed += 1
        self._cache.put(key, value)


def _view(record: Record) -> PoolView:
    """What the strategy saw, from the record (its twin in the loop is `engine.stages.Run`)."""
    pairs: dict[str, Pair] = {}
    picked: list[Pick] = []
    features: dict[str, list[np.ndarray]] = {}
    labels: list[Label] = []
    for event in (*record.before, record.pooled):
        if isinstance(event, Pooled):
            pairs.update((pair.id, pair) for pair in event.made_pairs)
        elif isinstance(event, Picked):
            picked += event.picks
            for name, rows in event.features.items():
                features.setdefault(name, []).append(rows)
        elif isinstance(event, Labelled):
            labels += [replace(label, detail={}) for label in event.labels]
    pool, study = [pairs[pair_id] for pair_id in record.pooled.pair_ids], record.config.study
    k = len(pool) if record.config.strategy.whole_pool else study.batch_of(len(pool), len({p.prompt_id for p in pool}))
    needs = frozenset() if record.warm_up else record.config.strategy.needs
    return PoolView(
        pool,
        {signal.name: signal for signal in record.scored.signals if signal.name in needs},
        k=k,
        seed=record.config.seed,
        round_number=record.round,
        reader=f"Strategy {record.config.strategy.name!r}",
        picked=[pairs[pick.pair_id] for pick in picked],
        picked_values={name: np.concatenate(kept) for name, kept in features.items()} if picked else None,
        labels=labels,
        one_per_prompt=study.one_per_prompt,
    )


def _compared(
    record: Record, picks: Sequence[Pick], scores: np.ndarray | None, signals: dict[str, str], notes: list[str]
) -> Replay:
    kept = {pick.rank: pick for pick in record.picked.own or record.picked.picks}
    again = {pick.rank: pick for pick in picks}
    differences = []
    for rank in sorted(kept.keys() | again.keys()):
        recorded, replayed = (side[rank].pair_id if rank in side else None for side in (kept, again))
        if recorded != replayed:
            differences.append({"rank": rank, "recorded": recorded, "replayed": replayed})
    if scores is not None and record.scored.scores is not None:
        gaps = np.abs(scores - record.scored.scores)
    else:
        before = {pick.pair_id: pick.score for pick in picks if pick.score is not None}
        gaps = np.array([abs(p.score - before[p.pair_id]) for p in kept.values()
                         if p.score is not None and p.pair_id in before])  # fmt: skip
    if record.picked.own:
        notes = [*notes, "A person changed this batch; the strategy's own list is what is replayed."]
    return Replay(
        record.run_id, record.round, record.config.strategy.name, record.config.seed, record.warm_up, not differences,
        len(kept), tuple(differences), float(gaps.max()) if len(gaps) else None, signals, tuple(notes),
    )  # fmt: skip


def _feature_gap(one: Picked, other: Picked) -> float | None:
    """The largest difference of a feature over the pairs that both picked; None where there is none."""
    rows = {pick.pair_id: n for n, pick in enumerate(other.picks)}
    both = [(n, rows[pick.pair_id]) for n, pick in enumerate(one.picks) if pick.pair_id in rows]
    gaps = [
        float(np.abs(kept[[n for n, _ in both]] - other.features[name][[m for _, m in both]]).max())
        for name, kept in one.features.items()
        if both and kept.size and name in other.features
    ]
    return max(gaps, default=None)


def _settings_here(record: Record) -> tuple[ModelSettings, list[str]]:
    """The run's model on the run's kind of device, or on a CPU where there is none of its kind, and that said."""
    import torch

    settings, then = record.config.study.model, str(record.provenance.get("device") or "")
    kind = then.partition(":")[0] or settings.device.partition(":")[0]
    notes = []
    if kind == "cuda" and not torch.cuda.is_available():
        notes.append(f"The run was computed on {then or kind}, which is not here; this is a CPU, so last bits differ.")
        kind = "cpu"
    found = {"device": kind, "dtype": record.provenance.get("dtype") or settings.dtype}
    return settings.model_copy(update=found), notes


def _differences_here(record: Record, policy: "Policy") -> list[str]:
    """What is not as it was when the run was computed: versions, threads; another model is an error."""
    from importlib.metadata import version

    import torch

    then = record.provenance
    if then.get("model_sha256", policy.base_hash) != policy.base_hash:
        raise StoreError(
            f"The model in {record.config.study.model.path} is not the one run {record.run_id} was computed with.",
            f"Put the model with sha256 {then['model_sha256'][:12]}… there.",
        )
    notes = [
        f"{name} was {there}, here it is {version(name)}: last bits may differ."
        for name, there in then.get("packages", {}).items()
        if name in ("torch", "transformers", "peft", "numpy") and there != version(name)
    ]
    if then.get("threads", torch.get_num_threads()) != torch.get_num_threads():
        notes.append(
            f"The run had {then['threads']} threads, this has {torch.get_num_threads()}: last bits may differ."
        )
    return notes


def main(words: Sequence[str]) -> int:
    """STORE RUN ROUND → a `Replay` as JSON, or {"error", "next_step"} and 2."""
    try:
        store = open_store(words[0], create=False)
        record = record_of(store, words[1], int(words[2]))
        record = replace(record, config=as_it_runs(store, record.config))
        found = asdict(with_model(store, record) if record.missing() else from_record(record))
    except EngineError as error:
        sys.stdout.write(json.dumps({"error": error.what, "next_step": error.next_step}) + "\n")
        return 2
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
