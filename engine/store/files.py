"""Array files of a store: written under a temporary name, synced, renamed, and only then named in a row.

So a row without its file cannot exist; a file without a row is rubbish that can be swept. Reading checks size and
sha256. Arrays are safetensors, lists JSON; nothing is pickled. Some of the disk stays free, so that the database can
still say what happened.
"""

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import StoreError

RESERVE_BYTES = 200_000_000
RESERVE_SHARE = 0.01
"""A disk is full for us when less than `RESERVE_BYTES`, or than this share of a smaller disk, would be left."""


@dataclass(frozen=True)
class Room:
    """Bytes free on the disk of a folder, and bytes of them that are never taken."""

    free: int
    reserve: int

    def holds(self, size: int) -> bool:
        """Whether that many bytes more leave the reserve untouched."""
        return self.free - size >= self.reserve


def room_in(folder: Path) -> Room:
    """The room on the disk of a folder that is there; OSError if it is not."""
    disk = shutil.disk_usage(folder)
    return Room(disk.free, min(RESERVE_BYTES, int(disk.total * RESERVE_SHARE)))


@dataclass(frozen=True)
class Written:
    """A file that is on disk: its path below the store's folder, size and sha256."""

    path: str
    bytes: int
    sha256: str


def write_bytes(folder: Path, path: str, content: bytes) -> Written:
    """Put the content in place, whole or not at all; StoreError if it cannot be, or the disk's reserve would go."""
    target = folder / path
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        keep_room(target, len(content))
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):  # what stands in its way may stand in the way of this too
            temporary.unlink()
        raise StoreError(
            f"{target} cannot be written: {error.strerror}.", "Free some disk space, then retry."
        ) from error
    return Written(path, len(content), hashlib.sha256(content).hexdigest())


def keep_room(target: Path, size: int) -> None:
    """StoreError if `size` bytes more beside `target` would eat into the reserve."""
    room = room_in(target.parent)
    if not room.holds(size):
        raise StoreError(
            f"{target} cannot be written: it needs {megabytes(size)}, {megabytes(room.free)} of the disk are free, and "
            f"{megabytes(room.reserve)} are kept free.",
            "Free some disk space (`workbench store gc` lists what can go), then retry.",
        )


def megabytes(size: float) -> str:
    """A size for sentences: "0.4 MB", "1,250 MB", "76.0 GB"."""
    if size >= 10e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size < 100e6 else f"{size / 1e6:,.0f} MB"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as lasting as the files they stand for."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_bytes(folder: Path, written: Written) -> bytes:
    """The content; StoreError if the file is gone, cut or changed."""
    target = folder / written.path
    try:
        content = target.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{target} is missing.", "Its stage will be computed again.") from error
    except OSError as error:
        raise StoreError(f"{target} cannot be read: {error.strerror}.", "Its stage will be computed again.") from error
    if len(content) != written.bytes or hashlib.sha256(content).hexdigest() != written.sha256:
        raise StoreError(
            f"{target} is damaged: {len(content)} bytes, {written.bytes} were written, or other content.",
            "Its stage will be computed again.",
        )
    return content


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Named arrays as safetensors bytes: dtype, shape and every bit are kept, nothing is pickled."""
    from safetensors.numpy import save

    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def unpack(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of `pack`."""
    from safetensors.numpy import load

    return dict(load(content))
