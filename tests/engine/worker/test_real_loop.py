"""The worker with the real loop on the tiny model: stopped after every stage, it ends as if never stopped."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.records import Event, Spent
from engine.store import queries, texts, writer
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.test_loop import config, make_data


def study_in(folder: Path, model: Path) -> Store:
    store = open_store(folder)
    study = config(model, strategies=["activedpo", "apl"], rounds=2, labels_per_round=4, prompts_per_round=8)
    roles = {"pool": make_data(12, "pool"), "held_out:near": make_data(4, "near")}
    ids = {
        role: texts.add_dataset(
            store, name=role, path=role, format_name="made", sha256=role, data=data, rows=len(data.pairs), refused={}
        )
        for role, data in roles.items()
    }
    writer.queue_study(store, study, ids, {})
    return store


def without_spent(events: list[Event]) -> Any:
    return bits([replace(event, spent=Spent()) for event in events])


def test_stopped_after_every_stage_it_ends_the_same(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = study_in(tmp_path / "calm", tiny_model_dir)
    assert Worker(calm, "cpu").work(until_idle=True) == 2

    store = study_in(tmp_path / "stopped", tiny_model_dir)
    save = writer.save_event
    at_work: list[Worker] = []

    def save_and_stop(*given: Any) -> bool:
        saved = save(*given)
        at_work[-1].stop()
        return saved

    monkeypatch.setattr(writer, "save_event", save_and_stop)
    while queries.studies(store)[0].state != "done" and len(at_work) < 40:
        at_work.append(Worker(store, "cpu"))
        at_work[-1].work(until_idle=True)
        if len(at_work) % 2:
            shutil.rmtree(store.folder / "cache")
    assert len(at_work) >= 2 * 13

    for one, other in zip(_runs(calm), _runs(store), strict=True):
        assert without_spent(load_events(calm, one)[0]) == without_spent(load_events(store, other)[0])
    run = queries.studies(store)[0]
    assert (run.labels_bought, run.labels_unique) == (16, queries.studies(calm)[0].labels_unique)


def _runs(store: Store) -> list[str]:
    return [run.id for run in queries.study(store, queries.studies(store)[0].id).runs]
