"""A copy that is taken while a worker writes is whole, and its runs go on; sweeping never takes what is needed."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import stage_of
from engine.store import queries, schema, writer
from engine.store.backup import backup
from engine.store.check import check
from engine.store.database import Store, now, open_store
from engine.store.history import load_events
from engine.store.labelled import salt_of
from engine.store.sweep import rubbish, sweep
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.store.processes import fresh_processes
from tests.engine.store.test_store import a_worker, events, queued, world
from tests.engine.worker.test_worker import scripted

SEEDS = tuple(range(1, 17))


def work(folder: str, started: Any) -> None:
    """A worker that saves one stage after the other, and drops a stage of every other run to do it again."""
    store = open_store(folder)
    worker = a_worker(store)
    started.set()
    while (claim := writer.claim_run(store, worker)) is not None:
        given = events(world())
        for event in given:
            writer.save_event(store, claim, event)
        if claim.config.seed % 2:
            writer.drop_stages(store, claim, keep=[(e.round, stage_of(e)) for e in given[:-2]])
            for event in given[-2:]:
                writer.save_event(store, claim, event)
        writer.set_state(store, claim.run_id, "done")


@pytest.fixture
def processes() -> Iterator[Any]:
    with fresh_processes() as context:
        yield context


def test_copies_taken_while_a_worker_writes_are_whole_and_their_runs_go_on(tmp_path: Path, processes: Any) -> None:
    store = open_store(tmp_path / "store")
    study_id = queued(store, seeds=SEEDS)
    started = processes.Event()
    worker = processes.Process(target=work, args=(str(store.folder), started))
    worker.start()
    assert started.wait(timeout=60)
    copies = []
    while worker.is_alive() or not copies:
        copies.append(backup(store, tmp_path / f"copy{len(copies)}"))
    worker.join()
    assert worker.exitcode == 0
    done = [sum(r.state == "done" for r in queries.study(open_store(c.folder), study_id).runs) for c in copies]
    assert done == sorted(done)
    assert any(0 < n < len(SEEDS) for n in done), "no copy was taken while the worker wrote"
    for copy in copies:
        assert copy.findings == ()
    copy = copies[next(i for i, n in enumerate(done) if 0 < n < len(SEEDS))]
    again = open_store(copy.folder)
    assert {r.state for r in queries.study(again, study_id).runs} == {"done", "queued"}
    Worker(again, "cpu", loop=scripted).work(until_idle=True)
    assert {r.state for r in queries.study(again, study_id).runs} == {"done"}
    assert check(copy.folder) == []
    shutil.rmtree(store.folder)
    run_id = queries.study(again, study_id).runs[0].id
    assert bits(load_events(again, run_id)[0][3:]) == bits(events(world())[3:])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run at work, after its third stage."""
    store = open_store(tmp_path / "store")
    queued(store)
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    for event in events(world())[:3]:
        writer.save_event(store, claim, event)
    return store


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_is_of_its_own(link: bool, store: Store, tmp_path: Path) -> None:
    """Bytes of its own as well, unless links are asked for: what goes bad on the disk must not go bad twice."""
    copied = backup(store, tmp_path / "copy", link=link)
    assert (copied.files, copied.linked, copied.findings) == (5, 5 * link, ())
    for path in store.folder.glob("files/*/*"):
        assert path.samefile(tmp_path / "copy" / path.relative_to(store.folder)) is link
    copy = open_store(tmp_path / "copy")
    (run,) = queries.study(copy, "tiny").runs
    assert (run.state, run.round) == ("queued", 1)
    assert queries.workers(copy) == []
    assert queries.study(store, "tiny").runs[0].state == "running"
    claim = writer.claim_run(copy, a_worker(copy))
    assert claim is not None
    writer.drop_stages(copy, claim, keep=[])
    sweep(copy, rubbish(copy, older_than_s=0))
    assert list((copy.folder / "files" / run.id).iterdir()) == []
    assert len(load_events(store, run.id)[0]) == 3


def test_where_no_link_can_be_made_the_bytes_are_copied(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    copied = backup(store, tmp_path / "copy", link=True)
    assert (copied.files, copied.linked, copied.findings) == (5, 0, ())


def test_a_labeller_keeps_the_number_in_a_copy(store: Store, tmp_path: Path) -> None:
    before = salt_of(store)
    backup(store, tmp_path / "copy")
    assert salt_of(open_store(tmp_path / "copy")) == before


def test_a_copy_is_refused_where_it_would_do_harm(store: Store, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        backup(store, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    with pytest.raises(StoreError, match="inside the store"):
        backup(store, store.folder / "copy")
    with pytest.raises(StoreError, match="No copy can be made"):
        backup(store, tmp_path / "full" / "mine.txt" / "copy")
    next(store.folder.glob("files/*/001-pooled*")).unlink()
    with pytest.raises(StoreError, match=r"001-pooled.* is missing"):
        backup(store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_copy_without_room_is_refused_and_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.files.RESERVE_BYTES", 10**18)
    monkeypatch.setattr("engine.store.files.RESERVE_SHARE", 1.0)
    with pytest.raises(StoreError, match="are kept free"):
        backup(store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_database_that_cannot_be_copied_is_a_sentence_and_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **how: connect(f"file:{path}?mode=ro", uri=True, **how))
    with pytest.raises(StoreError, match=r"The database cannot be copied into .*unable to open"):
        backup(store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_checkpoint_that_was_used_up_meanwhile_is_left_out(store: Store, tmp_path: Path) -> None:
    """Its stage is not done, so it begins anew in the copy."""
    run_id = queries.study(store, "tiny").runs[0].id
    with store.write() as connection:
        row = {"run_id": run_id, "round": 1, "stage": "trained", "name": "checkpoint", "bytes": 1, "sha256": "0"}
        connection.execute(schema.artefacts.insert().values(**row, path="files/x", created=now()))
    copied = backup(store, tmp_path / "copy")
    assert copied.findings == ()
    with open_store(tmp_path / "copy").read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.artefacts)).scalar() == 5


def test_only_what_no_row_names_is_rubbish(store: Store) -> None:
    (run,) = queries.study(store, "tiny").runs
    folder = store.folder / "files" / run.id
    named = {path.name for path in folder.iterdir()}
    for name, age in (("001-trained-x.bin", 7200), (".half.0123", 7200), ("young.bin", 60)):
        (folder / name).write_bytes(b"x" * age)
        os.utime(folder / name, (time.time() - age,) * 2)
    (store.folder / "cache" / ".half.npy").write_bytes(b"half")
    os.utime(store.folder / "cache" / ".half.npy", (time.time() - 7200,) * 2)
    found = rubbish(store)
    assert {(Path(item.path).name, item.why) for item in found} == {
        ("001-trained-x.bin", "no row names it"),
        (".half.0123", "left behind half written"),
        (".half.npy", "left behind half written"),
    }
    assert [item.bytes for item in found] == [7200, 7200, 4]
    assert {Path(item.path).name for item in rubbish(store, older_than_s=0)} >= {"young.bin"}
    assert sweep(store, found) == found
    assert {path.name for path in folder.iterdir()} == named | {"young.bin"}
    assert rubbish(store) == []


def test_the_cache_beyond_its_cap_is_rubbish_least_used_first(store: Store) -> None:
    for n in range(4):
        path = store.folder / "cache" / f"k{n}.npy"
        path.write_bytes(b"x" * 100)
        os.utime(path, (time.time() - 7200 - n,) * 2)
    found = rubbish(store, cap_bytes=250)
    assert [item.path for item in found] == ["cache/k2.npy", "cache/k3.npy"]


def test_a_file_that_is_named_or_written_anew_after_the_look_stays(store: Store) -> None:
    folder = store.folder / "files"
    for name in ("named", "anew", "rubbish", "gone"):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - 7200,) * 2)
    found = rubbish(store)
    assert len(found) == 4
    with store.write() as connection:
        row = {"name": "named", "path": "files/named", "bytes": 1, "sha256": "0", "created": now()}
        connection.execute(schema.artefacts.insert().values(**row))
    (folder / "anew").write_bytes(b"y")
    (folder / "gone").unlink()
    assert [item.path for item in sweep(store, found)] == ["files/rubbish"]
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"named", "anew"}


def test_sweeping_beside_a_worker_takes_nothing_it_needs(tmp_path: Path, processes: Any) -> None:
    store = open_store(tmp_path / "store")
    study_id = queued(store, seeds=SEEDS)
    started = processes.Event()
    worker = processes.Process(target=work, args=(str(store.folder), started))
    worker.start()
    assert started.wait(timeout=60)
    sweeps = 0
    while worker.is_alive():
        sweeps += 1
        sweep(store, rubbish(store))
    worker.join()
    assert worker.exitcode == 0
    assert sweeps
    assert {r.state for r in queries.study(store, study_id).runs} == {"done"}
    assert check(store.folder) == []
