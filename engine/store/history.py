"""The events of a run, as they were saved. A damaged or missing stage is named; it and all after it are left out.

But for responses that were drawn: they are data, and never drawn again. Their pools stay, and one whose file is damaged
is made from the tables of texts, to the same bytes.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import STAGES, Event, Pair, Response, Spent
from engine.store import schema as s
from engine.store.codec import POOL, drawn_file, event_of
from engine.store.database import Store
from engine.store.files import Written, read_bytes, write_bytes

_log = logging.getLogger(__name__)


def load_events(store: Store, run_id: str) -> tuple[list[Event], str]:
    """The events in order, and a sentence if some must be computed again ("" if none)."""
    events: list[Event] = []
    rows, files = _saved(store, s.stages.c.run_id == run_id, s.artefacts.c.run_id == run_id)
    found = {(row.round, row.stage): row for row in rows}
    for number, stage in _places(max((row.round for row in rows), default=-1)):
        row = found.pop((number, stage), None)
        if row is None and not found:
            break
        try:
            if row is None:
                raise StoreError(f"it has no row, and {len(found)} stages after it have.", "It is computed again.")
            events.append(_event(store, row, files))
        except StoreError as error:
            sentence = f"Round {number}, {stage}, and what follows is computed again: {error.what}"
            _log.warning("%s: %s", run_id, sentence)
            return [*events, *_drawn(store, found.values(), files)], sentence
    return events, ""


def _drawn(store: Store, rows: Iterable[Any], files: "_Files") -> Iterator[Event]:
    """The pools of drawn responses among these stages; one that cannot be read is lost, and the log says so."""
    for row in sorted((row for row in rows if "drawn" in row.detail), key=lambda row: row.round):
        try:
            yield _event(store, row, files)
        except StoreError as error:
            _log.warning("%s: the responses of round %d are drawn again: %s", row.run_id, row.round, error.what)


def _places(last: int) -> Iterator[tuple[int, str]]:
    """(round, stage) in the order in which a run comes by them, up to the end of round `last`."""
    for number in range(last + 1):
        for stage in STAGES if number else ("evaluated",):
            yield number, stage


def load_event(store: Store, run_id: str, round_number: int, stage: str) -> Event | None:
    """One event, or None if that stage is not done; StoreError if its files are damaged."""
    rows, files = _saved(
        store,
        (s.stages.c.run_id == run_id) & (s.stages.c.round == round_number) & (s.stages.c.stage == stage),
        (s.artefacts.c.run_id == run_id) & (s.artefacts.c.round == round_number) & (s.artefacts.c.stage == stage),
    )
    return _event(store, rows[0], files) if rows else None


def load_stage(store: Store, run_ids: Collection[str], stage: str) -> dict[str, dict[int, Event]]:
    """Run → round → that stage's event, of all rounds it is done in, asked for at once; StoreError as above."""
    rows, files = _saved(
        store,
        s.stages.c.run_id.in_(run_ids) & (s.stages.c.stage == stage),
        s.artefacts.c.run_id.in_(run_ids) & (s.artefacts.c.stage == stage),
    )
    found: dict[str, dict[int, Event]] = {}
    for row in sorted(rows, key=lambda row: row.round):
        found.setdefault(row.run_id, {})[row.round] = _event(store, row, files)
    return found


_Files = dict[tuple[str, int, str], dict[str, Written]]


def _saved(store: Store, stages: Any, artefacts: Any) -> tuple[list[Any], _Files]:
    files: _Files = {}
    with store.read() as connection:
        rows = list(connection.execute(sa.select(s.stages).where(stages)))
        for row in connection.execute(sa.select(s.artefacts).where(artefacts)):
            named = files.setdefault((row.run_id, row.round, row.stage), {})
            named[row.name] = Written(row.path, row.bytes, row.sha256)
    return rows, files


def _event(store: Store, row: Any, files: _Files) -> Event:
    named = files.get((row.run_id, row.round, row.stage), {})
    content = {name: _content(store, row, name, file) for name, file in named.items()}
    try:
        return event_of(row.stage, row.round, row.detail, Spent(row.seconds, row.tokens, row.peak_bytes), content)
    except KeyError as error:
        raise StoreError(f"its row of {error} is missing.", "Its stage will be computed again.") from error


def _content(store: Store, row: Any, name: str, file: Written) -> bytes:
    """A file of a stage; one that holds what was drawn is put back if it is damaged. StoreError if it cannot be."""
    try:
        return read_bytes(store.folder, file)
    except StoreError as error:
        drawn = row.detail.get("drawn") if name == POOL else None
        content = _again(store, drawn) if drawn else None
        if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
            raise
        _log.warning("%s: %s It is made again from the tables of texts.", row.run_id, error.what)
    try:
        write_bytes(store.folder, file.path, content)
    except StoreError as error:  # a full disk, or a store that may only be read: it is made again next time
        _log.warning("%s", error)
    return content


def _again(store: Store, drawn: Mapping[str, Any]) -> bytes | None:
    """What the file of a drawn pool held; None if a text is gone as well."""

    def named(connection: sa.Connection, table: sa.Table, ids: Iterable[str]) -> Any:
        wanted = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
        return connection.execute(sa.select(table).where(table.c.id.in_(sa.select(wanted.c.value))))

    with store.read() as connection:
        responses = named(connection, s.responses, (row[0] for row in drawn["responses"]))
        texts = {r.id: Response(r.id, r.prompt_id, r.text, r.source) for r in responses}
        pairs = {p.id: Pair(p.id, p.prompt_id, p.a, p.b) for p in named(connection, s.pairs, drawn["pairs"])}
    try:
        return drawn_file(drawn, texts, pairs)
    except KeyError:
        return None
