"""Data sets in the store: texts once by content, and which data set holds which of them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.data.parts import Part, Turns
from engine.data.pool import Comparison, PreferenceData
from engine.errors import StoreError
from engine.records import Message, Pair, Pooled, Prompt, Response
from engine.resume import unasked
from engine.store import schema as s
from engine.store.database import Store, now

_first = itemgetter(0)
Rows = list[tuple[Any, ...]]
Written = Iterator[tuple[sa.Table, Sequence[str], Rows]]
"""Table, columns and rows."""
ZERO: Mapping[str, int] = {}
AT_ONCE = 4096
"""Rows that are read between two looks at whether somebody wants a stop."""


def add_dataset(
    store: Store,
    *,
    name: str,
    path: str,
    format_name: str,
    sha256: str,
    data: PreferenceData,
    rows: int,
    refused: Mapping[str, int],
    dropped: Mapping[str, int] | None = None,
    part: str = "",
) -> str:
    """Save what a file held; the same file, format and part again gives the same id and writes nothing.

    `part` names the piece of a file that was split ("pool, 80 %").
    """
    dataset_id = id_of(sha256, format_name, part)
    with store.read() as connection:
        whole = connection.execute(sa.select(s.datasets.c.whole).where(s.datasets.c.id == dataset_id)).scalar()
    if whole:
        return dataset_id
    if whole is not None:
        _clear_the_way(store, name)
    begun = insert(s.datasets).values(
        id=dataset_id,
        name=name,
        path=path,
        format=format_name,
        sha256=sha256,
        rows=rows,
        refused=dict(refused),
        dropped=dict(dropped or {}),
        part=part,
        created=now(),
        label_bank=data.is_label_bank,
    )
    with store.write() as connection:
        if connection.execute(begun.on_conflict_do_nothing()).rowcount:
            add_members(connection, dataset_id, Part.of(data))
            return dataset_id
        whole = connection.execute(sa.select(s.datasets.c.whole).where(s.datasets.c.id == dataset_id)).scalar()
    if not whole:  # begun since we looked
        raise _still_written(name)
    return dataset_id


def _clear_the_way(store: Store, name: str) -> None:
    """Take out what an import left that did not end; StoreError while it still writes."""
    from engine.store.arriving import lock_of_imports, remove_leftovers  # it stands on this module

    with lock_of_imports(store) as alone:
        if not alone:
            raise _still_written(name)
        remove_leftovers(store)


def _still_written(name: str) -> StoreError:
    return StoreError(f"{name} is being imported by another process.", "Try again when that has ended.")


def add_members(connection: sa.Connection, dataset_id: str, part: Part, at: Mapping[str, int] = ZERO) -> None:
    """Texts that are not there yet, and that the data set holds them; table → its rows so far in `at`."""
    for table, names, rows in (*texts_of(part), *members_of(dataset_id, part, at)):
        insert_many(connection, table, names, rows)


def members_of(dataset_id: str, part: Part, at: Mapping[str, int] = ZERO) -> Written:
    """Table, columns and rows that say what a data set holds; table → its rows so far in `at`."""
    d, scores, aspects = dataset_id, part.scores, part.aspects
    at = {name: at.get(name, 0) for name in ("dataset_prompts", "dataset_responses", "dataset_pairs", "comparisons")}
    # The text's id stands first, so that `insert_many` writes in the order of the index.
    of_prompts = [(i, n, d) for n, i in enumerate(part.prompts, at["dataset_prompts"])]
    yield s.dataset_prompts, ("prompt_id", "row", "dataset_id"), of_prompts
    judged = [
        (i, n, d, scores.get(i), _json(aspects.get(i))) for n, i in enumerate(part.responses, at["dataset_responses"])
    ]
    yield s.dataset_responses, ("response_id", "row", "dataset_id", "score", "aspects"), judged
    yield (
        s.dataset_pairs,
        ("pair_id", "row", "dataset_id"),
        [(i, n, d) for n, i in enumerate(part.pairs, at["dataset_pairs"])],
    )
    answers = [
        (pair_id, n, d, answer, strength, labeller, share)
        for n, (pair_id, answer, strength, labeller, share) in enumerate(part.comparisons, at["comparisons"])
    ]
    names = ("pair_id", "row", "dataset_id", "answer", "strength", "labeller", "share")
    yield s.comparisons, names, answers


def texts_of(part: Part) -> Written:
    """Table, columns and rows of the texts and pairs themselves; responses as the file's, of no run."""
    yield (
        s.prompts,
        ("id", "messages", "topic"),
        [(i, _turns(turns), topic) for i, turns, topic in part.prompts.values()],
    )
    yield s.responses, ("id", "prompt_id", "text", "source"), list(part.responses.values())
    yield s.pairs, ("id", "prompt_id", "a", "b"), list(part.pairs.values())


def _turns(turns: Turns) -> str:
    """What json.dumps gives for these lists of two texts."""
    return f"[{', '.join([f'[{_quoted(role)}, {_quoted(text)}]' for role, text in turns])}]"


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def id_of(sha256: str, format_name: str, part: str) -> str:
    """The id of a data set: the same file read in the same way has the same."""
    return "d" + _short(sha256, format_name, part)


def add_texts(
    connection: sa.Connection, data: PreferenceData, *, run_id: str | None = None, round_number: int | None = None
) -> None:
    """Prompts, responses and pairs that are not there yet; `run_id` and `round_number` made the responses."""
    for table, names, rows in texts_of(Part.of(data)):
        if table is s.responses and run_id is not None:
            rows = [(*row, run_id, round_number) for row in rows]
            names = (*names, "run_id", "round")
        insert_many(connection, table, names, rows)


def add_pairs(connection: sa.Connection, pairs: list[Pair]) -> None:
    """Pairs that are not there yet."""
    insert_many(connection, s.pairs, ("id", "prompt_id", "a", "b"), [(p.id, p.prompt_id, p.a, p.b) for p in pairs])


def keep_drawn(store: Store, pooled: Pooled) -> None:
    """Keep what was drawn for a dry run; a run that draws the same finds it there."""
    with store.write() as connection:
        add_texts(connection, PreferenceData(responses={r.id: r for r in pooled.made}))
        add_pairs(connection, list(pooled.made_pairs))


def load_dataset(store: Store, dataset_id: str, check: Callable[[], None] = unasked) -> PreferenceData:
    """What `add_dataset` saved, in the order of the file. `check` is called now and then and may raise to end it."""
    with store.read() as connection:
        there = (s.datasets.c.id == dataset_id) & s.datasets.c.whole
        if not connection.execute(sa.select(s.datasets.c.id).where(there)).first():
            raise StoreError(f"There is no data set {dataset_id!r} in {store.folder}.", "See `workbench data list`.")
        data = PreferenceData()

        def rows(member: sa.Table, column: str, table: sa.Table, *more: Any) -> Any:
            found = connection.execute(
                sa.select(table, *more)
                .join(member, member.c[column] == table.c.id)
                .where(member.c.dataset_id == dataset_id)
                .order_by(member.c.row)
            )
            for number, row in enumerate(found):
                if number % AT_ONCE == 0:
                    check()
                yield row

        of = s.dataset_responses.c
        for row in rows(s.dataset_prompts, "prompt_id", s.prompts):
            data.prompts[row.id] = Prompt(row.id, tuple(Message(*m) for m in row.messages), row.topic or "")
        for row in rows(s.dataset_responses, "response_id", s.responses, of.score, of.aspects):
            data.responses[row.id] = Response(row.id, row.prompt_id, row.text, row.source)
            if row.score is not None:
                data.scores[row.id] = row.score
            if row.aspects:
                data.aspects[row.id] = row.aspects
        for row in rows(s.dataset_pairs, "pair_id", s.pairs):
            data.pairs[row.id] = Pair(row.id, row.prompt_id, row.a, row.b)
        found = connection.execute(
            sa.select(s.comparisons).where(s.comparisons.c.dataset_id == dataset_id).order_by(s.comparisons.c.row)
        )
        data.comparisons = [Comparison(r.pair_id, r.answer, r.strength, r.labeller, r.share) for r in found]
    return data


def insert_many(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Rows) -> None:
    """Insert, leaving rows alone that are there already: ids are hashes, so they hold the same.

    The first column is an id. Rows are written in its order, so that neighbours fall on one page of the index; and
    as they are, without a dictionary for each: both count where there are millions.
    """
    if not rows:
        return
    marks = ", ".join("?" * len(names))
    into = f"{table.name} ({', '.join(names)})"
    statement = f"INSERT INTO {into} VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 names of our own
    try:
        connection.exec_driver_sql(statement, sorted(rows, key=_first))
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 30) : error.start]
        raise StoreError(
            f"A text cannot be stored: after {near!r} stands half of a surrogate pair, which is no character.",
            "Mend that row of the file.",
        ) from error


def _short(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
