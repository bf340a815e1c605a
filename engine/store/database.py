"""Opens a store: a folder with one SQLite database, array files beside it, and a cache.

One writer at a time (BEGIN IMMEDIATE), readers never wait (WAL). Every write raises a revision in the same transaction,
so a screen that knows one number knows whether it is out of date.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.store import schema

HEAD = "0008"
"""The newest schema this version knows (the last file in migrations/versions)."""
STORE_VARIABLE = "WORKBENCH_STORE"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs", "lustre"}


@dataclass(frozen=True)
class Store:
    """An open store. `folder` holds workbench.db, files/ and cache/."""

    folder: Path
    engine: sa.Engine

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view: what others write meanwhile is not in it. Never waits for a writer."""
        with self._within("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *scopes: str) -> Iterator[sa.Connection]:
        """One transaction; at its end the revision of "all" and of each scope (a study id, say) is raised."""
        with self.write_quietly() as connection:
            yield connection
            raise_revisions(connection, *scopes)

    @contextlib.contextmanager
    def write_quietly(self) -> Iterator[sa.Connection]:
        """One transaction that raises no revision, for what is no news to a screen: a lease, a word said again."""
        with self._within("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def _within(self, begin: str) -> Iterator[sa.Connection]:
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql(begin)
                try:
                    yield connection
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    with contextlib.suppress(sa.exc.OperationalError):  # on a full disk SQLite has rolled back itself
                        connection.exec_driver_sql("ROLLBACK")
                    raise
        except sa.exc.DatabaseError as error:
            # The low byte is the kind of trouble; what is not listed is a fault of ours and goes up as it is.
            trouble = _TROUBLE.get(getattr(error.orig, "sqlite_errorcode", 0) & 0xFF)
            if trouble is None:
                raise
            raise StoreError(f"{self.folder / 'workbench.db'} {trouble[0]}: {error.orig}.", trouble[1]) from error


_TROUBLE = {
    sqlite3.SQLITE_BUSY: ("is locked by another process for more than 30 s", "End that process, or try again."),
    sqlite3.SQLITE_READONLY: ("cannot be written", "Give yourself the right to write there."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "Look at the disk."),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Restore a backup, or name another folder."),
    sqlite3.SQLITE_FULL: ("has no room left on its disk", "Free some disk space, then retry."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check the folder and its rights."),
    sqlite3.SQLITE_NOTADB: ("is not a database", "Restore a backup, or name another folder."),
}


def raise_revisions(connection: sa.Connection, *scopes: str) -> None:
    """Say in this transaction that something changed: in "all", and in each of these scopes."""
    raise_only(connection, "all", *scopes)


def raise_only(connection: sa.Connection, *scopes: str) -> None:
    """Say that something changed in these scopes, and to nobody else."""
    for scope in scopes:
        statement = insert(schema.revisions).values(scope=scope, n=1)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["scope"], set_={"n": schema.revisions.c.n + 1})
        )


def now() -> datetime:
    """The time of a row."""
    return datetime.now(UTC)


def usual_folder(folder: Path | str | None = None) -> Path:
    """That folder, else $WORKBENCH_STORE, else ./.store: the store that everybody means who names none."""
    return Path(folder or os.environ.get(STORE_VARIABLE) or ".store").expanduser().resolve()


def open_store(folder: Path | str, create: bool = True) -> Store:
    """Open (or make) the store in that folder, bring its schema up to date and get to know the plugins that it keeps.

    StoreError: no store there and `create` is False, a network file system, a folder that cannot be made, no database
    or another program's, a newer schema. What is refused is left untouched.
    """
    folder = Path(folder).expanduser().resolve()
    path = folder / "workbench.db"
    kind = _file_system(folder)
    if kind in _NETWORK:
        raise StoreError(
            f"{folder} is on a network file system ({kind}), where SQLite loses writes.",
            "Take a folder on a local disk.",
        )
    if not create:
        _refuse_none(folder)
    store = Store(folder, _engine(path, "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _upgrade(store, path)
        for part in ("files", "cache"):
            (folder / part).mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"No store can be made in {folder}: {error.strerror}.", "Name another folder.") from error
    from engine.store.plugins import describe  # it stands on this module

    describe(store)
    return store


def look_at(folder: Path | str) -> Store:
    """The store in that folder as it is, whatever its schema: nothing is brought up to date, no write is obeyed."""
    folder = Path(folder).expanduser().resolve()
    _refuse_none(folder)
    return Store(folder, _engine(folder / "workbench.db", "query_only = ON"))


def in_bulk(store: Store) -> Store:
    """The store by connections for millions of rows, whose references are known to hold (or to be gone).

    No foreign key is checked: for a row that goes SQLite looks for references, and reads a whole table where it has no
    index. A commit waits for no disk: the next one of an ordinary connection does, for all before it.
    """
    return Store(store.folder, _engine(store.folder / "workbench.db", "synchronous = NORMAL", "cache_size = -262144"))


def schema_of(store: Store) -> str:
    """The schema a store has, "" if it has none of ours; StoreError if it is no database."""
    return _schema_and_tables(store)[0]


def _schema_and_tables(store: Store) -> tuple[str, list[str]]:
    """Both of one moment: another process may be making the store meanwhile."""
    with store.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        if "alembic_version" not in tables:
            return "", tables
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""), tables


def _refuse_none(folder: Path) -> None:
    if not (folder / "workbench.db").exists():
        raise StoreError(f"There is no store in {folder}.", "Start a study, or name another folder with --store.")


def _engine(path: Path, *pragmas: str) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 30, "isolation_level": None}
    )

    def begin(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (*pragmas, "busy_timeout = 30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    sa.event.listen(engine, "connect", begin)
    return engine


def _upgrade(store: Store, path: Path) -> None:
    at, tables = _schema_and_tables(store)
    if at == HEAD:
        return
    if not at and tables:
        raise StoreError(f"{path} is the database of another program.", "Name another folder; the file is untouched.")
    from alembic.script import ScriptDirectory  # takes longer than all that opens a store of this schema

    known = [script.revision for script in ScriptDirectory(str(_migrations())).walk_revisions()]
    if at and at not in known:
        raise StoreError(
            f"{path} was written by {_program(store, at)} with schema {at}; this is "
            f"{this_program()}, which knows up to {HEAD}.",
            "Upgrade the program; the file is untouched.",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    with store.write_quietly() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        row = {"schema": HEAD, "program": this_program(), "created": now()}
        connection.execute(insert(schema.upgrades).values(**row).on_conflict_do_nothing())


def this_program() -> str:
    """What a store is told of the program that brought its schema up."""
    return f"preference-workbench {version('preference-workbench')}"


def _program(store: Store, at: str) -> str:
    """Which program brought a store up to that schema, as it wrote there itself."""
    query = sa.select(schema.upgrades.c.program).where(schema.upgrades.c.schema == at)
    try:
        with store.read() as connection:
            found = connection.execute(query).scalar()
    except sa.exc.OperationalError:  # a newer schema may keep it elsewhere
        found = None
    return found or "a newer program"


def _migrations() -> Path:
    return Path(__file__).parent / "migrations"


def _file_system(folder: Path) -> str:
    """The type of the file system a folder is on, as the kernel lists it; "" where it lists none."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, where, what, *_ = line.split()
        where = where.replace("\\040", " ")
        if (str(folder) + "/").startswith(where.rstrip("/") + "/") and len(where) >= len(best):
            best, kind = where, what
    return kind
