"""Arrays of the cache that are written block by block and read where they lie."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import StoreError
from engine.store import cache as cache_module
from engine.store.cache import FileCache
from engine.store.files import Room


def in_blocks(n: int = 10, width: int = 3) -> Callable[[], Iterator[np.ndarray]]:
    whole = np.arange(n * width, dtype=np.float32).reshape(n, width)
    return lambda: (whole[start : start + 4] for start in range(0, n, 4))


def test_an_array_that_comes_in_blocks_lies_in_its_file_and_is_read_there(tmp_path: Path) -> None:
    cache, asked = FileCache(tmp_path), []

    def blocks() -> Iterator[np.ndarray]:
        asked.append(1)
        return in_blocks()()

    found = cache.mapped("key", 10, blocks)
    expected = np.arange(30, dtype=np.float32).reshape(10, 3)
    assert np.array_equal(found, expected)
    assert not found.flags.writeable
    assert isinstance(found.base, np.memmap)
    kept = cache.get("key")
    assert kept is not None
    assert np.array_equal(kept, expected), "`get` reads what `mapped` wrote"
    assert np.array_equal(cache.mapped("key", 10, blocks), expected)
    cache.put("other", expected)
    assert np.array_equal(cache.mapped("other", 10, blocks), expected), "and the other way round"
    assert len(asked) == 1
    whole = (tmp_path / "key.npy").read_bytes()
    (tmp_path / "key.npy").unlink()
    (tmp_path / "key.npy").write_bytes(whole[:-40])
    assert np.array_equal(cache.mapped("key", 10, blocks), expected)
    assert len(asked) == 2
    assert np.array_equal(found, expected), "what is read already stays as it is"


def test_an_array_larger_than_the_cap_is_read_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = FileCache(tmp_path, cap_bytes=100).mapped("key", 10, in_blocks())
    assert found.sum() == np.arange(30).sum()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="10 rows came for an array of 12"):
        FileCache(tmp_path).mapped("key", 12, in_blocks())
    monkeypatch.setattr(cache_module, "room_in", lambda folder: Room(10, 5))
    with pytest.raises(StoreError, match=r"cannot be written to .*too little of the disk is free"):
        FileCache(tmp_path).mapped("key", 10, in_blocks())
    assert list(tmp_path.iterdir()) == []
