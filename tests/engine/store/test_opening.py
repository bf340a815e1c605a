"""Opening a store, and its transactions: migrations, what is refused untouched, troubles told in a sentence."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.errors import StoreError
from engine.store import database, queries, schema
from engine.store.database import Store, now, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def rules(connection: sa.Connection) -> dict[str, Any]:
    """Every table as SQLite sees it: what `compare_metadata` leaves out (checks, keys) included."""
    look = sa.inspect(connection)
    return {
        table: [
            [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)],
            look.get_pk_constraint(table),
            sorted(map(str, look.get_foreign_keys(table))),
            sorted(map(str, look.get_unique_constraints(table))),
            sorted(map(str, look.get_check_constraints(table))),
            sorted(map(str, look.get_indexes(table))),
        ]
        for table in look.get_table_names()
        if table != "alembic_version"
    }


def test_the_migrated_database_is_what_the_schema_says(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        migrated = rules(connection)
    fresh = sa.create_engine("sqlite://")
    with fresh.connect() as connection:
        schema.metadata.create_all(connection)
        assert rules(connection) == migrated
    assert len(migrated) == len(schema.metadata.tables)


def test_the_newest_migration_is_the_one_that_this_program_knows() -> None:
    assert ScriptDirectory(str(Path(database.__file__).parent / "migrations")).get_current_head() == database.HEAD


def test_a_newer_store_is_refused_and_left_untouched(store: Store) -> None:
    path = store.folder / "workbench.db"
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="by a newer program with schema 9999"):
        open_store(store.folder)
    assert path.read_bytes() == before


def test_a_newer_store_names_the_program_that_wrote_it(store: Store) -> None:
    path = store.folder / "workbench.db"
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.execute("INSERT INTO upgrades VALUES ('9999', 'preference-workbench 7.1', '2031-01-01')")
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"by preference-workbench 7\.1 with schema 9999; this is preference-workbench"
    ):
        open_store(store.folder)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "workbench.db").write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="not a database"):
        open_store(tmp_path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "workbench.db") as raw:
        raw.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path)
    with sqlite3.connect(tmp_path / "workbench.db") as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []


def test_two_that_make_one_store_at_once_both_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one makes it just after this one saw that there is nothing yet."""
    read, others = Store.read, [tmp_path]

    @contextlib.contextmanager
    def read_and_be_overtaken(store: Store) -> Iterator[sa.Connection]:
        with read(store) as connection:
            yield connection
        if others:
            open_store(others.pop())

    monkeypatch.setattr(Store, "read", read_and_be_overtaken)
    assert database.schema_of(open_store(tmp_path)) == database.HEAD
    assert others == []


def test_odd_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_store(tmp_path / "what?x=1 #ü %41").folder.joinpath("workbench.db").is_file()
    with pytest.raises(StoreError, match="no store in"):
        open_store(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="No store can be made"):
        open_store(tmp_path / "file")
    monkeypatch.setattr(database, "_file_system", lambda folder: "nfs4")
    with pytest.raises(StoreError, match="network file system"):
        open_store(tmp_path / "far")
    assert not (tmp_path / "far").exists()


def test_a_view_stays_as_it_was_when_it_began(store: Store) -> None:
    people = sa.select(sa.func.count()).select_from(schema.people)
    with store.read() as connection:
        before = connection.execute(people).scalar()
        with store.write() as other:
            other.execute(schema.people.insert().values(id="p", name="n", role="lead", created=now()))
        assert connection.execute(people).scalar() == before == 0
    with store.read() as connection:
        assert connection.execute(people).scalar() == 1


def test_every_write_raises_its_revisions_and_no_other(store: Store) -> None:
    with store.write("one"):
        pass
    with store.write("one", "two"):
        pass
    with store.write_quietly():
        pass
    assert [queries.revision(store, scope) for scope in ("all", "one", "two", "three")] == [2, 2, 1, 0]


def test_a_write_that_fails_leaves_nothing_and_raises_no_revision(store: Store) -> None:
    before = queries.revision(store)
    with store.write_quietly() as connection:
        connection.execute(schema.guidelines.insert().values(text="kept", created=now()))

    def write() -> None:
        with store.write() as connection:
            connection.execute(schema.people.insert().values(id="p", name="n", role="lead", created=now()))
            connection.execute(schema.picks.insert().values(run_id="none", round=1, rank=1, pair_id="none", why={}))

    with pytest.raises(sa.exc.IntegrityError):
        write()
    assert queries.revision(store) == before
    with store.read() as connection:
        assert connection.execute(sa.select(schema.people)).first() is None
        assert connection.execute(sa.select(schema.guidelines.c.text)).scalar() == "kept"


def pragma(store: Store, sentence: str) -> None:
    """Every connection from now on starts with this."""
    store.engine.dispose()
    sa.event.listen(store.engine, "connect", lambda connection, record: connection.execute(f"PRAGMA {sentence}"))


def test_a_locked_database_is_a_sentence(store: Store) -> None:
    pragma(store, "busy_timeout = 20")
    with sqlite3.connect(store.folder / "workbench.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"), store.write():
            pass
        other.execute("ROLLBACK")
    with store.write():
        pass


def test_a_full_disk_is_a_sentence_and_the_transaction_is_undone(store: Store) -> None:
    before = queries.revision(store)
    pragma(store, "max_page_count = 1")  # as small as it is now: it cannot grow

    def fill() -> None:
        with store.write() as connection:
            connection.execute(schema.guidelines.insert().values(text="x" * 1_000_000, created=now()))

    with pytest.raises(StoreError, match="no room left"):
        fill()
    again = open_store(store.folder)
    assert queries.revision(again) == before
    with again.write() as connection:
        connection.execute(schema.guidelines.insert().values(text="x" * 1_000_000, created=now()))
