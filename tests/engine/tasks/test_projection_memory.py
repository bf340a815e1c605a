"""A map of a pool that is larger than the memory it is given: texts and vectors come and go block by block."""

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from engine.analysis import clusters
from engine.config import StudyConfig
from engine.data.pool import PreferenceData
from engine.errors import StoreError
from engine.records import Message, Pair, Prompt, Response
from engine.seeds import rng_for
from engine.store import pool_texts, queries, schema, texts
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.pool_texts import PoolRows, fixed_pool, in_blocks
from engine.tasks import _places
from engine.tasks import projection as module
from engine.tasks._places import places
from engine.tasks.projection import Projection
from tests.engine.tasks.toys import vectors, whole_pool
from tests.engine.worker.test_real_loop import study_in

LETTERS, PROMPTS = 40_000, 500
MB = 1024 * 1024


@pytest.fixture
def store(tmp_path: Path, tiny_model_dir: Path) -> Store:
    return study_in(tmp_path, tiny_model_dir)


def study_of(store: Store) -> str:
    return queries.studies(store)[0].id


def as_pool(store: Store, data: PreferenceData) -> None:
    """Make this the pool of the store's study, whose sampler takes the pairs of the file."""
    made = texts.add_dataset(
        store, name="large", path="large", format_name="made", sha256="large", data=data, rows=1, refused={}
    )
    of = schema.studies.c
    with store.write() as connection:
        row = connection.execute(sa.select(of.config, of.datasets)).one()
        config = StudyConfig.from_dict(row.config, "test").model_dump(mode="json") | {"sampler": {"name": "given"}}
        connection.execute(
            schema.studies.update().values(datasets={**row.datasets, "pool": made}, config={**row.config, **config})
        )


def long_data() -> PreferenceData:
    """500 prompts of two responses of 40,000 letters: 40 MB of text."""
    data = PreferenceData()
    for n in range(PROMPTS):
        prompt = Prompt.of([Message("user", f"question {n}")])
        data.prompts[prompt.id] = prompt
        sides = [
            Response.of(prompt.id, f"{'jumper' if n % 2 else 'kettle'} {m} {n} " + "lore " * (LETTERS // 5), "test")
            for m in range(2)
        ]
        data.responses |= {side.id: side for side in sides}
        pair = Pair.of(prompt.id, *(side.id for side in sides))
        data.pairs[pair.id] = pair
    return data


def peak_of(work: Callable[[], Any]) -> tuple[Any, int]:
    """What it gives, and the most bytes that Python and numpy held for it at a time."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_pool_of_40_mb_of_text_is_mapped_in_a_quarter_of_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    as_pool(store, long_data())
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    monkeypatch.setattr(module, "BLOCK", 16)
    monkeypatch.setattr(pool_texts.in_blocks, "__defaults__", (16,))
    monkeypatch.setattr(clusters, "TEXTS", 5)
    monkeypatch.setattr(clusters, "AT_MOST", 2)
    task = Projection(study_id=study_of(store))
    task.do(store, lambda _: None)  # what is imported on the way is no text
    for kept in (store.folder / "cache").glob("*.npy"):
        kept.unlink()
    answer, peak = peak_of(lambda: task.do(store, lambda _: None))
    assert (answer["responses"], answer["pairs"]) == (2 * PROMPTS, PROMPTS)
    assert peak < 2 * PROMPTS * LETTERS / 4, f"{peak / MB:.0f} MB"


def test_30_mb_of_vectors_stay_in_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "FITTED", 1000)
    monkeypatch.setattr(clusters, "ROWS", 512)
    monkeypatch.setattr(_places, "ROWS", 512)
    n, width = 60_000, 128
    ids = np.array([f"r{n:06}" for n in range(n)], dtype=bytes)
    pairs, of_pair = np.array([f"x{n:06}" for n in range(n // 2)], dtype=bytes), np.arange(n // 2, dtype=np.int32)
    pool = PoolRows(pairs, np.arange(n, dtype=np.int32).reshape(-1, 2), of_pair, ids, np.repeat(of_pair, 2), pairs)

    def blocks() -> Iterator[np.ndarray]:
        for block in range(0, n, 1000):
            yield rng_for(0, block, "vectors").normal(size=(1000, width)).astype(np.float32)

    made = FileCache(tmp_path).mapped("vectors", n, blocks)
    one = partial(places, pool, made, lambda rows: [f"word{row}" for row in rows], "pca", 0, lambda _: None)
    one()
    found, peak = peak_of(one)
    assert len(found.tables["responses"]) == n
    assert peak < made.nbytes / 4, f"{peak / MB:.0f} MB of {made.nbytes / MB:.0f}"


def test_so_many_texts_are_held_at_a_time_and_words_are_counted_in_so_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    texts_of_rows = PoolRows.texts

    def counting(self: PoolRows, store: Store, rows: Any) -> list[Response]:
        asked.append(len(rows))
        return texts_of_rows(self, store, rows)

    monkeypatch.setattr(PoolRows, "texts", counting)
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(clusters, "TEXTS", 3)
    answer = Projection(study_id=study_of(store)).do(store, lambda _: None)
    assert asked[:6] == [7, 7, 7, 7, 7, 1]
    assert set(asked[6:]) == {3}
    clusters_found = answer["clusters"]
    assert len(asked[6:]) == len(clusters_found["responses"]) + 2 * len(clusters_found["pairs"])


@pytest.mark.parametrize("sampler", ["all_pairs", "given"])
def test_a_pool_in_blocks_is_the_whole_pool(store: Store, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.write() as connection:
        config = connection.execute(sa.select(schema.studies.c.config)).scalar_one()
        connection.execute(schema.studies.update().values(config={**config, "sampler": {"name": sampler}}))
    monkeypatch.setattr(pool_texts.in_blocks, "__defaults__", (5,))
    whole, rows = whole_pool(store, study_of(store)), fixed_pool(store, study_of(store))
    assert tuple(rows.records(0, len(rows.pairs))) == whole.pairs
    assert tuple(rows.texts(store, range(len(rows.responses)))) == whole.responses
    last = [len(rows.responses) - 1, 0, 3]
    assert [both[1] for both in rows.asked(store, last)] == [whole.responses[n] for n in last]
    assert all(prompt.id == response.prompt_id for prompt, response in rows.asked(store, last))
    for prompt, response in zip(rows.prompt_of_response, whole.responses, strict=True):
        assert rows.prompts[prompt].decode() == response.prompt_id


def test_a_data_set_in_blocks_is_the_whole_data_set(store: Store) -> None:
    name = next(found.id for found in queries.datasets(store) if found.name == "pool")
    whole, parts = texts.load_dataset(store, name), list(in_blocks(store, name, 5))
    assert [len(part.prompts) for part in parts] == [5, 5, 2]
    assert [p for part in parts for p in part.prompts.values()] == list(whole.prompts.values())
    for field in ("responses", "pairs", "scores"):
        assert {k: v for part in parts for k, v in getattr(part, field).items()} == getattr(whole, field)
    assert sorted((c.pair_id, c.answer) for part in parts for c in part.comparisons) == sorted(
        (c.pair_id, c.answer) for c in whole.comparisons
    )
    with pytest.raises(StoreError, match="There is no data set 'gone'"):
        next(in_blocks(store, "gone"))
