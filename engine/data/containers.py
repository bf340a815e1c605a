"""Rows out of files, one at a time: JSONL, JSON, CSV, Parquet, Arrow, a `datasets` folder, a hub id, several files.

Whatever stands in a file, it ends as rows, as a `NotARow` or as a DataError; memory stays bounded by the longest line
(for JSON by MAX_JSON: a smaller file is read whole, a larger one item by item).
"""

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.data.hub import rows_of_hub
from engine.data.json_list import items_of
from engine.data.places import files_of, sources_of
from engine.data.tables import rows_of_arrow, rows_of_parquet, rows_of_saved
from engine.data.unpacked import Source
from engine.errors import DataError

MAX_LINE = 16 * 1024 * 1024
"""Bytes of the longest line of JSONL, characters of CSV."""
MAX_JSON = 64 * 1024 * 1024
"""Bytes, unpacked, of a .json file that is read whole: what it holds takes up to twenty times as much memory where rows
are small. A larger one must be a list, and is read row by row."""
MOST_BLANK = 1_000_000
"""Lines without a character, one after the other: a minute's reading of nothing where a small file unpacks to them."""
BLOCK = 1024 * 1024


@dataclass(frozen=True)
class NotARow:
    """A line or record that is no mapping."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


Row = Mapping[str, Any] | NotARow
Rows = Iterator[Row]


class RowsOf:
    """The rows of several files, one after the other; `place` says where one stood.

    `commit` of a hub id, known with its first row: which state of it is read.
    """

    commit = ""

    def __init__(self, path: Path | str) -> None:
        files = files_of(path)
        folder = len(files) == 1 and files[0].is_dir()
        self._readings: list[tuple[str, Callable[[], Rows]]] = []
        if not files:
            self._readings = [(str(path), lambda: self._hub(str(path)))]
        elif folder:
            self._readings = [(str(path), lambda: rows_of_saved(files[0]))]
        else:
            self._readings = [(s.name, _reader(s)) for s in sources_of(files)]
        self._begun: list[tuple[int, str]] = []
        self._rows = self._all()

    def __iter__(self) -> Rows:
        return self

    def __next__(self) -> Row:
        return next(self._rows)

    def place(self, number: int) -> str:
        """ "b.jsonl, row 3" for a row by its number among all, from 1; "" where there is one file only."""
        if len(self._readings) == 1:
            return ""
        before, name = max((begun for begun in self._begun if begun[0] < number), default=(0, ""))
        return f"{Path(name).name}, row {number - before:,}"

    def _all(self) -> Rows:
        number = 0
        for name, reading in self._readings:
            self._begun.append((number, name))
            for row in reading():
                number += 1
                yield row

    def _hub(self, name: str) -> Rows:
        def told(commit: str) -> None:
            self.commit = commit

        yield from rows_of_hub(name, told)


def open_rows(path: Path | str) -> RowsOf:
    """The rows of a file, of several (a folder, a list with commas, a pattern), of a hub id or of the pipe ("-")."""
    return RowsOf(path)


def _reader(source: Source) -> Callable[[], Rows]:
    return lambda: _READERS[source.ending](source)


def _lines(source: Source) -> Rows:
    with source.bytes() as file:
        number = blank = 0
        while line := file.readline(MAX_LINE):
            number += 1
            blank = 0 if len(line) > 1 else blank + 1
            if blank > MOST_BLANK:
                raise DataError(
                    f"{source.name} has over {MOST_BLANK:,} blank lines in a row.", "Is it cut or overwritten?"
                )
            if len(line) == MAX_LINE and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield NotARow("a line that is too long", f"line {number} has over {MAX_LINE:,} bytes")
            elif line.strip():
                yield _object(line, number)


def _object(line: bytes, number: int) -> Mapping[str, Any] | NotARow:
    """A line of JSONL. It is decoded by itself, so that one bad byte costs one row and is named by its line."""
    try:
        value = _DECODER.decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return NotARow("not UTF-8", f"line {number}, byte {error.start + 1} of it")
    except _Twice as error:
        return NotARow("a key stands twice", f"line {number}: {error}")
    except (ValueError, RecursionError) as error:
        cut = "" if line.endswith(b"\n") else "; the file ends within it"
        return NotARow("not JSON", f"line {number}: {_why(error)}{cut}")
    return value if isinstance(value, dict) else NotARow("not an object", f"line {number}: {type(value).__name__}")


def _why(error: Exception) -> str:
    """What is wrong, without the language's own advice."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return str(error)[:120] if isinstance(error, json.JSONDecodeError) else "a number has too many digits"


class _Twice(ValueError):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1)[:80])
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _json(source: Source) -> Rows:
    name = source.name
    content = bytearray()
    with source.bytes() as file:
        while block := file.read(BLOCK):  # to ask for all of it at once would take that memory, however small it is
            content += block
            if len(content) > MAX_JSON:
                begun = (bytes(content[at : at + BLOCK]) for at in range(0, len(content), BLOCK))
                yield from _list_of(name, itertools.chain(begun, iter(lambda: file.read(BLOCK), b"")))
                return
    try:
        value = _DECODER.decode(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.") from error
    except _Twice as error:
        raise DataError(f"{name} has an object in which the key {str(error)!r} stands twice.", "Mend it.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{name} is not JSON: {_why(error)}.", "It is cut short or damaged; mend or fetch it."
        ) from error
    del content
    if not isinstance(value, list):
        raise DataError(f"{name} holds {type(value).__name__}, not a list of rows.", "Give a list, or JSONL.")
    for row in value:
        yield row if isinstance(row, dict) else NotARow("not an object", type(row).__name__)


def _list_of(name: str, blocks: Iterator[bytes]) -> Rows:
    try:
        for row in items_of(blocks, name, _DECODER, MAX_LINE):
            yield row if isinstance(row, dict) else NotARow("not an object", type(row).__name__)
    except _Twice as error:
        raise DataError(f"{name} has an object in which the key {str(error)!r} stands twice.", "Mend it.") from error


def _csv(source: Source) -> Rows:
    csv.field_size_limit(MAX_LINE)  # the module's own limit, 131,072, is shorter than real responses
    line, name = 0, source.name
    try:
        # newline="": a line break within quotes is part of the text and stays as it is.
        with source.bytes() as content, io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(_bounded(name, file), strict=True)
            columns = list(reader.fieldnames or ())
            parted = next((sign for sign in (";", "\t", "|") if sign in columns[0]), "") if len(columns) == 1 else ""
            if parted:
                by = "tabs" if parted == "\t" else repr(parted)
                said = f"{name} has one column, {columns[0][:80]!r}: its cells seem to be parted by {by}."
                raise DataError(said, "Save it with commas between them.")
            if len(set(columns)) < len(columns):
                twice = next(column for column in columns if columns.count(column) > 1)
                raise DataError(f"{name} has two columns of one name: {twice[:80]!r}.", "Name them apart.")
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    yield NotARow("more or fewer cells than columns", f"line {line}")
                else:
                    yield dict(row)
    except csv.Error as error:
        raise DataError(f"{name} is not CSV after line {line}: {error}.", "Check its quotes.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text after line {line}.", "Save it as UTF-8.") from error


def _bounded(name: str, file: IO[str]) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith("\n"):
            raise DataError(f"{name} has a line of over {MAX_LINE:,} characters.", "Is it what its ending says?")
        yield line


_READERS: dict[str, Callable[[Source], Rows]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": rows_of_parquet,
    ".arrow": rows_of_arrow,
    ".feather": rows_of_arrow,
}
