"""Files of a store that nothing needs: named by no row, left behind half written, or beyond the cache's cap.

A worker puts a file in place before it names it, so a young file may be about to be named: it is left alone.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from engine.store import schema as s
from engine.store.arriving import LOCK
from engine.store.cache import DEFAULT_CAP_BYTES, FileCache
from engine.store.database import Store

YOUNG_S = 3600.0
"""Seconds within which a worker has surely named the file that it wrote."""


@dataclass(frozen=True)
class Rubbish:
    """A file that can go: its path below the store's folder, its size, its age, and why nothing needs it."""

    path: str
    bytes: int
    age_s: float
    why: str


def rubbish(store: Store, older_than_s: float = YOUNG_S, cap_bytes: int = DEFAULT_CAP_BYTES) -> list[Rubbish]:
    """What could be swept now, the largest first; no file younger than `older_than_s` seconds."""
    now = time.time()
    there = []
    for path in (store.folder / "files").rglob("*"):
        if path.is_file() and (age := _age(path, now)) is not None and age[0] >= older_than_s:
            there.append((path, *age))
    with store.read() as connection:  # after the look at the disk: what was named meanwhile is no rubbish
        named = set(connection.execute(sa.select(s.artefacts.c.path)).scalars())
    found = []
    for path, age_s, size in there:
        name = str(path.relative_to(store.folder))
        if name not in named and name != LOCK:
            why = "left behind half written" if path.name.startswith(".") else "no row names it"
            found.append(Rubbish(name, size, age_s, why))
    folder = store.folder / "cache"
    for used, size, path in FileCache(folder, cap_bytes).too_much() if folder.is_dir() else ():
        half = path.name.startswith(".")
        if not half or now - used >= older_than_s:
            why = "left behind half written" if half else "beyond the cap of the cache"
            found.append(Rubbish(str(path.relative_to(store.folder)), size, max(0.0, now - used), why))
    return sorted(found, key=lambda r: (-r.bytes, r.path))


def sweep(store: Store, found: Iterable[Rubbish]) -> list[Rubbish]:
    """Remove these files; those that were removed. One that is named, newer or gone by now is left out."""
    removed = []
    now = time.time()
    for item in found:
        path = store.folder / item.path
        with store.write_quietly() as connection:  # so that nobody names it between the look and the end of it
            row = connection.execute(sa.select(s.artefacts.c.id).where(s.artefacts.c.path == item.path)).first()
            age = _age(path, now)
            if row is None and age is not None and age[0] >= item.age_s - 1.0:  # not written anew under its old name
                path.unlink(missing_ok=True)
                removed.append(item)
    return removed


def _age(path: Path, now: float) -> tuple[float, int] | None:
    """(seconds since it was written, bytes), None if it is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return max(0.0, now - stat.st_mtime), stat.st_size
