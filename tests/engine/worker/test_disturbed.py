"""The real loop, disturbed in every way but a kill: the study ends to the bit as one that nobody disturbed."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine import claiming, resume
from engine.errors import TrainingError
from engine.records import STAGES
from engine.store import database, inbox, queries, schema, writer
from engine.store.database import Store, open_store
from engine.worker import Worker
from tests.engine.store.processes import fresh_processes
from tests.engine.worker.lives import ends, kill, left, queue, run_ids, study_of, to_the_end


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Path:
    """A store with a study of one run that waits for a worker."""
    folder = tmp_path_factory.mktemp("queued") / "store"
    queue(folder, study_of("recorded", tiny_model_dir, rounds=1)).engine.dispose()
    return folder


@pytest.fixture(scope="module")
def calm(queued: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same study, done without a disturbance."""
    store = copy_of(queued, tmp_path_factory.mktemp("calm") / "store")
    assert Worker(store, "cpu").work(until_idle=True) == 1
    return store


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "TROUBLE_S", 0.05)
    monkeypatch.setattr(resume, "EVERY_S", 0.0)


def copy_of(folder: Path, target: Path) -> Store:
    shutil.copytree(folder, target)
    return open_store(target)


def state(store: Store) -> str:
    return queries.run(store, run_ids(store)[0]).state


class Told(Worker):
    """Calls a function when a stage begins."""

    def __init__(self, store: Store, begins: Callable[[str], None]) -> None:
        super().__init__(store, "cpu")
        self.begins = begins

    def _say(self, sentence: str) -> None:
        if sentence.startswith("round 1, ") and (stage := sentence.removeprefix("round 1, ")) in STAGES:
            self.begins(stage)
        super()._say(sentence)


def test_told_to_end_in_every_stage(queued: Path, calm: Store, tmp_path: Path) -> None:
    shutil.copytree(queued, tmp_path / "calm")
    store = copy_of(queued, tmp_path / "told")
    with fresh_processes() as processes:
        moments = to_the_end(processes, tmp_path / "calm")
        del moments[(-1, "start")]
        for end in ends(moments, len(moments), seed=2):
            assert not kill(processes, store.folder, replace(end, number=signal.SIGTERM))  # it ends in order
            if state(store) != "done":  # told in its last moment it has nothing left to put back
                assert state(store) == "queued"
        to_the_end(processes, store.folder)
    assert left(store) == left(calm)


HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
held.execute("COMMIT")
"""


@pytest.mark.parametrize(("tries", "ends_as"), [(200, "done"), (2, "failed")])
@pytest.mark.parametrize("stage", ["picked", "evaluated"])
def test_another_process_locks_the_database(
    stage: str, tries: int, ends_as: str, queued: Path, calm: Store, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(claiming, "TRIES", tries)
    store = copy_of(queued, tmp_path / "locked")
    # Two tries are shorter than the lock, and longer than the worker's own words may hold it on a busy machine.
    sa.event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 400"))
    store.engine.dispose()
    holders: list[subprocess.Popen[str]] = []
    save = writer.save_event

    def save_under_lock(given: Store, claim: writer.Claim, event: Any) -> bool:
        if not holders and event.round == 1 and type(event).__name__.lower() == stage:
            command = [sys.executable, "-c", HOLD, str(store.folder / "workbench.db"), "1.5"]
            holders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            assert holders[0].stdout is not None and holders[0].stdout.readline() == "held\n"
        return save(given, claim, event)

    monkeypatch.setattr(writer, "save_event", save_under_lock)
    with caplog.at_level(logging.WARNING):
        Worker(store, "cpu").work(until_idle=True)
    assert holders[0].wait(10) == 0
    assert "locked by another process" in caplog.text and "tried again" in caplog.text
    assert state(store) == ends_as
    if ends_as == "failed":
        assert "locked by another process" in queries.run(store, run_ids(store)[0]).error
        inbox.command(store, "retry", run_id=run_ids(store)[0])
        Worker(store, "cpu").work(until_idle=True)
    assert left(store) == left(calm)


@pytest.mark.parametrize("told", [False, True])
def test_a_failure_that_cannot_be_written_is_written_later_or_taken_over(
    told: bool, queued: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not die of it: it waits for the database, or until it is told to end; then its lease ends."""
    store = copy_of(queued, tmp_path / "locked")
    sa.event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    store.engine.dispose()
    workers: list[Worker] = []
    holders: list[subprocess.Popen[str]] = []

    def failing(*given: Any) -> Iterator[Any]:
        command = [sys.executable, "-c", HOLD, str(store.folder / "workbench.db"), "1"]
        holders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert holders[0].stdout is not None and holders[0].stdout.readline() == "held\n"
        if told:
            workers[0].stop()
        raise TrainingError("The loss is not finite.")
        yield

    workers.append(Worker(store, "cpu", loop=failing))
    workers[0].work(until_idle=True)
    holders[0].wait(10)
    assert "locked by another process" in caplog.text and "tried again every" in caplog.text
    assert state(store) == ("running" if told else "failed")
    if not told:
        error = queries.run(store, run_ids(store)[0]).error
        assert error.startswith("The loss is not finite. If the config is the cause, a retry ends the same")


def test_a_write_waits_for_a_backup_tool_that_holds_the_database_for_a_minute(queued: Path) -> None:
    with open_store(queued).read() as connection:
        waits_ms = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    assert claiming.TRIES * waits_ms / 1000 >= 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no small disk: this user may not mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb") as file, pytest.raises(OSError, match="No space left"):
        while True:
            os.write(file.fileno(), bytes(4096))


def test_the_disk_is_full(small_disk: Path, queued: Path, calm: Store, caplog: pytest.LogCaptureFixture) -> None:
    store = copy_of(queued, small_disk / "store")
    run_id = run_ids(store)[0]
    filler = small_disk / "filler"
    filled: list[str] = []
    for stage in ("pooled", "scored", "picked", "trained", "evaluated"):

        def begins(now: str, stage: str = stage) -> None:
            if now == stage and stage not in filled:
                filled.append(stage)
                fill(filler)

        with caplog.at_level(logging.ERROR):
            worker = Told(store, begins)
            # It frees the disk when the worker has found that it cannot even say that it failed.
            worker._stop.wait = lambda timeout=None: filler.unlink(missing_ok=True) or False  # type: ignore[method-assign]
            worker.work(until_idle=True)
        filler.unlink(missing_ok=True)
        run = queries.run(store, run_id)
        assert run.state == "failed", stage
        assert "disk" in run.error.lower(), run.error
        inbox.command(store, "retry", run_id=run_id)
    Worker(store, "cpu").work(until_idle=True)
    assert state(store) == "done"
    assert left(store) == left(calm)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_file_is_found_and_its_stage_done_again(
    calm: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every file once, cut, changed or gone, the cache as well; labels are not bought again, nor counted as reused."""
    store = copy_of(calm.folder, tmp_path / "harmed")
    with store.read() as connection:
        files = connection.execute(sa.select(schema.artefacts).where(schema.artefacts.c.round == 1)).all()
        labels = connection.execute(sa.select(schema.labels)).all()
    for row, harm in zip(files, cycle((flip, halve, Path.unlink)), strict=False):
        harm(store.folder / row.path)
        for entry in list((store.folder / "cache").glob("*.npy"))[::2]:
            harm(entry)
        with store.write() as connection:
            connection.execute(schema.runs.update().values(state="queued"))
        caplog.clear()
        Worker(store, "cpu").work(until_idle=True)
        assert f"Round 1, {row.stage}, and what follows is computed again" in caplog.text
        assert left(store) == left(calm), row.name
    with store.read() as connection:
        assert connection.execute(sa.select(schema.labels)).all() == labels
    assert {row.stage for row in files} == set(STAGES) - {"labelled"}


def test_the_clock_jumps_back(queued: Path, calm: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = copy_of(queued, tmp_path / "clock")
    hours = [0]
    real = time.time

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(hours=hours[0])

    monkeypatch.setattr(database, "datetime", Clock)
    monkeypatch.setattr(time, "time", lambda: real() - 3600 * hours[0])
    other = writer.register_worker(store, "device", "cpu", 1, "here")
    taken: list[object] = []

    def begins(stage: str) -> None:
        hours[0] += 5
        taken.append(writer.claim_run(store, other))

    Told(store, begins).work(until_idle=True)
    assert taken == [None] * len(STAGES)
    assert state(store) == "done"
    assert left(store) == left(calm)
    with store.read() as connection:
        finished = connection.execute(sa.select(schema.stages.c.finished).order_by(sa.text("rowid"))).scalars().all()
    assert finished != sorted(finished)
