"""Two studies of two models by one worker: the first model is given up before the second is loaded."""

import weakref
from pathlib import Path
from typing import Any

import pytest

from engine.models import load
from engine.store import queries
from engine.worker import Worker
from tests.engine.worker.lives import queue, study_of


def test_no_two_models_are_held_at_once(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=1)
    store = queue(tmp_path, study)
    wide = study.model.model_copy(update={"lora": study.model.lora.model_copy(update={"rank": 3})})
    queue(tmp_path, study.model_copy(update={"model": wide}))
    held: list[weakref.ref[Any]] = []
    real = load.load_policy

    def watched(*given: Any) -> Any:
        assert [one for one in held if one() is not None] == []
        policy = real(*given)
        held.append(weakref.ref(policy.model.get_base_model()))
        return policy

    monkeypatch.setattr(load, "load_policy", watched)
    assert Worker(store, "cpu").work(until_idle=True) == 2
    assert len(held) == 2
    assert [study.state for study in queries.studies(store)] == ["done", "done"]
