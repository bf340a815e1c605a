"""The bytes of a data file, unpacked where it is packed: gz, zst, or within a zip; never more than can be meant.

A small file that unpacks to a thousand times its size is no data. Nothing is ever unpacked onto the disk.
"""

import gzip
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import DataError

MOST_TIMES = 200
"""How many times its packed size a file may have, beyond FREE bytes."""
FREE = 64 * 1024 * 1024
MOST_MEMBERS = 10_000
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError)
PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class Source:
    """One file of rows: where it lies, its member of a zip, and what it is called in messages."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """Path, and the member behind it."""
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @property
    def ending(self) -> str:
        """The ending that says how rows stand in it, without that of its packing: ".jsonl"."""
        suffixes = [suffix.lower() for suffix in Path(self.member or self.path.name).suffixes]
        return "".join((suffixes[:-1] if self.packing else suffixes)[-1:])

    @property
    def packing(self) -> str:
        """ ".gz", ".zst" or nothing."""
        last = Path(self.member or self.path.name).suffix.lower()
        return last if last in PACKED else ""

    @contextmanager
    def bytes(self) -> Iterator[IO[bytes]]:
        """Its unpacked bytes; DataError for what cannot be read or unpacked, or unpacks to far too much."""
        try:
            with self.path.open("rb") as file:
                if self.member:
                    with zipfile.ZipFile(file) as archive, archive.open(self.member) as inner:
                        size = max(1, archive.getinfo(self.member).compress_size)
                        yield _guarded(_unpacked(inner, self.packing), size, self.name)
                elif self.packing:
                    yield _guarded(_unpacked(file, self.packing), self.path.stat().st_size, self.name)
                else:
                    yield file
        except BROKEN as error:
            raise broken(self.name, error) from error


def members(path: Path) -> list[str]:
    """The files of a zip, in its order; DataError if it is none, or a name climbs out of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = [item.filename for item in archive.infolist() if not item.is_dir()]
    except BROKEN as error:
        raise broken(str(path), error) from error
    climbing = [name for name in found if name.startswith(("/", "\\")) or ".." in Path(name.replace("\\", "/")).parts]
    if climbing:
        raise DataError(f"{path} holds {climbing[0][:80]!r}, a path that leads out of it.", "Such a file is not read.")
    if len(found) > MOST_MEMBERS:
        raise DataError(f"{path} holds {len(found):,} files; {MOST_MEMBERS:,} are allowed.", "Pack fewer together.")
    if len(set(found)) < len(found):
        twice = next(name for name, n in Counter(found).items() if n > 1)
        raise DataError(
            f"{path} holds two files of one name: {twice[:80]!r}.", "Pack it anew, each under its own name."
        )
    return [name for name in found if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]


def broken(name: str, error: BaseException) -> DataError:
    """The sentence for a file that cannot be read or unpacked."""
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"{name} cannot be read: {error.strerror}.", "Check who may read it.")
    said = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    return DataError(f"{name} cannot be unpacked: {said}.", "It is cut short, damaged or locked; fetch it again.")


def _unpacked(file: IO[bytes], packing: str) -> IO[bytes]:
    if packing == ".gz":
        return gzip.open(file, "rb")  # type: ignore[return-value]
    if packing == ".zst":
        import pyarrow as pa

        stream: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
        return stream
    return file


class _Counted(io.RawIOBase):
    """Reads on, until more came out than was meant."""

    def __init__(self, inner: IO[bytes], most: int, name: str) -> None:
        self._inner, self._left, self._name = inner, most, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            found = self._inner.read(len(buffer)) or b""
        except ValueError as error:  # how Arrow says that a stream is damaged
            raise EOFError(str(error)) from error
        self._left -= len(found)
        if self._left < 0:
            raise DataError(
                f"{self._name} unpacks to more than {MOST_TIMES} times its size.",
                "No data does; if this one is sound, unpack it yourself and name what came out.",
            )
        buffer[: len(found)] = found
        return len(found)


def _guarded(file: IO[bytes], packed: int, name: str) -> IO[bytes]:
    counted: Any = _Counted(file, FREE + MOST_TIMES * packed, name)
    return io.BufferedReader(counted, 1 << 20)
