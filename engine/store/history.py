"""The events of a run, as they were saved. A damaged stage is named; it and all after it are left out."""

import logging

import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import STAGES, Event, Spent
from engine.store import schema as s
from engine.store.codec import event_of
from engine.store.database import Store
from engine.store.files import Written, read_bytes

_log = logging.getLogger(__name__)


def load_events(store: Store, run_id: str) -> tuple[list[Event], str]:
    """The events in order, and a sentence if some must be computed again ("" if none)."""
    with store.read() as connection:
        rows = connection.execute(sa.select(s.stages).where(s.stages.c.run_id == run_id)).all()
        files: dict[tuple[int, str], dict[str, Written]] = {}
        for row in connection.execute(sa.select(s.artefacts).where(s.artefacts.c.run_id == run_id)):
            files.setdefault((row.round, row.stage), {})[row.name] = Written(row.path, row.bytes, row.sha256)
    events: list[Event] = []
    for row in sorted(rows, key=lambda r: (r.round, STAGES.index(r.stage))):
        try:
            content = {name: read_bytes(store.folder, w) for name, w in files.get((row.round, row.stage), {}).items()}
        except StoreError as error:
            sentence = f"Round {row.round}, {row.stage}, and what follows is computed again: {error.what}"
            _log.warning("%s: %s", run_id, sentence)
            return events, sentence
        spent = Spent(row.seconds, row.tokens, row.peak_bytes)
        events.append(event_of(row.stage, row.round, row.detail, spent, content))
    return events, ""
