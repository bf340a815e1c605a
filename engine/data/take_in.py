"""A data file into the store, part by part: memory does not grow with the length of its texts.

With refused rows only on the person's word. A small file is one transaction; of a large one nobody sees anything until
all of it is there, and if it cannot be finished nothing of it stays.
"""

import collections
import gc
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.data.pool import PreferenceData
from engine.data.read import Report, open_data, refusal_sentence
from engine.errors import DataError
from engine.store.arriving import arriving, bank_of
from engine.store.browse import has_dataset
from engine.store.database import Store
from engine.store.texts import add_dataset, id_of

AT_ONCE = 10_000
"""Rows of a part; a file with fewer is written in one transaction."""
FIRST = 3
"""Prompts that are handed back as they were understood."""
Said = Callable[[str], None]


def unsaid(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class TakenIn:
    """What was read. `dataset_id` is "" where refused rows stopped it; `first`: the first prompts as first said."""

    dataset_id: str
    report: Report
    first: PreferenceData


def take_in(
    store: Store, path: str, format_name: str | None = None, *, skip_refused: bool = False, say: Said = unsaid
) -> TakenIn:
    """Read a file into the store; the same file read in the same way is not written again.

    `say` hears how far it is, and may raise to give up. DataError: no such file, no known format, nothing in it.
    """
    say("opening the file")
    opened = open_data(path, format_name)
    report = opened.report
    parts = opened.parts(AT_ONCE, on_progress=lambda n: say(f"{n:,} rows read"))
    head = next(parts)
    first = head.only_prompts(list(head.prompts)[:FIRST])
    if has_dataset(store, dataset_id := id_of(report.sha256, report.format, "")):
        collections.deque(parts, maxlen=0)
        report.label_bank = bank_of(store, dataset_id)
    elif (second := next(parts, None)) is None:
        report.label_bank = head.is_label_bank
        if _wanted(report, skip_refused):
            say(f"saving {len(head.responses):,} responses")
            add_dataset(store, **_about(report), data=head)
    else:
        begun = _about(report) | {"id": dataset_id}
        waiting = partial(say, "waiting for another import to end")
        with arriving(store, begun, waiting) as writing, ThreadPoolExecutor(1) as pool, _no_cycles():
            written: Future[Any] = pool.submit(int)
            for part in itertools.chain((head, second), parts):
                written.result()  # while a part is written the next one is read
                if skip_refused or not report.refused:
                    written = pool.submit(writing.add, part)
            written.result()
            if _wanted(report, skip_refused):
                say("looking whether every pair is answered")
                report.label_bank = writing.settle(_about(report))
            else:
                say("taking out what was written")
    return TakenIn(dataset_id if _wanted(report, skip_refused) else "", report, first)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Without the search for cycles: a row makes none, and to search through millions of objects takes a tenth."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _wanted(report: Report, skip_refused: bool) -> bool:
    """Whether it goes into the store; DataError if there is nothing in it."""
    if not report.counts.prompts:
        raise DataError(refusal_sentence(report), "No row is left to go on with.")
    return skip_refused or not report.refused


def _about(report: Report) -> dict[str, Any]:
    """What the store keeps of the file, as far as it was read."""
    return {
        "name": Path(report.path).name,
        "path": report.path,
        "format_name": report.format,
        "sha256": report.sha256,
        "rows": report.rows,
        "refused": report.reasons(),
        "dropped": dict(report.dropped),
    }
