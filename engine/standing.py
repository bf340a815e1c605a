"""Where a dry run stands: a study or a stand-in for one, the run as it was before a round, an adapter by its folder."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.arms import title_of
from engine.config import RunConfig, StudyConfig
from engine.errors import StoreError
from engine.records import Event, Pooled, Trained
from engine.samplers.base import SAMPLERS
from engine.settings import LoraSettings
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_events
from engine.strategies.base import STRATEGIES
from engine.tasks._laboratory import Laboratory


@dataclass(frozen=True)
class Standing:
    """Where a dry run stands: the run's config, its events before the round, the pool if the round has drawn one."""

    config: RunConfig
    datasets: tuple[str, ...]
    before: tuple[Event, ...] = ()
    pooled: Pooled | None = None
    model_sha256: str = ""
    words: str = "the SFT model"


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
    """The run over another data set, if one is named: its pairs as they are given, all of them; with the settings of
    an adapter that is named."""
    if task.adapter:
        from engine.models.adapter_folder import lora_of

        model = config.study.model.model_copy(update={"lora": LoraSettings.model_validate(lora_of(task.adapter))})
        config = config.model_copy(update={"study": config.study.model_copy(update={"model": model})})
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
    return Standing(_asked(config, task), (task.dataset_id,))
