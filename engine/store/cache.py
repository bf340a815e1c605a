"""The feature cache: arrays by content key, with a byte cap. Losing any of it costs time, never a result."""

import contextlib
import logging
import os
import time
import uuid
from pathlib import Path

import numpy as np

_log = logging.getLogger(__name__)
DEFAULT_CAP_BYTES = 4 * 1024**3
LEFT_BEHIND_S = 3600.0
"""A temporary file this old is of a process that was killed while it wrote."""


class FileCache:
    """Implements `engine.cache.ArrayCache` over .npy files; the least recently used go first.

    Several workers may share the folder: a file may be gone between any two looks at it.
    """

    def __init__(self, folder: Path, cap_bytes: int = DEFAULT_CAP_BYTES) -> None:
        self.folder = folder
        self.cap_bytes = cap_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> np.ndarray | None:
        """The array, or None if it is not there or cannot be read whole (then it is removed)."""
        path = self.folder / f"{key}.npy"
        try:
            value: np.ndarray = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (ValueError, OSError, EOFError):
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return value

    def put(self, key: str, value: np.ndarray) -> None:
        """Keep it, unless it alone is larger than the cap; then make room. A full disk is a warning, not an error."""
        if value.nbytes > self.cap_bytes:
            return
        temporary = self.folder / f".{key}.{uuid.uuid4().hex}.npy"
        try:
            np.save(temporary, value, allow_pickle=False)
            temporary.replace(self.folder / f"{key}.npy")
        except OSError as error:
            _log.warning("Not kept in the cache %s, so it will be computed again: %s.", self.folder, error.strerror)
            temporary.unlink(missing_ok=True)
        self._make_room()

    def bytes(self) -> int:
        """What it takes on disk."""
        return sum(size for _, size, _ in self._files())

    def _files(self) -> list[tuple[float, int, Path]]:
        """(last used, bytes, path) of all files, temporary ones too, the newest first."""
        found = []
        for path in self.folder.glob("*.npy"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return sorted(found, reverse=True)

    def _make_room(self) -> None:
        total, oldest = 0, time.time() - LEFT_BEHIND_S
        for used, size, path in self._files():
            total += size
            being_written = path.name.startswith(".") and used > oldest
            if not being_written and (total > self.cap_bytes or path.name.startswith(".")):
                path.unlink(missing_ok=True)
