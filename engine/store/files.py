"""Array files of a store: written under a temporary name, synced, renamed, and only then named in a row.

So a row without its file cannot exist; a file without a row is rubbish that can be swept. Reading checks size and
sha256. Arrays are safetensors, lists JSON; nothing is pickled.
"""

import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import StoreError


@dataclass(frozen=True)
class Written:
    """A file that is on disk: its path below the store's folder, size and sha256."""

    path: str
    bytes: int
    sha256: str


def write_bytes(folder: Path, path: str, content: bytes) -> Written:
    """Put the content in place, whole or not at all."""
    target = folder / path
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(
            f"{target} cannot be written: {error.strerror}.", "Free some disk space, then retry."
        ) from error
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return Written(path, len(content), hashlib.sha256(content).hexdigest())


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
