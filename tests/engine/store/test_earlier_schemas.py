"""A store of every earlier schema opens, reads as it did, and its runs go on.

`schemas/NNNN.sql` is such a store, its files within. Before a migration is written, the store of the schema that is the
newest until then is kept by `python -m tests.engine.store.test_earlier_schemas`.
"""

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.records import Evaluated, stage_of
from engine.store import browse, database, inbox, queries, schema, texts, writer
from engine.store.database import Store, now, open_store
from engine.store.history import load_events
from tests.engine.store.bits import bits
from tests.engine.store.test_store import a_worker, add, events, queued, world

HERE = Path(__file__).resolve().parent / "schemas"
VERSIONS = Path(database.__file__).parent / "migrations" / "versions"
KEPT = sorted(path.stem for path in HERE.glob("*.sql"))


def fill(store: Store) -> None:
    """A run that is done, one that is at work, one that is queued; and a row in the other tables."""
    study_id = queued(store, strategies=("random", "real", "activedpo"))
    whole = writer.claim_run(store, a_worker(store))
    assert whole is not None
    for event in events(world()):
        writer.save_event(store, whole, event)
    writer.set_state(store, whole.run_id, "done")
    half = writer.claim_run(store, a_worker(store))
    assert half is not None
    for event in events(world())[:3]:
        writer.save_event(store, half, event)
    add(store, world(2), sha="e" * 64)
    inbox.request_task(store, "token_counts", {"study_id": study_id})
    inbox.save_selection(store, study_id, list(world().pairs)[:2], {"made": "by hand"})
    inbox.command(store, "pause", run_id=half.run_id)
    inbox.command(store, "resume", run_id=half.run_id)
    again = writer.claim_run(store, a_worker(store))
    assert again is not None
    with store.write(study_id) as connection:
        connection.execute(schema.people.insert().values(id="ada", name="Ada", role="labeller", created=now()))
        connection.execute(schema.guidelines.insert().values(study_id=study_id, text="Be fair.", created=now()))
        pair_id = next(iter(world().pairs))
        given = {"run_id": half.run_id, "round": 1, "pair_id": pair_id, "person_id": "ada", "state": "open"}
        connection.execute(schema.assignments.insert().values(**given, lease_until=1e9, created=now()))
        plugin = {
            "room": "engine.strategies",
            "name": "own",
            "source": "pass",
            "sha256": "0",
            "fields": {},
            "about": {},
        }
        connection.execute(schema.plugins.insert().values(**plugin, created=now()))
        connection.execute(schema.runs.update().where(schema.runs.c.state == "running").values(lease_until=0.0))


def dump(folder: Path) -> str:
    """A filled store as SQL, its files in a table `kept_files`."""
    store = open_store(folder)
    fill(store)
    with contextlib.closing(sqlite3.connect(folder / "workbench.db")) as raw:
        lines = list(raw.iterdump())
    lines.append("CREATE TABLE kept_files (path TEXT, content BLOB);")
    for path in sorted((folder / "files").rglob("*")):
        if path.is_file():
            lines.append(f"INSERT INTO kept_files VALUES ('{path.relative_to(folder)}', X'{path.read_bytes().hex()}');")
    return "\n".join(lines) + "\n"


def opened(name: str, folder: Path) -> Store:
    """The kept store of that schema, put in a folder and opened by this program."""
    folder.mkdir()
    raw = sqlite3.connect(folder / "workbench.db")
    raw.executescript((HERE / f"{name}.sql").read_text(encoding="utf-8"))
    for path, content in raw.execute("SELECT path, content FROM kept_files"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    raw.execute("DROP TABLE kept_files")
    assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (name,)
    raw.commit()
    raw.close()
    return open_store(folder)


def test_every_schema_but_the_newest_has_a_kept_store() -> None:
    known = sorted(path.stem.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    assert known[-1] == database.HEAD
    assert known[:-1] == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_an_earlier_store_is_brought_up_to_date(name: str, tmp_path: Path) -> None:
    from tests.engine.store.test_opening import rules

    store, fresh = opened(name, tmp_path / "old"), open_store(tmp_path / "fresh")
    with store.engine.connect() as connection, fresh.engine.connect() as other:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert rules(connection) == rules(other)
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    with store.write() as connection, pytest.raises(sa.exc.IntegrityError, match="append-only"):
        connection.execute(schema.labels.delete())


@pytest.mark.parametrize("name", KEPT)
def test_an_earlier_store_reads_as_it_did(name: str, tmp_path: Path) -> None:
    store = opened(name, tmp_path / "old")
    (study,) = queries.studies(store)
    detail = queries.study(store, study.id)
    done, half, waiting = detail.runs
    assert [run.state for run in detail.runs] == ["done", "running", "queued"]
    assert (study.name, study.labels_bought, study.labels_unique, study.rounds_done) == ("tiny", 2, 2, 1)
    data = world()
    given = events(data)
    assert bits(load_events(store, done.id)[0][3:]) == bits(given[3:])
    assert [stage_of(event) for event in load_events(store, half.id)[0]] == ["evaluated", "pooled", "scored"]
    assert load_events(store, waiting.id) == ([], "")
    curve = queries.curve(store, study.id, "accuracy", "near")
    assert curve["value"].tolist() == [0.5, 0.75, 0.5]
    first, second = queries.batch(store, done.id, 1)
    assert (first.answer, second.answer, first.oracle) == ("a", "tie", "gold")
    assert queries.scores(store, done.id, 1)["score"].tolist() == given[2].scores.tolist()  # type: ignore[union-attr]
    assert {found.name for found in queries.metric_names(store, study.id)} == {"accuracy", "kl"}
    assert len(queries.stage_log(store, done.id)) == 7
    assert queries.notes(store, done.id) == [(1, "2 left out: identical"), (1, "a note")]
    assert sorted(found.prompts for found in queries.datasets(store)) == [2, 6]
    roles = browse.datasets_of(store, study.id)
    assert list(texts.load_dataset(store, roles["pool"]).pairs) == list(data.pairs)
    assert browse.search(store, roles["pool"], "wash it, 3").total == 1
    assert [task.kind for task in queries.tasks(store)] == ["token_counts"]
    assert len(queries.labelled_pairs(store, study.id)) == 2
    with store.read() as connection:
        for table in (schema.people, schema.guidelines, schema.assignments, schema.plugins, schema.selections):
            assert len(connection.execute(sa.select(table)).all()) == 1, table.name
        assert len(connection.execute(sa.select(schema.commands)).all()) == 2


@pytest.mark.parametrize("name", KEPT)
def test_the_runs_of_an_earlier_store_go_on(name: str, tmp_path: Path) -> None:
    store = opened(name, tmp_path / "old")
    _, half, waiting = queries.study(store, "tiny").runs
    worker = a_worker(store)
    claims = [writer.claim_run(store, worker) for _ in range(2)]
    assert [claim.run_id for claim in claims if claim] == [half.id, waiting.id]
    assert writer.claim_run(store, worker) is None
    assert claims[0] is not None
    for event in events(world())[3:]:
        assert writer.save_event(store, claims[0], event)
    assert isinstance(load_events(store, half.id)[0][-1], Evaluated)
    assert inbox.command(store, "pause", run_id=waiting.id) == 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        (HERE if len(sys.argv) < 2 else Path(sys.argv[1])).joinpath(f"{database.HEAD}.sql").write_text(
            dump(Path(made)), encoding="utf-8"
        )
