"""A round as a table: scores and signals of all its candidates in one Parquet file of the cache, asked by queries.

A finished round never changes, so its table is made once: by the worker that scored it, or by whoever asks first where
it is gone. It is named after the checksums of the files that it is made of. Losing it costs time, never a result.
"""

import contextlib
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import Event, Picked
from engine.signals.base import SIGNALS
from engine.store import schema as s
from engine.store.database import Store
from engine.store.files import keep_room
from engine.store.parquet import ask
from engine.store.scored import scores
from engine.store.summaries import SCORE, Quantity

_log = logging.getLogger(__name__)
CAP_BYTES = 4 * 1024**3
"""What all tables of a store take at most; those that nobody has asked for longest go first."""
LEFT_BEHIND_S = 3600.0
ROWS = 1 << 16
"""Rows of a group: by their ranges of ids a question for single pairs reads few groups."""
VERSION = "1"
_END = b"PAR1"
PARTS = {"mean": "mean of the two responses", "gap": "difference of the two responses"}
"""What a signal of responses says of a pair; the sides are in the order of hashes, so a difference has no sign."""


def table_of(store: Store, run_id: str, round_number: int) -> Path | None:
    """The round's table, made if it is not there; None before the round was scored. StoreError: a file is damaged.

    Rows are pairs, in the order of ids: pair_id, then a column a quantity (`quantities_of`), null where there is none.
    """
    of = s.artefacts.c
    wanted = (of.run_id == run_id) & (of.round == round_number) & of.stage.in_(("pooled", "scored"))
    with store.read() as connection:
        rows = connection.execute(sa.select(of.stage, of.name, of.sha256).where(wanted).order_by(of.name)).all()
        of_signals = (s.stages.c.run_id == run_id) & (s.stages.c.round == round_number) & (s.stages.c.stage == "scored")
        detail = connection.execute(sa.select(s.stages.c.detail).where(of_signals)).scalar()
    if detail is None:
        return None
    digest = hashlib.sha256("\n".join([VERSION, *(row.sha256 for row in rows)]).encode()).hexdigest()[:16]
    path = store.folder / "cache" / "rounds" / f"{run_id}-{round_number:03d}-{digest}.parquet"
    with contextlib.suppress(OSError):
        os.utime(path)
        if _is_whole(path):
            return path
    _write(path, _table(scores(store, run_id, round_number), detail["signals"]))
    return path


def _is_whole(path: Path) -> bool:
    """Whether it ends as Parquet does: a machine that lost its power may have kept the name and not the bytes."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(_END)))
        return file.read() == _END


def make_table(store: Store, run_id: str, event: Event) -> None:
    """For a worker, of what it has just saved: the table of a round that has its picks, before anybody asks for it.

    What goes wrong is a warning, no end of the run: who asks makes the table.
    """
    if isinstance(event, Picked):
        try:
            table_of(store, run_id, event.round)
        except (StoreError, OSError) as error:
            _log.warning("The table of round %d of %s is made when it is asked for: %s", event.round, run_id, error)


def quantities_of(path: Path) -> tuple[Quantity, ...]:
    """What the table holds of its pairs: the score first, if there is one, then what each signal says of a pair."""
    found = []
    for field in pq.read_schema(path):
        if field.name == SCORE:
            found.append(
                Quantity(SCORE, "score", "no unit", "What the strategy gave the pair: higher is labelled sooner.")
            )
        elif field.name != "pair_id":
            about = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
            kind = SIGNALS.get(about["signal"]) if about["signal"] in SIGNALS.names() else None
            title = kind.heading() if kind else about["signal"]
            part = PARTS.get(about["part"])
            meaning = kind.summary() if kind else "A signal whose plugin is not here."
            found.append(
                Quantity(field.name, f"{title}, {part}" if part else title, about["unit"], meaning, about["made_on"])
            )
    return tuple(found)


def candidates_in(path: Path) -> int:
    """How many pairs the table holds."""
    return int(pq.read_metadata(path).num_rows)


def ordered(path: Path, key: str) -> np.ndarray:
    """The values of a quantity in rising order, (n,) read-only; pairs without one left out."""
    sql = "SELECT {v} AS v FROM read_parquet(?) WHERE {v} IS NOT NULL"
    found = np.sort(ask(sql, [str(path)], columns={"v": key})["v"])
    found.setflags(write=False)
    return found


def values_of(path: Path, key: str, pair_ids: Collection[str]) -> pd.Series:
    """Pair → its value, NaN where it has none, in the order given; those that are no candidates are left out."""
    sql = "SELECT pair_id, {v} AS v FROM read_parquet(?) WHERE pair_id IN (SELECT unnest(?::VARCHAR[]))"
    found = ask(sql, [str(path), list(pair_ids)], columns={"v": key})
    known = dict(zip(found["pair_id"].tolist(), found["v"].tolist(), strict=True))
    there = [pair_id for pair_id in dict.fromkeys(pair_ids) if pair_id in known]
    return pd.Series([known[pair_id] for pair_id in there], index=there, dtype=found["v"].dtype, name=key)


def candidates_among(path: Path, pair_ids: Collection[str]) -> list[str]:
    """Those of the pairs that the table holds."""
    values: list[str] = values_of(path, "pair_id", pair_ids).index.tolist()
    return values


def between(path: Path, key: str, low: float, high: float, limit: int, *, below: bool = False) -> tuple[list[str], int]:
    """The pairs whose value lies there, the highest first, `limit` at most; and how many there are in all.

    Both ends belong to it, but the upper one if it goes to `below` that number.
    """
    where = "FROM read_parquet(?) WHERE {v} >= ? AND ({v} < ? OR ({v} = ? AND NOT ?))"
    of, columns = [str(path), low, high, high, below], {"v": key}
    n = int(ask(f"SELECT count(*) AS n {where}", of, columns=columns)["n"][0])
    if not n:
        return [], 0
    found = ask(f"SELECT pair_id {where} ORDER BY {{v}} DESC, pair_id LIMIT ?", [*of, limit], columns=columns)
    return found["pair_id"].tolist(), n


Column = tuple[Path, str]
"""A quantity in the table of a round."""


def both(first: Column, second: Column) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row in the first table, and both values, (n,) each, of the pairs that have both."""
    columns = {"x": first[1], "y": second[1]}
    if first[0] == second[0]:
        sql = """SELECT file_row_number AS r, {x} AS x, {y} AS y FROM read_parquet(?, file_row_number = true)
                 WHERE {x} IS NOT NULL AND {y} IS NOT NULL"""
        found = ask(sql, [str(first[0])], columns=columns)
    else:
        sql = """SELECT a.r, a.x, b.y
                 FROM (SELECT pair_id, file_row_number AS r, {x} AS x
                       FROM read_parquet(?, file_row_number = true) WHERE {x} IS NOT NULL) a
                 JOIN (SELECT pair_id, {y} AS y FROM read_parquet(?) WHERE {y} IS NOT NULL) b USING (pair_id)"""
        found = ask(sql, [str(first[0]), str(second[0])], columns=columns, aside=first[0].parent / "aside")
    return found["r"], found["x"], found["y"]


def at_rows(path: Path, rows: np.ndarray) -> list[str]:
    """The pairs in these rows of the table, in the order given."""
    sql = """SELECT pair_id, file_row_number AS r FROM read_parquet(?, file_row_number = true)
             WHERE file_row_number IN (SELECT unnest(?::BIGINT[]))"""
    found = ask(sql, [str(path), [int(row) for row in rows]])
    known = dict(zip(found["r"].tolist(), found["pair_id"].tolist(), strict=True))
    return [known[int(row)] for row in rows]


def _table(frame: pd.DataFrame, signals: list[Mapping[str, Any]]) -> pa.Table:
    """The frame of `scores` as a table: two columns of a signal of responses become their mean and difference.

    What no pair has is left out.
    """
    frame = frame.sort_values("pair_id", ignore_index=True)
    columns: dict[str, tuple[np.ndarray, dict[str, str]]] = {SCORE: (frame["score"].to_numpy(), {})}
    for signal in (signal for signal in signals if signal["kept"]):
        about = {"signal": signal["name"], "unit": signal["unit"], "made_on": signal["made_on"], "part": ""}
        if signal["axis"] == "response":
            a, b = (frame[f"{signal['name']}.{side}"].to_numpy() for side in ("a", "b"))
            columns[f"{signal['name']}.mean"] = ((a + b) / 2, {**about, "part": "mean"})
            columns[f"{signal['name']}.gap"] = (np.abs(a - b), {**about, "part": "gap"})
        else:
            columns[signal["name"]] = (frame[signal["name"]].to_numpy(), about)
    fields, arrays = [pa.field("pair_id", pa.string())], [pa.array(frame["pair_id"], pa.string())]
    for name, (values, about) in columns.items():
        if np.isnan(values).all():
            continue
        arrays.append(pa.array(values, from_pandas=True))
        fields.append(pa.field(name, arrays[-1].type, metadata=about or None))
    return pa.table(arrays, pa.schema(fields))


def _write(path: Path, table: pa.Table) -> None:
    """Whole or not at all; afterwards all tables together stay below the cap."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keep_room(path, table.nbytes)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROWS)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    total, oldest = 0, time.time() - LEFT_BEHIND_S
    there = []
    for file in path.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            there.append((stat.st_mtime, stat.st_size, file))
    for used, size, file in sorted(there, reverse=True):
        half = file.name.startswith(".")
        total += size
        if file != path and ((half and used < oldest) or (not half and total > CAP_BYTES)):
            file.unlink(missing_ok=True)
