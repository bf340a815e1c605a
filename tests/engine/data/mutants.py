"""Files that went wrong in some way: rows of every format in every container, cut, flipped, poisoned or mixed."""

import copy
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.contracts.rows import REFUSED, ROWS

Bytes = Callable[[bytes, np.random.Generator], bytes]
STRANGE: tuple[Any, ...] = (
    None, True, -1, 10**400, float("nan"), float("inf"), "", " ", "\0", "\ud800", [], {}, [[]], [None], {"role": 1},
    "x" * 5000, [{"role": "user", "content": None}], {"text": []}, "1e999", {"Rating": {}}, "<img src=x onerror=y>",
)  # fmt: skip


def rows_of(rng: np.random.Generator) -> list[Any]:
    """Rows of one format, bad ones among them; one time in five some of another format too."""
    names = list(ROWS)
    name = names[rng.integers(len(names))]
    rows: list[Any] = ROWS[name] * 4
    if rng.random() < 0.4:
        rows = rows + REFUSED[name]
    if rng.random() < 0.2:
        rows = rows + ROWS[names[rng.integers(len(names))]]
    rows = [json.loads(json.dumps(rows[n])) for n in rng.permutation(len(rows))]
    for _ in range(rng.integers(3)):
        spoil(rows[rng.integers(len(rows))], rng)
    return rows


def spoil(value: Any, rng: np.random.Generator) -> None:
    """Put something strange at some place within a row."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.7:
            value = value[key]
            continue
        value[key] = copy.deepcopy(STRANGE[rng.integers(len(STRANGE))])
        return


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows: list[Any]) -> bytes:
    """Parquet of what fits into columns; the rest as JSON."""
    sink = io.BytesIO()
    try:
        found = pa.Table.from_pylist(rows)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        names = sorted({name for row in rows for name in row})
        found = pa.table({name: [json.dumps(row.get(name)) for row in rows] for name in names})
    try:
        pq.write_table(found, sink)
    except pa.ArrowException:  # a column of empty mappings
        pq.write_table(pa.table({"prompt": ["p"]}), sink)
    return sink.getvalue()


def csv(rows: list[Any]) -> bytes:
    import csv as module

    text = io.StringIO()
    names = sorted({name for row in rows for name in row})
    writer = module.DictWriter(text, names)
    writer.writeheader()
    writer.writerows([{k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows])
    return text.getvalue().encode("utf-8", "surrogatepass")


def zipped(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/rows.jsonl", content)
        archive.writestr("b.md", "not read")
    return sink.getvalue()


WRITTEN: dict[str, Callable[[list[Any]], bytes]] = {
    "jsonl": jsonl,
    "json": lambda rows: json.dumps(rows).encode(),
    "csv": csv,
    "parquet": table,
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "jsonl.gz": lambda content: gzip.compress(content, 1),
    "jsonl.zst": lambda content: bytes(pa.Codec("zstd").compress(content, asbytes=True)),
    "zip": zipped,
}
KINDS = (*WRITTEN, *PACKED)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(1, len(content))]


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    changed = np.frombuffer(content, dtype=np.uint8).copy()
    places = rng.integers(len(changed), size=rng.integers(1, 9))
    changed[places] = rng.integers(256, size=len(places))
    return changed.tobytes()


def _insert(what: bytes) -> Bytes:
    def inserted(content: bytes, rng: np.random.Generator) -> bytes:
        place = rng.integers(len(content))
        return content[:place] + what + content[place:]

    return inserted


def _encoded(name: str) -> Bytes:
    return lambda content, rng: content.decode("latin-1").encode(name, "replace")


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    first, last = sorted(rng.integers(len(content), size=2))
    return content[:last] + content[first:last] * rng.integers(1, 20) + content[last:]


MUTATIONS: dict[str, Bytes] = {
    "as it is": lambda content, rng: content,
    "cut in the middle": _cut,
    "bytes changed": _flip,
    "NUL bytes": _insert(b"\0\0\0"),
    "another encoding": _encoded("utf-16"),
    "an old encoding": _insert("schön".encode("latin-1")),
    "nested deep": _insert(b'{"prompt": ' + b"[" * 10_000 + b"]" * 10_000 + b"}\n"),
    "a huge number": _insert(b"9" * 5000),
    "no number": _insert(b"NaN"),
    "a key twice": _insert(b'"prompt": "p", "prompt": "q", '),
    "a part again and again": _repeat,
    "a long line": _insert(b'"' + b"x" * 300_000 + b'"'),
    "quotes": _insert(b'"""'),
}


def mutant(n: int, rng: np.random.Generator, folder: Path) -> tuple[Path, str, str]:
    """The n-th file: where it lies, its kind, and what was done to it."""
    kind = KINDS[n % len(KINDS)]
    done = list(MUTATIONS)[(n // len(KINDS)) % len(MUTATIONS)]
    rows, path = rows_of(rng), folder / f"mutant.{kind}"
    if kind in WRITTEN:
        content = MUTATIONS[done](WRITTEN[kind](rows), rng)
    elif rng.random() < 0.7:
        content = PACKED[kind](MUTATIONS[done](jsonl(rows), rng))
    else:
        content = MUTATIONS[done](PACKED[kind](jsonl(rows)), rng)
    path.write_bytes(content)
    return path, kind, done
