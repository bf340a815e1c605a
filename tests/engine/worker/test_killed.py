"""A worker is killed with SIGKILL, before any statement of SQL or in the middle of any file; another ends its run."""

import os
import shutil
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import sqlalchemy as sa

from engine.store import queries
from engine.store.database import open_store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.store.processes import fresh_processes
from tests.engine.store.test_store import queued
from tests.engine.worker.test_worker import rows, scripted

KILLS = 16


def work_until(folder: str, deadly: int, steps: "Queue[int]") -> None:
    """Do what there is to do, and die at the step of that number (0: at none); the lease lapses at once."""
    taken = count(1)

    def step(*given: Any) -> None:
        if next(taken) == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    sync = os.fsync

    def dying_sync(handle: int) -> None:
        step()  # a file under its temporary name, not yet renamed
        sync(handle)

    os.fsync = dying_sync
    store = open_store(folder)
    sa.event.listen(store.engine, "before_cursor_execute", step)
    Worker(store, "cpu", lease_s=-1.0, loop=scripted).work(until_idle=True)
    steps.put(next(taken))


@pytest.fixture
def processes() -> Iterator[Any]:
    with fresh_processes() as context:
        yield context


def test_killed_at_any_step_and_taken_over_it_ends_the_same(tmp_path: Path, processes: Any) -> None:
    study_id = queued(open_store(tmp_path / "queued"))
    shutil.copytree(tmp_path / "queued", tmp_path / "calm")
    steps = processes.Queue()
    process = processes.Process(target=work_until, args=(str(tmp_path / "calm"), 0, steps))
    process.start()
    total = steps.get(timeout=60)
    process.join()
    calm = open_store(tmp_path / "calm")
    run_id = queries.study(calm, study_id).runs[0].id
    undisturbed, _ = load_events(calm, run_id)
    assert len(undisturbed) == 7

    stages_kept = set()
    for kill in range(KILLS):
        folder = tmp_path / f"killed{kill}"
        shutil.copytree(tmp_path / "queued", folder)
        process = processes.Process(target=work_until, args=(str(folder), 2 + kill * (total - 3) // KILLS, steps))
        process.start()
        process.join(timeout=60)
        assert process.exitcode == -signal.SIGKILL
        store = open_store(folder)
        stages_kept.add(len(load_events(store, run_id)[0]))
        Worker(store, "cpu", loop=scripted).work(until_idle=True)
        assert queries.run(store, run_id).state == "done"
        assert rows(store) == rows(calm)
        assert bits(load_events(store, run_id)[0]) == bits(undisturbed)
        shutil.rmtree(folder)
    assert stages_kept >= set(range(7))
