"""Tasks on a device worker: done between runs and stages, and what goes wrong with one ends neither worker nor run."""

import threading
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from engine import claiming
from engine.store import inbox, queries, tasks, writer
from engine.store.database import Store, open_store
from engine.tasks.base import TASKS, ask
from engine.tools import ToolsWorker
from engine.worker import Worker
from tests.engine.tasks.toys import Toy


class Heavy(Toy):
    """A toy that wants a device."""

    name: ClassVar[str] = "heavy"
    wants: ClassVar[Literal["tools", "device"]] = "device"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setitem(TASKS._classes, "heavy", Heavy)
    monkeypatch.setattr(claiming, "WORD_EVERY_S", 0.02)
    return open_store(tmp_path)


def at_work(store: Store, **how: Any) -> tuple[Worker, threading.Thread]:
    worker = Worker(store, "cpu")
    thread = threading.Thread(target=worker.work, kwargs=how)
    thread.start()
    return worker, thread


def wait_for(store: Store, number: int, progress: str) -> None:
    for _ in range(500):
        if queries.task(store, number).progress == progress:
            return
        time.sleep(0.02)
    pytest.fail(f"{queries.task(store, number)} never said {progress!r}")


def test_a_device_worker_does_what_a_tools_worker_leaves(store: Store) -> None:
    number = ask(store, Heavy(word="hello"))
    assert ToolsWorker(store).work(until_idle=True) == 0
    assert queries.task(store, number).state == "queued"
    Worker(store, "cpu").work(until_idle=True)
    found = queries.task(store, number)
    assert (found.state, found.answer) == ("done", {"said": "hello"})


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("refuse", "Row 3 holds no prompt. Mend it."),
        ("break", "KeyError: 'x'. This is a fault of the program; its trace is in the log."),
        ("grow", "Memory ran out beside what the worker holds."),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_next_task_is_done(store: Store, word: str, said: str) -> None:
    bad, good = ask(store, Heavy(word=word)), ask(store, Heavy())
    Worker(store, "cpu").work(until_idle=True)
    assert queries.task(store, bad).state == "failed"
    assert said in queries.task(store, bad).error
    assert queries.task(store, good).state == "done"


def test_a_stopped_worker_puts_its_task_back_and_one_that_is_cancelled_is_given_up(store: Store) -> None:
    number = ask(store, Heavy(word="wait"))
    worker, thread = at_work(store)
    wait_for(store, number, "wait, 2 of 2")
    worker.stop()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert queries.task(store, number).state == "queued"
    assert queries.workers(store) == []

    worker, thread = at_work(store, until_idle=True)
    wait_for(store, number, "wait, 2 of 2")
    assert inbox.stop_task(store, number)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert queries.task(store, number).state == "cancelled"


def test_the_lease_of_a_task_is_renewed_while_it_is_done(store: Store) -> None:
    number = ask(store, Heavy(word="wait"))
    worker, thread = at_work(store)
    wait_for(store, number, "wait, 2 of 2")
    me = writer.register_worker(store, "device", "cpu", 1, "here")
    assert tasks.claim_task(store, me, wants="device") is None
    worker.stop()
    thread.join(timeout=20)
    assert tasks.claim_task(store, me, wants="device") is not None
