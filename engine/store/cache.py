"""The feature cache: arrays by content key, with a byte cap. Losing any of it costs time, never a result."""

import os
import uuid
from pathlib import Path

import numpy as np

DEFAULT_CAP_BYTES = 4 * 1024**3


class FileCache:
    """Implements `engine.cache.ArrayCache` over .npy files; the least recently used go first."""

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
        os.utime(path)
        return value

    def put(self, key: str, value: np.ndarray) -> None:
        """Keep it, unless it alone is larger than the cap; then make room."""
        if value.nbytes > self.cap_bytes:
            return
        temporary = self.folder / f".{key}.{uuid.uuid4().hex}.npy"
        np.save(temporary, value, allow_pickle=False)
        temporary.replace(self.folder / f"{key}.npy")
        self._make_room()

    def bytes(self) -> int:
        """What it takes on disk."""
        return sum(path.stat().st_size for path in self.folder.glob("*.npy"))

    def _make_room(self) -> None:
        files = sorted(((p.stat().st_mtime_ns, p.stat().st_size, p) for p in self.folder.glob("*.npy")), reverse=True)
        total = 0
        for _, size, path in files:
            total += size
            if total > self.cap_bytes:
                path.unlink(missing_ok=True)
