"""Rows out of files: JSONL, JSON, CSV, Parquet, each also gzipped where it is text; a `datasets` folder; a hub id."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import DataError

MAX_LINE_CHARACTERS = 64 * 1024 * 1024


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
    target = Path(path).expanduser()
    if target.is_dir():
        return _saved_folder(target)
    if not target.exists():
        text = str(path)
        if text.count("/") == 1 and not target.suffix and text[0] not in "./~":
            return _hub(text)
        raise DataError(f"There is no file {path}.", "Check the path.")
    if target.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes).", "It needs one row at least.")
    suffixes = [suffix.lower() for suffix in target.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = (suffixes[:-1] if zipped else suffixes)[-1:]
    if kind in ([".jsonl"], [".ndjson"]):
        return _lines(target, zipped)
    if kind == [".json"]:
        return _json(target, zipped)
    if kind == [".csv"]:
        return _csv(target, zipped)
    if kind == [".parquet"] and not zipped:
        return _parquet(target)
    raise DataError(
        f"{path} has the ending {''.join(target.suffixes) or 'none'}, which says no container that can be read.",
        "Known: .jsonl, .ndjson, .json, .csv (each also with .gz), .parquet, a folder saved by `datasets`.",
    )


def _text(path: Path, zipped: bool) -> IO[str]:
    return gzip.open(path, "rt", encoding="utf-8") if zipped else path.open(encoding="utf-8")


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.")
    return DataError(f"{path} cannot be unpacked: {error}.", "It is cut short or no gzip file; fetch it again.")


def _lines(path: Path, zipped: bool) -> Rows:
    try:
        with _text(path, zipped) as file:
            while line := file.readline(MAX_LINE_CHARACTERS):
                if len(line) == MAX_LINE_CHARACTERS:
                    raise DataError(f"{path} has a line of over {MAX_LINE_CHARACTERS:,} characters.", "Is it JSONL?")
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError) as error:
                    cut = "" if line.endswith("\n") else "; the file ends within it"
                    yield NotARow("not JSON", f"{str(error)[:120]}{cut}")
                    continue
                yield value if isinstance(value, dict) else NotARow("not an object", type(value).__name__)
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise _unreadable(path, error) from error


def _json(path: Path, zipped: bool) -> Rows:
    try:
        with _text(path, zipped) as file:
            value = json.load(file)
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON: {str(error)[:200]}.", "It is cut short or damaged; mend or fetch it."
        ) from error
    if not isinstance(value, list):
        raise DataError(f"{path} holds {type(value).__name__}, not a list of rows.", "Give a list, or JSONL.")
    for row in value:
        yield row if isinstance(row, dict) else NotARow("not an object", type(row).__name__)


def _csv(path: Path, zipped: bool) -> Rows:
    try:
        with _text(path, zipped) as file:
            for row in csv.DictReader(file, strict=True):
                if None in row or None in row.values():
                    yield NotARow("more or fewer cells than columns", "")
                else:
                    yield dict(row)
    except csv.Error as error:
        raise DataError(f"{path} is not CSV: {error}.", "Check its quotes.") from error
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise _unreadable(path, error) from error


def _parquet(path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(f"{path} is not a Parquet file that can be read: {reason}.", "Fetch it again.") from error


def _saved_folder(path: Path) -> Rows:
    from datasets import Dataset, load_from_disk

    try:
        found = load_from_disk(str(path))
    except (FileNotFoundError, ValueError) as error:
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
    except (OSError, ValueError, ConnectionError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(
            f"{name} is no file here, and as a hub id it cannot be loaded: {reason}.", "Check the path or connection."
        ) from error
    yield from (dict(row) for row in found)
