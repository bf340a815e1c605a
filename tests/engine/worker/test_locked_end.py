"""A database that another process holds for long where a run or a task begins or ends: nothing that is done is lost."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import sqlalchemy as sa

from engine import claiming
from engine.store import queries, tasks, writer
from engine.store.database import Store, open_store
from engine.tasks.base import TASKS, ask
from engine.tools import ToolsWorker
from engine.worker import Worker
from tests.engine.tasks.toys import Toy
from tests.engine.worker.lives import queue, run_ids, study_of


class Heavy(Toy):
    """A toy that wants a device."""

    name: ClassVar[str] = "heavy"
    wants: ClassVar[Literal["tools", "device"]] = "device"


@pytest.fixture
def queued(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A run and a task of each kind wait; no writer waits for another."""
    for name, toy in {"toy": Toy, "heavy": Heavy}.items():
        monkeypatch.setitem(TASKS._classes, name, toy)
    monkeypatch.setattr(claiming, "TROUBLE_S", 0.01)
    monkeypatch.setattr(claiming, "TRIES", 1)
    store = queue(tmp_path, study_of("recorded", tiny_model_dir, rounds=1))
    ask(store, Toy()), ask(store, Heavy())
    store.engine.dispose()
    store = open_store(tmp_path)
    sa.event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    store.engine.dispose()
    return store


class Held:
    """A function of the store whose first calls find the database held."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.real, self.calls = getattr(module, name), 0
        monkeypatch.setattr(module, name, self)

    def __call__(self, store: Store, *given: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls > 2:
            return self.real(store, *given, **named)
        other = sqlite3.connect(store.folder / "workbench.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            return self.real(store, *given, **named)
        finally:
            other.execute("ROLLBACK")
            other.close()


def nothing(*_: Any) -> Iterator[Any]:
    return iter(())


@pytest.mark.parametrize("name", ["claim_task", "end_task"])
def test_a_task_of_either_worker_ends_as_it_went(queued: Store, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for worker in (ToolsWorker(queued), Worker(queued, "cpu", loop=nothing)):
        held = Held(monkeypatch, tasks, name)
        worker.work(until_idle=True)
        assert held.calls > 2
        monkeypatch.setattr(tasks, name, held.real)
    assert [(task.state, task.answer) for task in queries.tasks(queued)] == 2 * [("done", {"said": "answer"})]


def test_a_run_ends_as_it_went(queued: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch, writer, "set_state")
    assert Worker(queued, "cpu", loop=nothing).work(until_idle=True) == 1
    assert held.calls == 3
    run = queries.run(queued, run_ids(queued)[0])
    assert (run.state, run.error) == ("waiting", "")
