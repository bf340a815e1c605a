"""A large data set on its way in: written part by part, seen by nobody until it is whole, gone if its writer stops.

A table of a part is a transaction of its own, so that workers who write meanwhile wait for a moment only. One import
writes at a time; it holds a lock that dies with its process, so whoever gets the lock knows that what is not whole is a
leftover.
"""

import contextlib
import fcntl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.data.parts import Part
from engine.resume import unasked
from engine.store import schema as s
from engine.store.database import Store, in_bulk, now
from engine.store.texts import insert_many, members_of, texts_of

LOCK = "files/.importing"
GLANCE_S = 0.2
"""Seconds between two tries for the lock."""
AT_ONCE = 2000
"""Rows that are taken out again in one transaction."""
Unneeded = Callable[[list[str]], sa.Delete]


class Arriving:
    """A data set that is being written. `whole`: another import has written it meanwhile, and nothing is to be done."""

    def __init__(self, store: Store, dataset_id: str, whole: bool = False) -> None:
        self.store = store
        self.id = dataset_id
        self.whole = whole
        self._bulk = in_bulk(store)
        self._rows: Counter[str] = Counter()

    def add(self, part: Part) -> None:
        """Write a part: texts that no part before it held, and answers and scores that may be about earlier ones.

        A transaction a table, the longest holds what a part has of responses. What the data set holds comes first: of
        an import that is killed nothing stays of which nobody knows.
        """
        if self.whole:
            return
        for table, names, rows in (*members_of(self.id, part, self._rows), *texts_of(part)):
            with self._bulk.write_quietly() as connection:
                insert_many(connection, table, names, rows)
            self._rows[table.name] += len(rows)
        if late := (part.scores.keys() | part.aspects.keys()) - part.responses.keys():
            with self._bulk.write_quietly() as connection:
                for response_id in late:
                    said = {"score": part.scores.get(response_id), "aspects": part.aspects.get(response_id)}
                    of = s.dataset_responses.c
                    connection.execute(
                        s.dataset_responses.update()
                        .where((of.response_id == response_id) & (of.dataset_id == self.id))
                        .values({name: value for name, value in said.items() if value is not None})
                    )

    def close(self) -> None:
        """End its connections."""
        self._bulk.engine.dispose()

    def settle(self, about: Mapping[str, Any]) -> None:
        """All is there: from now on it is a data set, known for what `about` says last."""
        if not self.whole:
            with self.store.write() as connection:
                values = {**_columns(about), "whole": True}
                connection.execute(s.datasets.update().where(s.datasets.c.id == self.id).values(values))


@contextlib.contextmanager
def lock_of_imports(store: Store) -> Iterator[bool]:
    """Whether the lock could be had: then nobody else writes a data set part by part."""
    with (store.folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def arriving(store: Store, about: Mapping[str, Any], check: Callable[[], None] = unasked) -> Iterator[Arriving]:
    """A data set to write into; if its writer does not settle it, all that it wrote is taken out again.

    `about`: what `add_dataset` takes, and the id. `check` is called while another import writes, and may raise to give
    up.
    """
    with contextlib.ExitStack() as stack:
        while not (alone := contextlib.ExitStack()).enter_context(lock_of_imports(store)):
            alone.close()
            check()
            time.sleep(GLANCE_S)
        stack.enter_context(alone)
        remove_leftovers(store)
        begun = {**_columns(about), "created": now(), "whole": False}
        with store.write_quietly() as connection:  # what is there now, with the lock held and no leftover, is whole
            written = connection.execute(insert(s.datasets).values(begun).on_conflict_do_nothing()).rowcount
        writing = Arriving(store, about["id"], whole=not written)
        try:
            yield writing
        finally:
            writing.close()
            remove_leftovers(store)


def _columns(about: Mapping[str, Any]) -> dict[str, Any]:
    return {"format" if name == "format_name" else name: value for name, value in about.items()}


def broken_off(store: Store) -> list[str]:
    """The names of data sets whose import was ended before they were whole; none while an import is at work."""
    with lock_of_imports(store) as alone, store.read() as connection:
        names = connection.execute(sa.select(s.datasets.c.name).where(~s.datasets.c.whole)).scalars()
        return sorted(names) if alone else []


def sweep_imports(store: Store) -> int:
    """Take them out; how many there were."""
    with lock_of_imports(store) as alone:
        return remove_leftovers(store) if alone else 0


def remove_leftovers(store: Store) -> int:
    """Take out every data set that is not whole, and the texts that only it holds; how many. Only with the lock of
    imports."""
    with store.read() as connection:
        left = connection.execute(sa.select(s.datasets.c.id).where(~s.datasets.c.whole)).scalars().all()
    if not left:
        return 0
    loose = in_bulk(store)
    tables = (
        (s.comparisons, None),
        (s.dataset_pairs, _pairs),
        (s.dataset_responses, _responses),
        (s.dataset_prompts, _prompts),
    )
    for dataset_id in left:
        for table, unneeded in tables:
            while _take_out(loose, table, dataset_id, unneeded):
                pass
        with store.write_quietly() as connection:
            connection.execute(s.datasets.delete().where(s.datasets.c.id == dataset_id))
    loose.engine.dispose()
    return len(left)


def _take_out(store: Store, table: sa.Table, dataset_id: str, unneeded: Unneeded | None) -> bool:
    """Up to AT_ONCE rows of the data set and what they name, if nothing else needs it; whether there were any."""
    mine, named = table.c.dataset_id == dataset_id, table.columns.values()[2]
    with store.write_quietly() as connection:
        rows = connection.execute(sa.select(table.c.row, named).where(mine).order_by(table.c.row).limit(AT_ONCE)).all()
        if rows:
            connection.execute(table.delete().where(mine & (table.c.row <= rows[-1][0])))
            if unneeded is not None:
                connection.execute(unneeded(sorted({row[1] for row in rows})))
    return bool(rows)


def _pairs(ids: list[str]) -> sa.Delete:
    """Those in no data set, whose responses are in no other one and of no run."""
    of, held = s.pairs.c, s.dataset_pairs.c
    responses, kept = s.dataset_responses.c, s.responses.c
    both = responses.response_id.in_([of.a, of.b])
    elsewhere = sa.select(responses.row).join(s.datasets).where(both & s.datasets.c.whole)
    made = sa.select(kept.id).where(kept.id.in_([of.a, of.b]) & kept.run_id.is_not(None))
    free = ~sa.exists(sa.select(held.row).where(held.pair_id == of.id)) & ~sa.exists(elsewhere) & ~sa.exists(made)
    return s.pairs.delete().where(of.id.in_(ids) & free)


def _responses(ids: list[str]) -> sa.Delete:
    """Those in no data set, of no run and in no pair."""
    of, held, pairs = s.responses.c, s.dataset_responses.c, s.pairs.c
    paired = sa.select(pairs.id).where((pairs.prompt_id == of.prompt_id) & ((pairs.a == of.id) | (pairs.b == of.id)))
    free = ~sa.exists(sa.select(held.row).where(held.response_id == of.id)) & of.run_id.is_(None) & ~sa.exists(paired)
    return s.responses.delete().where(of.id.in_(ids) & free)


def _prompts(ids: list[str]) -> sa.Delete:
    """Those in no data set and without a response."""
    of, held, responses = s.prompts.c, s.dataset_prompts.c, s.responses.c
    answered = sa.select(responses.id).where(responses.prompt_id == of.id)
    free = ~sa.exists(sa.select(held.row).where(held.prompt_id == of.id)) & ~sa.exists(answered)
    return s.prompts.delete().where(of.id.in_(ids) & free)
