"""Rows out of tables: Parquet, Arrow, and a folder that `datasets` saved, whose files are read one by one.

Nothing is unpickled, and of a saved folder no file is read that does not lie in it, whatever its state says.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.unpacked import Source
from engine.errors import DataError

MAX_BATCH = 1024 * 1024 * 1024
"""Bytes of a hundred rows of a table."""
AT_ONCE = 100
MAX_STATE = 4 * 1024 * 1024
"""Bytes of the file in which a saved folder names its files."""
SPOILT = (OSError, ValueError, LookupError, TypeError, OverflowError)
"""How a table says that it is damaged: ValueError stands for bad UTF-8 too, LookupError for a zone nobody knows."""
Table = Iterator[Mapping[str, Any]]


def rows_of_parquet(source: Source) -> Table:
    """The rows of a Parquet file; DataError for what is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source.path) as file:
            for batch in file.iter_batches(batch_size=AT_ONCE):
                yield from _rows_of(batch, source.name)
    except (pa.ArrowException, *SPOILT) as error:
        raise _no_table(source.name, "a Parquet", error) from error


def rows_of_arrow(source: Source) -> Table:
    """The rows of an Arrow file, or of a stream, as `datasets` writes it; DataError for what is none."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(source.path)) as mapped:
            try:
                file = pa.ipc.open_file(mapped)
                batches = (file.get_batch(n) for n in range(file.num_record_batches))
            except pa.ArrowInvalid:
                mapped.seek(0)
                batches = iter(pa.ipc.open_stream(mapped))
            for batch in batches:
                batch.validate(full=True)
                for first in range(0, batch.num_rows, AT_ONCE):
                    yield from _rows_of(batch.slice(first, AT_ONCE), source.name)
    except (pa.ArrowException, *SPOILT) as error:
        raise _no_table(source.name, "an Arrow", error) from error


def rows_of_saved(folder: Path) -> Table:
    """The rows of a folder saved by `datasets`, file by file as its state names them; DataError for what is none."""
    if not (folder / "state.json").is_file() and (folder / "dataset_dict.json").is_file():
        splits = _said(folder, "dataset_dict.json").get("splits")
        names = ", ".join(map(str, splits)) if isinstance(splits, list) else "it does not name"
        raise DataError(f"{folder} holds the splits {names[:200]}.", "Name the folder of one of them.")
    named = _said(folder, "state.json").get("_data_files")
    if not isinstance(named, list) or not all(isinstance(item, Mapping) for item in named):
        raise _not_saved(folder, "its state names no data files")
    files = [_within(folder, item.get("filename")) for item in named]
    for file in files:
        yield from rows_of_arrow(Source(file))


def _said(folder: Path, name: str) -> dict[str, Any]:
    file = _within(folder, name)
    try:
        if file.stat().st_size > MAX_STATE:
            raise _not_saved(folder, f"{name} is over {MAX_STATE:,} bytes")
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _not_saved(folder, f"{name}: {_first_line(error)}") from error
    if not isinstance(value, dict):
        raise _not_saved(folder, f"{name} holds {type(value).__name__}")
    return value


def _within(folder: Path, name: Any) -> Path:
    """The file of that bare name in the folder, also by where a link leads; DataError for any other."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # no path at all: not in the folder
        bare = isinstance(name, str) and name not in ("", "..") and Path(name).name == name
        if bare and (folder / name).resolve().parent == folder.resolve():
            return folder / str(name)
    shown = str(name)[:80].encode("utf-8", "backslashreplace").decode()
    raise DataError(f"{folder} names {shown!r}, which is no file that lies in it.", "Such a file is not read.")


def _rows_of(batch: Any, name: str) -> Table:
    if max(batch.nbytes, sum(_expanded(column) for column in batch.columns)) > MAX_BATCH:
        raise DataError(f"{name} has a hundred rows of over {MAX_BATCH:,} bytes.", "Is it a file of preferences?")
    columns = batch.schema.names
    if len(set(columns)) < len(columns):
        raise DataError(
            f"{name} has two columns of one name: {', '.join(map(str, columns))[:200]}.", "Name them apart."
        )
    yield from batch.to_pylist()


def _expanded(array: Any) -> int:
    """Bytes of what the rows of an array say, each value as often as it is said; `nbytes` counts a shared one once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, is_ = array.type, pa.types
    if not len(array):
        return 0
    if isinstance(array, pa.ExtensionArray):
        return _expanded(array.storage)
    if is_.is_dictionary(kind):
        of = kind.value_type
        if not any(check(of) for check in (is_.is_string, is_.is_large_string, is_.is_binary, is_.is_large_binary)):
            return len(array) * _expanded(array.dictionary)
        return int(pc.sum(pc.binary_length(array.dictionary).take(array.indices)).as_py() or 0)
    if is_.is_string_view(kind) or is_.is_binary_view(kind):
        first, last = 4 * array.offset, 4 * (array.offset + len(array))  # a view is 16 bytes, the first four its length
        lengths = np.frombuffer(array.buffers()[1], dtype=np.int32)[first:last:4]
        return int(np.maximum(lengths, 0).sum(dtype=np.int64))
    if is_.is_list_view(kind) or is_.is_large_list_view(kind) or is_.is_run_end_encoded(kind):
        return len(array) * _expanded(array.values)
    if is_.is_struct(kind):
        return sum(_expanded(child) for child in array.flatten())
    if any(check(kind) for check in (is_.is_list, is_.is_large_list, is_.is_fixed_size_list, is_.is_map)):
        return _expanded(array.flatten())
    return int(array.nbytes)


def _not_saved(folder: Path, reason: str) -> DataError:
    return DataError(f"{folder} is no folder saved by `datasets`: {reason}.", "Name a file, or such a folder.")


def _no_table(name: str, kind: str, error: Exception) -> DataError:
    return DataError(
        f"{name} is not {kind} file that can be read: {_first_line(error).rstrip('.')}.", "Fetch it again."
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
