"""Rows out of files: JSONL, JSON, CSV, Parquet, each also gzipped where it is text; a `datasets` folder; a hub id.

Whatever stands in a file, it ends as rows, as a `NotARow` or as a DataError; memory stays bounded by the longest line
(by the file, for JSON, which is read whole).
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import DataError

MAX_LINE = 64 * 1024 * 1024
"""Bytes of the longest line of JSONL, characters of CSV."""
MAX_JSON = 1024 * 1024 * 1024
"""Bytes, unpacked, of a .json file."""
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_BROKEN = (OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class NotARow:
    """A line or record that is no mapping."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


Rows = Iterator[Mapping[str, Any] | NotARow]


def open_rows(path: Path | str) -> Rows:
    """The rows of a file, a folder that `datasets` saved, or a hub id ("name/of-data"), one at a time."""
    text = str(path)
    if not text.strip():
        raise DataError("No data file is named: the path is empty.", "Name a file.")
    try:
        target = Path(path).expanduser()
        is_folder, is_there = target.is_dir(), target.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{text[:200]!r} is no path: {error.args[-1]}.", "Check the path.") from error
    suffixes = [suffix.lower() for suffix in target.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    reader = _READERS.get("".join((suffixes[:-1] if zipped else suffixes)[-1:]))
    if is_folder:
        return _saved_folder(target)
    if not is_there:
        if reader is None and _HUB_ID.fullmatch(text):
            return _hub(text)
        raise DataError(f"There is no file {path}.", "Check the path.")
    if target.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes).", "It needs one row at least.")
    if reader is None or (reader is _parquet and zipped):
        raise DataError(
            f"{path} has the ending {''.join(target.suffixes) or 'none'}, which says no container that can be read.",
            "Known: .jsonl, .ndjson, .json, .csv (each also with .gz), .parquet, a folder saved by `datasets`.",
        )
    return reader(target, zipped)


def _bytes(path: Path, zipped: bool) -> IO[bytes]:
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _broken(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"{path} cannot be read: {error.strerror}.", "Check who may read it.")
    return DataError(f"{path} cannot be unpacked: {error}.", "It is cut short or no gzip file; fetch it again.")


def _too_long(path: Path) -> DataError:
    return DataError(f"{path} has a line of over {MAX_LINE:,} characters.", "Is it what its ending says?")


def _lines(path: Path, zipped: bool) -> Rows:
    try:
        with _bytes(path, zipped) as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if len(line) == MAX_LINE:
                    raise _too_long(path)
                if line.strip():
                    yield _object(line, number)
    except _BROKEN as error:
        raise _broken(path, error) from error


def _object(line: bytes, number: int) -> Mapping[str, Any] | NotARow:
    """A line of JSONL. It is decoded by itself, so that one bad byte costs one row and is named by its line."""
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return NotARow("not UTF-8", f"line {number}, byte {error.start + 1} of it")
    except (ValueError, RecursionError) as error:
        cut = "" if line.endswith(b"\n") else "; the file ends within it"
        return NotARow("not JSON", f"line {number}: {str(error)[:120]}{cut}")
    return value if isinstance(value, dict) else NotARow("not an object", f"line {number}: {type(value).__name__}")


def _json(path: Path, zipped: bool) -> Rows:
    try:
        with _bytes(path, zipped) as file:
            content = file.read(MAX_JSON + 1)
    except _BROKEN as error:
        raise _broken(path, error) from error
    if len(content) > MAX_JSON:
        raise DataError(f"{path} is over {MAX_JSON:,} bytes; JSON is read whole.", "Give JSONL, a row a line.")
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON: {str(error)[:200]}.", "It is cut short or damaged; mend or fetch it."
        ) from error
    del content
    if not isinstance(value, list):
        raise DataError(f"{path} holds {type(value).__name__}, not a list of rows.", "Give a list, or JSONL.")
    for row in value:
        yield row if isinstance(row, dict) else NotARow("not an object", type(row).__name__)


def _csv(path: Path, zipped: bool) -> Rows:
    csv.field_size_limit(MAX_LINE)  # the module's own limit, 131,072, is shorter than real responses
    line = 0
    try:
        # newline="": a line break within quotes is part of the text and stays as it is.
        with io.TextIOWrapper(_bytes(path, zipped), encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(_bounded(path, file), strict=True)
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    yield NotARow("more or fewer cells than columns", f"line {line}")
                else:
                    yield dict(row)
    except csv.Error as error:
        raise DataError(f"{path} is not CSV after line {line}: {error}.", "Check its quotes.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text after line {line}.", "Save it as UTF-8.") from error
    except _BROKEN as error:
        raise _broken(path, error) from error


def _bounded(path: Path, file: IO[str]) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise _too_long(path)
        yield line


def _parquet(path: Path, zipped: bool) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:200]
        raise DataError(f"{path} is not a Parquet file that can be read: {reason}.", "Fetch it again.") from error


_READERS: dict[str, Callable[[Path, bool], Rows]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _saved_folder(path: Path) -> Rows:
    import pyarrow as pa
    from datasets import Dataset, load_from_disk

    try:
        found = load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(
            f"{path} is no folder saved by `datasets`: {error}.", "Name a file, or such a folder."
        ) from error
    if not isinstance(found, Dataset):
        raise DataError(f"{path} holds the splits {', '.join(found)}.", "Name the folder of one of them.")
    yield from (dict(row) for row in found)


def _hub(name: str) -> Rows:
    from datasets import load_dataset

    try:
        found = load_dataset(name, split="train", streaming=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(
            f"{name} is no file here, and as a hub id it cannot be loaded: {reason}.", "Check the path or connection."
        ) from error
    yield from (dict(row) for row in found)
