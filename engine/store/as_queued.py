"""A run as it was queued: its config, its data sets, and the hash of the model that computed it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.config import RunConfig, StudyConfig
from engine.errors import StoreError
from engine.store import schema as s
from engine.store.database import Store


@dataclass(frozen=True)
class AsQueued:
    """`datasets`: role → data set; `model_sha256` is "" before a worker has begun the run."""

    run_id: str
    study_id: str
    config: RunConfig
    datasets: dict[str, str]
    model_sha256: str


def run_as_queued(store: Store, run_id: str) -> AsQueued:
    """StoreError if there is no such run; ConfigError if this program cannot read its config."""
    columns = (s.runs, s.studies.c.config.label("study"), s.studies.c.datasets)
    with store.read() as connection:
        row = connection.execute(sa.select(*columns).join(s.studies).where(s.runs.c.id == run_id)).first()
    if row is None:
        raise StoreError(f"There is no run {run_id!r} in {store.folder}.", "See `workbench study show`.")
    config = StudyConfig.from_dict(row.study, f"Study {row.study_id}").run(**row.config)
    sha256 = str((row.provenance or {}).get("model_sha256", ""))
    return AsQueued(run_id, row.study_id, config, dict(row.datasets), sha256)


def settings_of(store: Store, study_id: str, run_id: str) -> dict[str, Any]:
    """The fields of a study as one of its runs has them: the run's own, else the study's.

    Of an id that nothing goes by ("", say) there are none.
    """
    with store.read() as connection:
        of_study = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
        of_run = connection.execute(sa.select(s.runs.c.config).where(s.runs.c.id == run_id)).scalar()
    own = (of_run or {}).get("setting") or {}  # runs from before there were arms have none
    return {**(of_study or {}), **own}
