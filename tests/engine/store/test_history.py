"""Events as they were saved: asked for one by one, and a stage of many runs at once."""

import numpy as np
import pytest
import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import Evaluated
from engine.store import queries
from engine.store import schema as s
from engine.store.history import load_event, load_stage
from tests.workbench import worlds


@pytest.fixture
def store(tmp_path):
    return worlds.finished(tmp_path / "s", seeds=(1, 2), rounds=2, strategies=("random", "apl"))


def test_a_stage_of_many_runs_is_what_each_gives_alone(store):
    runs = [run.id for run in queries.study(store, queries.studies(store)[0].id).runs]
    found = load_stage(store, runs, "evaluated")
    assert list(found) and set(found) == set(runs)
    for run in runs:
        assert list(found[run]) == [0, 1, 2]
        for number, event in found[run].items():
            alone = load_event(store, run, number, "evaluated")
            assert isinstance(event, Evaluated) and isinstance(alone, Evaluated)
            assert event.metrics == alone.metrics
            for name, values in alone.outcomes.items():
                assert np.array_equal(event.outcomes[name], values)
    assert load_stage(store, runs[:1], "evaluated").keys() == {runs[0]}
    assert load_stage(store, [], "evaluated") == {}


def test_a_damaged_file_of_any_run_is_named(store):
    runs = [run.id for run in queries.study(store, queries.studies(store)[0].id).runs]
    with store.read() as connection:
        path = connection.execute(
            sa.select(s.artefacts.c.path).where(s.artefacts.c.run_id == runs[-1], s.artefacts.c.stage == "evaluated")
        ).scalars().first()  # fmt: skip
    (store.folder / path).write_bytes(b"not what was saved")
    with pytest.raises(StoreError):
        load_stage(store, runs, "evaluated")
    assert load_stage(store, runs[:-1], "evaluated").keys() == set(runs[:-1])
