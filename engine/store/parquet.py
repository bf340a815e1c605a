"""Questions to Parquet files: SQL by DuckDB, in bounded memory, with no reach beyond the files that are named."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import StoreError
from engine.store.files import megabytes

MEMORY_BYTES = 512_000_000
"""What a question may hold at most; what needs more is put aside on disk."""


def ask(
    sql: str, parameters: Sequence[Any] = (), *, columns: Mapping[str, str] | None = None, aside: Path | None = None
) -> dict[str, np.ndarray]:
    """Column → values (n,) of the answer: numbers as numpy's, NaN where there is none; texts as objects.

    Files are given as parameters, `read_parquet(?)`; a `{name}` in the question stands for the column that `columns`
    gives it, whatever that is called. `aside` is a folder for what does not fit in memory. StoreError if a file is gone
    or damaged, or memory does not suffice.
    """
    import duckdb

    sql = sql.format(**{name: _quoted(column) for name, column in (columns or {}).items()})
    config: dict[str, Any] = {
        "threads": 1,
        "memory_limit": f"{MEMORY_BYTES}B",
        "temp_directory": str(aside) if aside else "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as connection:
            # In a Jupyter without ipywidgets the switch itself is refused: no bar can be drawn there.
            with suppress(duckdb.InvalidInputException):
                connection.execute("SET enable_progress_bar = false")
            found = connection.execute(sql, list(parameters)).fetchnumpy()
    except duckdb.OutOfMemoryException as error:
        raise StoreError(
            f"A question to {_named(parameters)} needs more than {megabytes(MEMORY_BYTES)} of memory.",
            "Look at fewer rows.",
        ) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise StoreError(
            f"{_named(parameters)} cannot be read: {str(error).splitlines()[0]}", "It is made again when it is removed."
        ) from error
    return {name: _plain(values) for name, values in found.items()}


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _plain(values: Any) -> np.ndarray:
    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.dtype.kind in "iub" and values.mask.any():
        values = values.astype(np.float64)
    return np.asarray(values.filled(np.nan) if values.dtype.kind == "f" else values.filled())


def _named(parameters: Sequence[Any]) -> str:
    paths = (str(value) for value in parameters if isinstance(value, str) and value.endswith(".parquet"))
    return next(paths, "a Parquet file")
