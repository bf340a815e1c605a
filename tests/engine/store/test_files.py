"""Files that are whole or not there, and the cache, which may lose anything but never harms."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine.cache import cached
from engine.errors import StoreError
from engine.store import files
from engine.store.cache import FileCache
from engine.store.files import pack, read_bytes, unpack, write_bytes
from tests.engine.store.bits import bits
from tests.engine.store.processes import fresh_processes


def test_files_are_whole_or_not_there_and_are_checked(tmp_path: Path) -> None:
    written = write_bytes(tmp_path, "a/b.bin", b"abc")
    assert read_bytes(tmp_path, written) == b"abc"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.bin"]
    (tmp_path / "a/b.bin").write_bytes(b"abd")
    with pytest.raises(StoreError, match="damaged"):
        read_bytes(tmp_path, written)
    (tmp_path / "a/b.bin").unlink()
    with pytest.raises(StoreError, match="missing"):
        read_bytes(tmp_path, written)
    (tmp_path / "a/b.bin").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        read_bytes(tmp_path, written)
    with pytest.raises(StoreError, match="cannot be written"):
        write_bytes(tmp_path, "a/b.bin", b"abc")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.bin"]


def test_what_stands_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        write_bytes(tmp_path, "a/b.bin", b"abc")


def test_some_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = files.room_in(tmp_path)
    assert room.holds(0) == (room.free >= room.reserve)
    assert not room.holds(room.free - room.reserve + 1)
    monkeypatch.setattr(files, "RESERVE_BYTES", 10**18)
    monkeypatch.setattr(files, "RESERVE_SHARE", 1.0)
    with pytest.raises(
        StoreError, match=r"it needs 0\.0 MB, [\d,.]+ [MG]B of the disk are free, and [\d,.]+ [MG]B are kept"
    ):
        write_bytes(tmp_path, "a/b.bin", b"abc")
    assert list((tmp_path / "a").iterdir()) == []
    cache = FileCache(tmp_path / "cache")
    cache.put("k", np.zeros(10))
    assert cache.get("k") is None
    monkeypatch.undo()
    cache.put("k", np.zeros(10))
    assert cache.get("k") is not None
    assert list((tmp_path / "cache").glob(".*")) == []


def test_arrays_keep_shape_and_type(tmp_path: Path) -> None:
    arrays = {
        "none": np.zeros((0, 3), dtype=np.float32),
        "one": np.array(1.5),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "yes": np.array([True, False]),
        "whole": np.array([[1, -2]], dtype=np.int64),
    }
    assert bits(unpack(pack(arrays))) == bits({name: np.asarray(a, order="C") for name, a in arrays.items()})


def test_the_cache_keeps_its_cap_and_survives_damage(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, cap_bytes=5000)
    for i in range(10):
        cache.put(f"k{i}", np.full(100, i, dtype=np.float64))
    assert cache.bytes() <= 5000
    assert cache.get("k0") is None
    last = cache.get("k9")
    assert last is not None
    assert last[0] == 9
    (tmp_path / "k9.npy").write_bytes(b"junk")
    assert cache.get("k9") is None
    cache.put("huge", np.zeros(10_000))
    assert cache.get("huge") is None


@pytest.mark.parametrize("where", ["header", "number", "checksum", "cut"])
def test_a_flipped_bit_in_the_cache_is_found_and_the_array_computed_again(
    where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache, values = FileCache(tmp_path), np.arange(100.0)
    cache.put("k", values)
    path = tmp_path / "k.npy"
    assert bits(np.load(path, allow_pickle=False)) == bits(values)  # numpy reads it as it is
    content = bytearray(path.read_bytes())
    content[{"header": 30, "number": 500, "checksum": -1, "cut": 0}[where]] ^= 1
    path.write_bytes(content[:-1] if where == "cut" else content)
    assert cache.get("k") is None
    assert "will be computed again" in caplog.text
    assert not path.exists()
    again, was_there = cached(cache, "k", lambda: values)
    assert not was_there
    assert bits(cache.get("k")) == bits(again) == bits(values)


def fill_cache(folder: str, name: str, cap: int) -> None:
    """What a worker does: keep many arrays, some of them under names that others use too."""
    cache = FileCache(Path(folder), cap_bytes=cap)
    for i in range(60):
        cache.put(f"{name if i % 3 else 'all'}{i}", np.zeros(50 + 10 * (i % 9)))


def test_the_cap_holds_while_several_processes_write(tmp_path: Path) -> None:
    cap, most = 6000, 0
    with fresh_processes() as context:
        writers = [context.Process(target=fill_cache, args=(str(tmp_path), name, cap)) for name in "abc"]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            # Listing is not at one moment, so a file may be counted beside the one that took its place: one entry more.
            most = max(most, sum(size for _, size, path in FileCache(tmp_path, cap).files() if path.name[0] != "."))
        for writer in writers:
            writer.join()
            assert writer.exitcode == 0
    kept = FileCache(tmp_path, cap).files()
    assert 0 < sum(size for _, size, _ in kept) <= cap
    assert most <= 2 * cap
    assert all(FileCache(tmp_path, cap).get(path.stem) is not None for _, _, path in kept)


def test_what_was_used_last_stays_longest(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, cap_bytes=3000)
    for age, key in enumerate(("new", "middle", "old")):
        cache.put(key, np.zeros(100))
        os.utime(tmp_path / f"{key}.npy", (1e9 - age, 1e9 - age))
    assert cache.get("old") is not None
    cache.put("next", np.zeros(100))
    assert {p.stem for p in tmp_path.glob("*.npy")} == {"next", "old", "new"}


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, cap_bytes=5000)
    (tmp_path / ".left.npy").write_bytes(b"x" * 400)
    os.utime(tmp_path / ".left.npy", (time.time() - 4000,) * 2)
    (tmp_path / ".now.npy").write_bytes(b"x" * 400)
    cache.put("k", np.zeros(10))
    assert {p.name for p in tmp_path.iterdir()} == {".now.npy", "k.npy"}


def test_no_room_for_the_cache_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = FileCache(tmp_path / "cache")
    (tmp_path / "cache").rmdir()
    cache.put("k", np.zeros(10))
    assert "will be computed again" in caplog.text
    assert cache.get("k") is None


def test_workers_that_share_a_cache_do_not_trip_over_each_other(tmp_path: Path) -> None:
    troubles: list[BaseException] = []

    def use(name: str) -> None:
        cache = FileCache(tmp_path, cap_bytes=4000)
        try:
            for i in range(150):
                cache.put(f"{name}{i % 7}", np.zeros(100))
                found = cache.get(f"a{i % 7}")
                assert found is None or found.shape == (100,)
        except (OSError, AssertionError) as error:
            troubles.append(error)

    threads = [threading.Thread(target=use, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
