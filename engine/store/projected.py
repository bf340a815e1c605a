"""Maps of a pool: the texts a projection is made of, and its points as files of the store.

A projection belongs to no run, so its files stand in `artefacts` without one; their names are made of their content.
"""

import hashlib
import io
import json
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

from engine.config import StudyConfig
from engine.errors import StoreError
from engine.records import Message, Pair, Pooled, Prompt, Response
from engine.store import schema as s
from engine.store.database import Store, now
from engine.store.files import Written, read_bytes, write_bytes
from engine.store.history import load_event
from engine.store.texts import add_pairs, load_dataset


@dataclass(frozen=True)
class PoolTexts:
    """The pairs of a pool with the texts they are made of, each once and in order."""

    pairs: tuple[Pair, ...]
    prompts: Mapping[str, Prompt]
    responses: tuple[Response, ...]


def study_config(store: Store, study_id: str) -> StudyConfig:
    """The study's config; StoreError if there is no such study."""
    with store.read() as connection:
        found = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
    if found is None:
        raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
    return StudyConfig.from_dict(found, f"Study {study_id}")


def fixed_pool(store: Store, study_id: str) -> PoolTexts:
    """Every pair the study's sampler makes of its data, whatever the round; StoreError if it draws from the policy."""
    sampler = study_config(store, study_id).sampler
    if sampler.generates:
        raise StoreError(f"The pool of study {study_id} is drawn anew by every run.", "Name a run and a round.")
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar_one()
    data = load_dataset(store, datasets["pool"])
    return _texts(sampler.candidates(data, list(data.prompts), None).pairs, data.prompts, data.responses)


def round_pool(store: Store, run_id: str, round_number: int) -> PoolTexts:
    """The pool of one round of a run; StoreError before that round has one."""
    pooled = load_event(store, run_id, round_number, "pooled")
    if not isinstance(pooled, Pooled):
        raise StoreError(f"Round {round_number} of run {run_id} has no pool yet.", "Wait for the round, then retry.")
    prompts, responses = texts_of(store, {side for pair in pooled.made_pairs for side in (pair.a, pair.b)})
    return _texts(pooled.made_pairs, prompts, responses)


def texts_of(store: Store, response_ids: Iterable[str]) -> tuple[dict[str, Prompt], dict[str, Response]]:
    """Those of the responses that are in the store, and their prompts, by id."""
    ids = sa.func.json_each(json.dumps(sorted(response_ids))).table_valued("value")
    wanted = sa.select(s.responses).where(s.responses.c.id.in_(sa.select(ids.c.value)))
    asked = sa.select(s.prompts).where(s.prompts.c.id.in_(sa.select(wanted.subquery().c.prompt_id)))
    with store.read() as connection:
        prompts = {
            r.id: Prompt(r.id, tuple(Message(*m) for m in r.messages), r.topic or "") for r in connection.execute(asked)
        }
        responses = {r.id: Response(r.id, r.prompt_id, r.text, r.source) for r in connection.execute(wanted)}
    return prompts, responses


def _texts(pairs: Sequence[Pair], prompts: Mapping[str, Prompt], responses: Mapping[str, Response]) -> PoolTexts:
    ordered = sorted(pairs, key=lambda pair: pair.id)
    sides = sorted({side for pair in ordered for side in (pair.a, pair.b)})
    return PoolTexts(tuple(ordered), prompts, tuple(responses[side] for side in sides))


def write_points(store: Store, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Keep a table of points as Parquet, named in `artefacts`; what `read_points` needs, as JSON."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
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
        wanted = np.array([one.encode("ascii", "replace") for one in ids], dtype=bytes)
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
        rows, there = self.find(found["pair_id"].to_pylist())
        values = np.full(len(self), np.nan, dtype=np.float32)
        values[rows[there]] = found[column].to_numpy()[there]
        values.setflags(write=False)
        return values


def keep_pairs(store: Store, pairs: Iterable[Pair]) -> None:
    """Make sure that every pair that is drawn can be read by its id, also one that no round has had in its pool."""
    with store.write_quietly() as connection:
        add_pairs(connection, list(pairs))


def marks(store: Store, study_id: str, seed: int) -> pd.DataFrame:
    """Every pick of the seed's runs: strategy, run_id, round, rank, pair_id, and answer (None until it is answered)."""
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
    with store.read() as connection:
        rows = connection.execute(wanted).all()
    return pd.DataFrame(rows, columns=[column.name for column in columns])


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
