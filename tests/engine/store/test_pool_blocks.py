"""A data set's blocks: each is found by its prompts, so that all of them take as long as the data set is large."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.store import schema
from engine.store.pool_texts import in_blocks
from tests.engine.worker.test_real_loop import study_in


@pytest.fixture
def asked() -> Any:
    """Every query that goes to a database, with its values."""
    found: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        found.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", listen)


def test_no_query_of_a_block_reads_the_whole_data_set(
    tmp_path: Path, tiny_model_dir: Path, asked: list[tuple[str, Any]]
) -> None:
    store = study_in(tmp_path, tiny_model_dir)
    with store.read() as connection:
        dataset = connection.execute(sa.select(schema.datasets.c.id)).scalars().first()
    assert dataset
    asked.clear()
    list(in_blocks(store, dataset, prompts=2))
    blocks = [(query, values) for query, values in asked if "json_each" in query]
    assert len(blocks) >= 6, "responses, pairs and answers of two blocks at least"
    with store.read() as connection:
        for query, values in blocks:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
            assert not [line for line in plan if line.startswith("SCAN") and "VIRTUAL TABLE" not in line], plan
            assert not [line for line in plan if "(dataset_id=?)" in line], plan
