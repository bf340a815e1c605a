"""A data file into the store, part by part: memory does not grow with the length of its texts.

With refused rows only on the person's word. A small file is one transaction; of a large one nobody sees anything until
all of it is there, and if it cannot be finished nothing of it stays.
"""

import collections
import contextlib
import gc
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.data.parts import Part
from engine.data.pool import PreferenceData
from engine.data.read import Report, open_data, refusal_sentence
from engine.errors import DataError
from engine.store.arriving import arriving
from engine.store.browse import has_dataset
from engine.store.database import Store
from engine.store.texts import add_dataset, id_of

AT_ONCE = 40_000
"""Rows of a part; a file with fewer is written in one transaction. Each part touches most pages of the indices anew."""
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
    reading = opened.parts(AT_ONCE, on_progress=lambda n: say(f"{n:,} rows read"), ahead=True)
    with contextlib.closing(reading) as parts:
        ready = [next(parts)]
        first = ready[0].only(list(ready[0].prompts)[:FIRST]).data()
        if has_dataset(store, dataset_id := id_of(report.sha256, report.format, "")):
            collections.deque(parts, maxlen=0)
        elif len(ready := [*ready, *itertools.islice(parts, 1)]) > 1:
            _write(store, report, _taken_out(ready, parts), skip_refused, say)
        elif _wanted(report, skip_refused):
            say(f"saving {len(ready[0].responses):,} responses")
            add_dataset(store, **_about(report), data=ready[0].data())
    return TakenIn(dataset_id if _wanted(report, skip_refused) else "", report, first)


def _write(store: Store, report: Report, parts: Iterator[Part], skip_refused: bool, say: Said) -> None:
    """Part by part; nothing stays where refused rows stop it."""
    begun = _about(report) | {"id": id_of(report.sha256, report.format, "")}
    waiting = partial(say, "waiting for another import to end")
    with arriving(store, begun, waiting) as writing, _no_cycles():
        for part in parts:
            if skip_refused or not report.refused:
                writing.add(part)
            del part  # the next one is made now
        if _wanted(report, skip_refused):
            writing.settle({**_about(report), "label_bank": report.label_bank})
        else:
            say("taking out what was written")


def _taken_out(ready: list[Part], parts: Iterator[Part]) -> Iterator[Part]:
    """Those that are ready, which nobody holds any more then, and the others."""
    while ready:
        yield ready.pop(0)
    yield from parts


@contextlib.contextmanager
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
        "name": report.name,
        "path": report.path,
        "format_name": report.format,
        "sha256": report.sha256,
        "rows": report.rows,
        "refused": report.reasons(),
        "dropped": dict(report.dropped),
    }
