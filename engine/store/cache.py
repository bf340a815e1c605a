"""The feature cache: arrays by content key, with a byte cap. Losing any of it costs time, never a result.

What a server answered may have cost money (keys that begin with `engine.cache.PAID`): it goes when all else is gone.
An entry is an .npy file with the sha256 of its bytes behind it, which numpy leaves unread. Damaged entries are dropped.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from engine.cache import PAID
from engine.errors import StoreError
from engine.store.files import room_in

_log = logging.getLogger(__name__)
DEFAULT_CAP_BYTES = 4 * 1024**3
LEFT_BEHIND_S = 3600.0
"""A temporary file this old is of a process that was killed while it wrote."""
_SUM, _HEADER = hashlib.sha256().digest_size, 256
"""Bytes of a checksum, and at most of all that stands around an array's own bytes."""


class FileCache:
    """Implements `engine.cache.ArrayCache` over .npy files; the least recently used go first, those paid for last.

    Several workers may share the folder: a file may be gone between any two looks at it. Finished entries never take
    more than the cap, whoever wrote them; what is being written comes on top. So a stage whose arrays take more than
    the cap together pushes out its own first ones, and computes those again if it is killed.
    """

    def __init__(self, folder: Path, cap_bytes: int = DEFAULT_CAP_BYTES) -> None:
        self.folder = folder
        self.cap_bytes = cap_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> np.ndarray | None:
        """The array, or None if it is not there or not what was written (then it is removed)."""
        path = self.folder / f"{key}.npy"
        try:
            value = read_entry(path)
        except FileNotFoundError:
            return None
        except (ValueError, OSError, EOFError) as error:
            _log.warning("Dropped from the cache, so it will be computed again: %s: %s", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return value

    def put(self, key: str, value: np.ndarray) -> None:
        """Make room and keep it, unless it alone is larger than the cap. A full disk is a warning, not an error."""
        size = value.nbytes + _HEADER
        if size > self.cap_bytes:
            return
        temporary = self.folder / f".{key}.{uuid.uuid4().hex}.npy"
        try:
            if not room_in(self.folder).holds(size):
                raise OSError(0, "too little of the disk is free")
            _write_entry(temporary, value)
            with self._alone():
                self._make_room(temporary.stat().st_size, key)
                temporary.replace(self.folder / f"{key}.npy")
        except OSError as error:
            _log.warning("Not kept in the cache %s, so it will be computed again: %s.", self.folder, error.strerror)
            with contextlib.suppress(OSError):
                temporary.unlink()

    def mapped(self, key: str, rows: int, blocks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
        """The array (`rows`, d) as a read-only map of its file, which holds none of it in memory.

        Where it is not there it is written block by block, blocks (n, d) in order; one larger than the cap lies in a
        file without a name, which is gone when nobody reads it any more. StoreError where the disk cannot hold it.
        """
        path = self.folder / f"{key}.npy"
        try:
            with path.open("rb") as file:
                _check(file)
                found = _map(file)
            with contextlib.suppress(OSError):
                os.utime(path)
            return found
        except FileNotFoundError:
            pass
        except (ValueError, OSError, EOFError) as error:
            _log.warning("Dropped from the cache, so it will be computed again: %s: %s", path, error)
            path.unlink(missing_ok=True)
        temporary = self.folder / f".{key}.{uuid.uuid4().hex}.npy"
        try:
            with temporary.open("w+b") as file:
                _write_blocks(file, rows, blocks(), self.folder)
                found = _map(file)
            if temporary.stat().st_size <= self.cap_bytes:
                with self._alone():
                    self._make_room(temporary.stat().st_size, key)
                    temporary.replace(path)
            return found
        except OSError as error:
            raise StoreError(
                f"The arrays of this step cannot be written to {self.folder}: {error.strerror or error}.",
                "Make room on that disk, or ask for less at once.",
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def bytes(self) -> int:
        """What it takes on disk."""
        return sum(size for _, size, _ in self.files())

    def files(self) -> list[tuple[float, int, Path]]:
        """(last used, bytes, path) of all files, temporary ones too, the newest first."""
        found = []
        for path in self.folder.glob("*.npy"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return sorted(found, reverse=True)

    def too_much(self, coming: int = 0, key: str = "") -> list[tuple[float, int, Path]]:
        """The files that must go so that `coming` bytes under that key fit, and those that a killed writer left."""
        total, oldest, going = coming, time.time() - LEFT_BEHIND_S, []
        for used, size, path in sorted(self.files(), key=lambda file: not file[2].name.startswith(PAID)):
            if path.name.startswith("."):
                going += [(used, size, path)] if used <= oldest else []
            elif path.stem != key:
                total += size
                going += [(used, size, path)] if total > self.cap_bytes else []
        return going

    def _make_room(self, coming: int, key: str) -> None:
        for _, _, path in self.too_much(coming, key):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time counts and adds; the lock goes with the process that holds it."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _write_blocks(file: BinaryIO, rows: int, blocks: Iterable[np.ndarray], folder: Path) -> None:
    """As `_write_entry`, of an array (`rows`, d) that comes in blocks (n, d) of float32; OSError if it has no room."""
    begun, written = False, 0
    for block in blocks:
        if not begun:
            shape = (rows, *block.shape[1:])
            if not room_in(folder).holds(int(np.prod(shape)) * block.itemsize + _HEADER):
                raise OSError(0, "too little of the disk is free")
            header = {"descr": np.lib.format.dtype_to_descr(block.dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            begun = True
        file.write(np.ascontiguousarray(block).data)
        written += len(block)
    if written != rows:
        raise ValueError(f"{written:,} rows came for an array of {rows:,}.")
    _sign(file)


def _sign(file: BinaryIO) -> None:
    """Behind the file's bytes their sha256."""
    file.flush()
    file.seek(0)
    checksum = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
    file.seek(0, os.SEEK_END)
    file.write(checksum)


def _write_entry(path: Path, value: np.ndarray) -> None:
    """The array, and behind it the sha256 of its bytes; no copy of it is made in memory."""
    with path.open("w+b") as file:
        np.save(file, value, allow_pickle=False)
        _sign(file)


def read_entry(path: Path) -> np.ndarray:
    """The array of a cache file; ValueError if its bytes are not those that were written, OSError if it is gone."""
    with path.open("rb") as file:
        _check(file)
        file.seek(0)
        value: np.ndarray = np.load(file, allow_pickle=False)
        return value


def _check(file: BinaryIO) -> None:
    """ValueError if the bytes of a cache file are not those that were written."""
    left, digest = os.fstat(file.fileno()).st_size - _SUM, hashlib.sha256()
    while left > 0 and (block := file.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
    if left or file.read() != digest.digest():
        raise ValueError("it is cut, changed, or of an older version without a checksum.")


def _map(file: BinaryIO) -> np.ndarray:
    """The array of an open cache file as a read-only map; it holds while somebody reads it, whatever its name does."""
    file.seek(0)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.asarray(np.memmap(file, dtype=dtype, mode="r", shape=shape, offset=file.tell()))
