"""An export as files: the rows in their container, the card, the sidecar, and all in one archive."""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.data.export.card import table_of
from engine.data.export.make import Export
from engine.data.profiles.base import Container


def files_of(made: Export) -> dict[str, bytes]:
    """Path below the export's folder → content. A `datasets` folder takes `datasets`, which takes some seconds."""
    rows = _saved_folder(made) if made.container == "datasets" else {made.file: _WRITERS[made.container](made.rows)}
    if made.container == "csv" and made.audit:
        # Only here: what a trainer reads must be the text that was labelled, to the letter.
        rows = {made.file: _csv([_guarded(row) for row in made.rows])}
    return {
        **rows,
        **made.beside,
        "provenance.jsonl": _jsonl(made.provenance),
        **({"edits.jsonl": _jsonl(made.edits)} if made.edits else {}),
        "README.md": made.card.encode("utf-8", "surrogatepass"),
    }


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """The files below the folder, which may be new."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def archive(files: Mapping[str, bytes]) -> bytes:
    """All files as one zip, the same bytes for the same files."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as folder:
        for name, content in files.items():
            folder.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table_of(rows), sink)
    return sink.getvalue()


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    sink = io.StringIO()
    # RFC 4180's line ends: with them Python 3.11 quotes every text that holds a line break of any kind.
    writer = csv.DictWriter(sink, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode("utf-8", "surrogatepass")


def _guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """For people who open the CSV in a spreadsheet: a cell that begins like a formula gets an apostrophe."""
    return {k: f"'{v}" if isinstance(v, str) and v[:1] in tuple("=+-@\t\r") else v for k, v in row.items()}


def _saved_folder(made: Export) -> dict[str, bytes]:
    """What `Dataset.save_to_disk` writes: `datasets.load_from_disk` reads it."""
    from datasets import Dataset

    with tempfile.TemporaryDirectory() as scratch:
        Dataset(table_of(made.rows)).save_to_disk(scratch)
        return {f"{made.file}/{path.name}": path.read_bytes() for path in sorted(Path(scratch).iterdir())}


_WRITERS: dict[Container, Callable[[Sequence[Mapping[str, Any]]], bytes]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "csv": _csv,
}
