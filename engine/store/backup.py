"""A copy of a store that works: whole and consistent, taken while workers write.

First the database, as it was at one moment; then every file that its rows name, which is never written again once it
is named; last the database gets its name, so that a copy that was broken off is no store. The cache is left out: losing
it costs time, never a result.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StoreError
from engine.store.check import check
from engine.store.consistency import Finding
from engine.store.database import Store
from engine.store.files import keep_room, sync_folder
from engine.store.labelled import SALT

_PART = "workbench.db.part"


@dataclass(frozen=True)
class Backup:
    """What was copied. `linked` of the files are the store's own under a second name: damage to one is to both."""

    folder: Path
    files: int
    linked: int
    bytes: int
    findings: tuple[Finding, ...]


def backup(
    store: Store, out: Path | str, say: Callable[[str], None] = lambda sentence: None, *, link: bool = False
) -> Backup:
    """Copy the store into a new or empty folder and check the copy.

    `link`: on the same disk files get a second name instead of a copy. That is quick and takes no room, but a block of
    the disk that goes bad is bad in both.

    Runs and tasks at work are queued in the copy: nobody works on them there. StoreError if the folder is not empty or
    lies in the store, the disk has too little room, or a file that the rows name is gone; then no copy is left.
    """
    out = Path(out).expanduser().resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(f"{out} is there already and not empty.", "Name a new folder; nothing is overwritten.")
    if out.is_relative_to(store.folder):
        raise StoreError(f"{out} lies inside the store.", "Name a folder outside of it.")
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        files, linked, size = _copy(store, out, say, link)
    except BaseException as error:
        for path in out.iterdir() if out.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if made and out.is_dir():
            out.rmdir()
        if isinstance(error, OSError):
            raise StoreError(f"No copy can be made in {out}: {error.strerror}.", "Name another folder.") from error
        if isinstance(error, sqlite3.Error):
            raise StoreError(
                f"The database cannot be copied into {out}: {error}.", "Look at both disks, then try again."
            ) from error
        raise
    say("checks the copy")
    return Backup(out, files, linked, size, tuple(check(out)))


def _copy(store: Store, out: Path, say: Callable[[str], None], link: bool) -> tuple[int, int, int]:
    say("copies the database")
    keep_room(out / _PART, (store.folder / "workbench.db").stat().st_size)
    with contextlib.closing(sqlite3.connect(out / _PART, isolation_level=None)) as copy:
        with store.read() as connection:
            connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]
        rows = copy.execute("SELECT id, path, bytes, run_id, round, stage FROM artefacts ORDER BY id").fetchall()
        linked = size = 0
        folders = {out}
        for n, (artefact, path, expected, *place) in enumerate(rows):
            if n % 200 == 0:
                say(f"copies file {n + 1:,} of {len(rows):,}")
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            folders.add(target.parent)
            try:
                linked += _link_or_copy(store.folder / path, target, expected, link)
                size += expected
            except FileNotFoundError as error:
                if _done(copy, place):
                    raise StoreError(f"{store.folder / path} is missing.", "Say `workbench store check`.") from error
                copy.execute("DELETE FROM artefacts WHERE id = ?", (artefact,))  # a checkpoint, used up meanwhile
        copy.execute("BEGIN")
        copy.execute("UPDATE runs SET state = 'queued', worker_id = NULL, lease_until = NULL WHERE state = 'running'")
        copy.execute("UPDATE tasks SET state = 'queued', worker_id = NULL, lease_until = NULL WHERE state = 'running'")
        copy.execute("UPDATE workers SET ended = 1, doing = 'stopped' WHERE NOT ended")
        copy.execute("COMMIT")
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if (store.folder / SALT).is_file():  # so that a labeller keeps the number
        shutil.copyfile(store.folder / SALT, out / SALT)
    for folder in folders:
        sync_folder(folder)
    (out / _PART).replace(out / "workbench.db")
    sync_folder(out)
    return len(rows), linked, size


def _link_or_copy(source: Path, target: Path, size: int, link: bool) -> bool:
    """A copy, or if wanted and possible a second name for the file, which is never written again; which it was."""
    if link:
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or one that knows no links
            pass
        else:
            return True
    keep_room(target, size)
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return False


def _done(copy: sqlite3.Connection, place: list[object]) -> bool:
    """Whether the stage that the file belongs to is done; a file of no run counts as needed."""
    if place[0] is None:
        return True
    query = "SELECT 1 FROM stages WHERE run_id = ? AND round = ? AND stage = ?"
    return copy.execute(query, tuple(place)).fetchone() is not None
