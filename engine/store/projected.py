"""Maps of a pool: the points of a projection as files of the store, and what is marked on them.

A projection belongs to no run, so its files stand in `artefacts` without one; their names are made of their content.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.records import Pair
from engine.store import schema as s
from engine.store.database import Store, now
from engine.store.files import Written, read_bytes, write_bytes
from engine.store.reviews import read_review
from engine.store.texts import add_pairs


def write_points(store: Store, name: str, table: pa.Table) -> dict[str, Any]:
    """Keep a table of points as Parquet, named in `artefacts`; what `read_points` needs, as JSON."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    path = f"files/projections/{name}.{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    written = write_bytes(store.folder, path, content)
    row = {"name": name, "path": path, "bytes": written.bytes, "sha256": written.sha256, "created": now()}
    with store.write() as connection:
        connection.execute(insert(s.artefacts).values(**row).on_conflict_do_nothing())
    return {"path": path, "bytes": written.bytes, "sha256": written.sha256}


def read_points(store: Store, file: Mapping[str, Any]) -> "Points":
    """The table that `write_points` kept, as columns; StoreError if its file is gone, cut or changed."""
    content = read_bytes(store.folder, Written(file["path"], file["bytes"], file["sha256"]))
    table = pq.read_table(pa.BufferReader(content))
    key = "pair_id" if "pair_id" in table.column_names else "response_id"
    columns = {name: table[name].to_numpy() for name in table.column_names if name not in (key, "prompt_id")}
    ids = table[key].to_numpy().astype(bytes) if len(table) else np.zeros(0, "S1")
    for column in (ids, *columns.values()):
        column.setflags(write=False)
    return Points(ids, columns)


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a map, a row each, in the order of their `ids` (bytes). Shared by all readers, so read-only.

    x, y: float32 (n,); cluster: int16 (n,). Of pairs also row_a and row_b, the rows of its responses, topic, the
    responses' cluster that its middle lies in, and dissimilarity (float32, no unit, 0 to 2).
    """

    ids: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def rows_of(self, ids: Iterable[str]) -> np.ndarray:
        """The rows of those that are on the map, int64 (k,), in rising order and each once."""
        return np.flatnonzero(self.has(ids))

    def has(self, ids: Iterable[str]) -> np.ndarray:
        """Which points have one of these ids, bool (n,)."""
        found = np.zeros(len(self), dtype=bool)
        rows, there = self.find(list(ids))
        found[rows[there]] = True
        return found

    def find(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The row of each id, int64 (k,), and whether it is on the map, bool (k,)."""
        return self._find(np.array([one.encode("ascii", "replace") for one in ids], dtype=bytes))

    def _find(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not len(wanted) or not len(self):
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
        rows = np.minimum(np.searchsorted(self.ids, wanted), len(self) - 1)
        return rows, self.ids[rows] == wanted

    def names(self, rows: Iterable[int]) -> list[str]:
        """The ids of these rows."""
        return [one.decode() for one in self.ids[np.asarray(list(rows), dtype=np.int64)].tolist()]

    def aligned(self, table: Path, column: str) -> np.ndarray:
        """A column of a Parquet table with a pair_id, as a value a point, float32 (n,); NaN where it has none."""
        found = pq.read_table(table, columns=["pair_id", column])
        rows, there = self._find(_bytes_of(found["pair_id"]))
        values = np.full(len(self), np.nan, dtype=np.float32)
        values[rows[there]] = found[column].to_numpy()[there]
        values.setflags(write=False)
        return values


def _bytes_of(ids: pa.ChunkedArray) -> np.ndarray:
    """A column of ids as bytes, (n,); without an object for each where all are of one length, as those of pairs are."""
    parts = []
    for chunk in ids.chunks:
        ends = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        lengths = np.unique(np.diff(ends)).tolist()
        if len(lengths) == 1 and lengths[0] > 0:
            parts.append(np.frombuffer(chunk.buffers()[2], f"S{lengths[0]}", len(chunk), int(ends[0])))
        else:
            parts.append(np.array([one.encode("ascii", "replace") for one in chunk.to_pylist()], dtype=bytes))
    return np.concatenate(parts) if parts else np.zeros(0, "S1")


def keep_pairs(store: Store, pairs: Iterable[Pair]) -> None:
    """Make sure that every pair that is drawn can be read by its id, also one that no round has had in its pool."""
    with store.write_quietly() as connection:
        add_pairs(connection, list(pairs))


def marks(store: Store, study_id: str, seed: int) -> pd.DataFrame:
    """Every pick of the seed's runs: strategy, run_id, round, rank, pair_id, and answer (None until it is answered).

    Of a batch that people change in review: the batch as it stands.
    """
    answers = sa.select(s.labels.c.pair_id, sa.func.min(s.labels.c.id).label("first"))
    answers = answers.where(
        (s.labels.c.study_id == study_id) & sa.or_(s.labels.c.seed == seed, s.labels.c.seed.is_(None))
    )
    first = answers.group_by(s.labels.c.pair_id).subquery()
    columns = [
        s.runs.c.strategy,
        s.picks.c.run_id,
        s.picks.c.round,
        s.picks.c.rank,
        s.picks.c.pair_id,
        s.labels.c.answer,
    ]
    wanted = (
        sa.select(*columns)
        .join(s.runs, s.runs.c.id == s.picks.c.run_id)
        .outerjoin(first, first.c.pair_id == s.picks.c.pair_id)
        .outerjoin(s.labels, s.labels.c.id == first.c.first)
        .where((s.runs.c.study_id == study_id) & (s.runs.c.seed == seed))
        .order_by(s.runs.c.position, s.picks.c.round, s.picks.c.rank)
    )
    changed = sa.select(s.edits.c.run_id, s.edits.c.round, s.runs.c.strategy).distinct()
    changed = changed.join(s.runs, s.runs.c.id == s.edits.c.run_id)
    with store.read() as connection:
        rows = connection.execute(wanted).all()
        theirs = connection.execute(changed.where((s.runs.c.study_id == study_id) & (s.runs.c.seed == seed))).all()
        stand = {one: read_review(connection, one.run_id, one.round) for one in theirs}
    found = pd.DataFrame(rows, columns=[column.name for column in columns])
    for one, review in stand.items():
        here = (found["run_id"] == one.run_id) & (found["round"] == one.round)
        known = set(found.loc[here, "pair_id"])
        left = {pick.pair_id: pick.rank for pick in review.picks}
        came = [(*one[2:], *one[:2], rank, pair_id, None) for pair_id, rank in left.items() if pair_id not in known]
        found = found[~here | found["pair_id"].isin(left)]
        if came:
            found = pd.concat([found, pd.DataFrame(came, columns=found.columns)], ignore_index=True)
    return found


def points_are_there(store: Store, file: Mapping[str, Any]) -> bool:
    """Whether the file lies where it was put, with its size; its content is checked when it is read."""
    path = store.folder / str(file.get("path", ""))
    return path.is_file() and path.stat().st_size == file.get("bytes")


def selection(store: Store, study_id: str, selection_id: str) -> tuple[str, ...]:
    """The pairs of a saved selection of that study; none if there is no such selection."""
    of = s.selections.c
    with store.read() as connection:
        kept = sa.select(of.pair_ids).where((of.id == selection_id) & (of.study_id == study_id))
        return tuple(connection.execute(kept).scalar() or ())
