"""Finds and explains what is wrong with a store, and changes nothing.

Errors are things that lost data or would give wrong figures; warnings mend themselves or need a small step; notes only
tell what takes room.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import Message, Pair, Prompt, Response
from engine.store import schema as s
from engine.store.cache import DEFAULT_CAP_BYTES, FileCache, read_entry
from engine.store.consistency import Finding, of_leases, of_run, of_studies
from engine.store.database import HEAD, Store, look_at, schema_of
from engine.store.files import Written, megabytes, read_bytes
from engine.store.plugins import ROOMS, all_kept, class_of, describe
from engine.store.sweep import rubbish

__all__ = ["Finding", "check"]
_BACKUP = "Restore a backup."
_NEWER = "A newer program wrote it: upgrade this one, then check again."
_AGAIN = "Save it again from where it was written, or restore a backup."


def check(folder: Path | str, say: Callable[[str], None] = lambda sentence: None) -> list[Finding]:
    """Everything that does not fit in the store in that folder, the worst first; [] if all is well.

    Every file is read once, so it takes as long as the disk needs for that. StoreError if there is no store.
    """
    store = look_at(folder)
    found: list[Finding] = []
    try:
        say("the database")
        found += _database(store)
        at = schema_of(store)
        if at != HEAD:
            step = "Say `workbench store upgrade`, then check again." if at < HEAD else _NEWER
            found.append(
                Finding("warning", "workbench.db", f"Its schema is {at or 'none'}, this program reads {HEAD}: "
                        "the rest was not looked at.", step)
            )  # fmt: skip
        else:
            describe(store)
            for part in (of_studies, of_leases, _plugins, _labels, _texts):
                found += part(store)
            with store.read() as connection:
                runs = list(connection.execute(sa.select(s.runs.c.id).order_by(s.runs.c.id)).scalars())
            for n, run_id in enumerate(runs, start=1):
                say(f"run {n} of {len(runs)}")
                found += of_run(store, run_id)
            say("files and cache")
            found += _other_files(store)
            found += _cache(store)
            found += _rubbish(store)
    except StoreError as error:  # the database cannot be read on
        found.append(Finding("error", "workbench.db", error.what, error.next_step))
    except ValueError as error:  # JSON that is none
        found.append(Finding("error", "workbench.db", f"A row of it cannot be read: {error}.", _BACKUP))
    finally:
        store.engine.dispose()
    return sorted(found, key=lambda f: ("error", "warning", "note").index(f.severity))


def _database(store: Store) -> Iterator[Finding]:
    with store.read() as connection:
        try:
            for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
                if line != "ok":
                    yield Finding("error", "workbench.db", f"SQLite finds it damaged: {line}.", _BACKUP)
        except sa.exc.DatabaseError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            yield Finding("error", "workbench.db", f"SQLite finds it damaged: {error.orig}.", _BACKUP)
            return
        lost: dict[tuple[str, str], int] = {}
        for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            lost[table, parent] = lost.get((table, parent), 0) + 1
        for (table, parent), n in lost.items():
            yield Finding("error", f"table {table}", f"{n:,} of its rows name rows of {parent} that are not there.",
                          _BACKUP)  # fmt: skip
        wanted = {f"labels_refuse_{verb}" for verb in ("update", "delete")}
        triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        if gone := sorted(wanted - set(triggers.scalars())):
            yield Finding(
                "error", "table labels", f"Labels are not protected: {' and '.join(gone)} not found.", _BACKUP
            )


def _plugins(store: Store) -> Iterator[Finding]:
    """Sources that were changed after they were saved, and rows that no class can be made of."""
    for kept in all_kept(store):
        trouble = class_of(kept, ROOMS[kept.room][1])
        if not kept.whole:
            yield Finding("error", f"plugin {kept.name}", f"The source of version {kept.version} was changed after it "
                          "was saved: its checksum differs, and no worker runs it.", _AGAIN)  # fmt: skip
        elif isinstance(trouble, str):
            yield Finding("error", f"plugin {kept.name}", f"Version {kept.version} cannot be shown: {trouble}.", _AGAIN)


def _labels(store: Store) -> Iterator[Finding]:
    """A machine's label is bought once a study, or once a study and seed; people may vote and correct."""
    of = s.labels.c
    twice = sa.select(of.study_id, of.seed, of.pair_id, sa.func.count().label("n"))
    twice = twice.where(of.person_id.is_(None) & of.corrects.is_(None))
    twice = twice.group_by(of.study_id, of.seed, of.pair_id).having(sa.func.count() > 1)
    with store.read() as connection:
        rows = connection.execute(twice).all()
    for row in rows:
        for_seed = "" if row.seed is None else f" for seed {row.seed}"
        yield Finding("error", f"study {row.study_id}", f"Pair {row.pair_id} was bought {row.n} times{for_seed}.",
                      "Tell the authors; runs go on with the last of these labels.")  # fmt: skip


def _texts(store: Store) -> Iterator[Finding]:
    """Ids are hashes of what they name, so a changed text betrays itself."""
    with store.read() as connection:
        owner: dict[str, str] = {}
        for row in connection.execute(sa.select(s.prompts)):
            if Prompt.of([Message(*turn) for turn in row.messages]).id != row.id:
                yield _changed("prompt", row.id)
        for row in connection.execute(sa.select(s.responses.c.id, s.responses.c.prompt_id, s.responses.c.text)):
            owner[row.id] = row.prompt_id
            if Response.of(row.prompt_id, row.text).id != row.id:
                yield _changed("response", row.id)
        for row in connection.execute(sa.select(s.pairs)):
            if Pair.of(row.prompt_id, row.a, row.b).id != row.id:
                yield _changed("pair", row.id)
            elif {owner.get(row.a, row.prompt_id), owner.get(row.b, row.prompt_id)} != {row.prompt_id}:
                yield Finding("error", f"pair {row.id}", "Its responses answer another prompt.", _BACKUP)


def _changed(kind: str, name: str) -> Finding:
    return Finding("error", f"{kind} {name}", "Its id is not the hash of its content: it was changed.", _BACKUP)


def _other_files(store: Store) -> Iterator[Finding]:
    """Files of no run, maps of a pool say."""
    with store.read() as connection:
        rows = connection.execute(sa.select(s.artefacts).where(s.artefacts.c.run_id.is_(None))).all()
    for row in rows:
        try:
            read_bytes(store.folder, Written(row.path, row.bytes, row.sha256))
        except StoreError as error:
            yield Finding("warning", row.name, error.what, "Ask for it again on its page: it is made anew.")


def _cache(store: Store) -> Iterator[Finding]:
    if not (store.folder / "cache").is_dir():
        return
    cache, total = FileCache(store.folder / "cache"), 0
    bad: list[tuple[str, str]] = []
    for _, size, path in cache.files():
        if path.name.startswith("."):
            continue
        total += size
        try:
            read_entry(path)
        except FileNotFoundError:
            continue
        except (ValueError, OSError, EOFError) as error:
            bad.append((path.name, str(error)))
    if bad:
        yield Finding("warning", "cache", f"{len(bad):,} of its files cannot be used (first: {bad[0][0]}: {bad[0][1]})",
                      "Nothing: each is dropped and computed again when it is needed.")  # fmt: skip
    if total > DEFAULT_CAP_BYTES:
        yield Finding("warning", "cache", f"It takes {megabytes(total)}, its cap is {megabytes(DEFAULT_CAP_BYTES)}.",
                      "Say `workbench store gc`; a worker does it too when it next keeps something.")  # fmt: skip


def _rubbish(store: Store) -> Iterator[Finding]:
    found = [item for item in rubbish(store) if item.path.startswith("files/")]
    if found:
        yield Finding("note", "files", f"{len(found):,} files are named by no row and take "
                      f"{megabytes(sum(item.bytes for item in found))} (the largest: {found[0].path}).",
                      "Say `workbench store gc` to see and remove them.")  # fmt: skip
