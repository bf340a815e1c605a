"""Opens a store: a folder with one SQLite database, array files beside it, and a cache.

One writer at a time (BEGIN IMMEDIATE), readers never wait (WAL). Every write raises a revision in the same transaction,
so a screen that knows one number knows whether it is out of date.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.errors import StoreError
from engine.store import schema

HEAD = "0001"
"""The newest schema this version knows (the last file in migrations/versions)."""
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs", "lustre"}


@dataclass(frozen=True)
class Store:
    """An open store. `folder` holds workbench.db, files/ and cache/."""

    folder: Path
    engine: sa.Engine

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; never waits for a writer."""
        with self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *scopes: str) -> Iterator[sa.Connection]:
        """One transaction; at its end the revision of "all" and of each scope (a study id, say) is raised."""
        with self.engine.connect() as connection:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except sa.exc.OperationalError as error:
                raise StoreError(
                    f"The store {self.folder} is locked by another process for more than 30 s.",
                    "End that process, or try again.",
                ) from error
            try:
                yield connection
                for scope in ("all", *scopes):
                    statement = insert(schema.revisions).values(scope=scope, n=1)
                    connection.execute(
                        statement.on_conflict_do_update(index_elements=["scope"], set_={"n": schema.revisions.c.n + 1})
                    )
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise


def now() -> datetime:
    """The time of a row."""
    return datetime.now(UTC)


def open_store(folder: Path | str, create: bool = True) -> Store:
    """Open (or make) the store in that folder and bring its schema up to date.

    StoreError: no store there and `create` is False, a network file system, a newer schema (untouched), no database.
    """
    folder = Path(folder).expanduser().resolve()
    path = folder / "workbench.db"
    if not path.exists():
        if not create:
            raise StoreError(f"There is no store in {folder}.", "Start a study, or name another folder with --store.")
        folder.mkdir(parents=True, exist_ok=True)
    kind = _file_system(folder)
    if kind in _NETWORK:
        raise StoreError(
            f"{folder} is on a network file system ({kind}), where SQLite loses writes.",
            "Take a folder on a local disk.",
        )
    for part in ("files", "cache"):
        (folder / part).mkdir(exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "isolation_level": None})
    sa.event.listen(engine, "connect", _pragmas)
    store = Store(folder, engine)
    _upgrade(store, path)
    return store


def _pragmas(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(store: Store, path: Path) -> None:
    from alembic.script import ScriptDirectory

    try:
        with store.read() as connection:
            tables = sa.inspect(connection).get_table_names()
            at = None
            if "alembic_version" in tables:
                at = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except sa.exc.DatabaseError as error:
        raise StoreError(
            f"{path} is not a database: {error.orig}", "Restore a backup, or name another folder."
        ) from error
    if at == HEAD:
        return
    known = [script.revision for script in ScriptDirectory(str(_migrations())).walk_revisions()]
    if at is not None and at not in known:
        raise StoreError(
            f"{path} was written by schema {at}, this program knows up to {HEAD}.",
            "Upgrade the program; the file is untouched.",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise


def _migrations() -> Path:
    return Path(__file__).parent / "migrations"


def _file_system(folder: Path) -> str:
    """The type of the file system a folder is on, as the kernel lists it; "" where it lists none."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, where, what, *_ = line.split()
        where = where.replace("\\040", " ")
        if (str(folder) + "/").startswith(where.rstrip("/") + "/") and len(where) >= len(best):
            best, kind = where, what
    return kind
