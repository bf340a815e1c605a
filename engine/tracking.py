"""A run told to its study's tracker, stage by stage; what the tracker gets wrong is counted and said, never raised."""

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine.config import RunConfig
from engine.errors import StoreError
from engine.loop import Stopped
from engine.records import STAGES, Evaluated, Event, Labelled, Picked, Pooled, Trained, stage_of
from engine.store.claims import Claim
from engine.store.database import Store
from engine.store.provenance import save_tracking
from engine.trackers.base import Log, Place, Told, Tracked, Tracker

_log = logging.getLogger(__name__)
GIVES_UP = 3
"""Failures in a row after which a tracker is left alone for as long as the worker has the run."""
ORDER = {stage: number for number, stage in enumerate(STAGES)}


class Tracking:
    """What the worker tells of one run. Without a tracker every method does nothing."""

    def __init__(self, tracker: Tracker | None, run: Tracked, note: Callable[[Mapping[str, Any]], None]) -> None:
        self._tracker, self._run, self._note = tracker, run, note
        self._record: Log | None = None
        self._in_a_row = self._failed = 0
        self.state = "stopped"
        """How the worker leaves the run, as it is known so far."""

    def begin(self, done: Sequence[Event]) -> None:
        """Open the record, and tell what it has not heard of the stages that are done."""
        if self._tracker is None:
            return

        def open_it(tracker: Tracker = self._tracker) -> None:
            self._record = tracker.open(self._run)

        self._try("open its record", open_it)
        heard: list[Place | None] = []
        if self._record is not None:
            self._try("say what it has heard", lambda record=self._record: heard.append(record.heard()))  # type: ignore[misc]
        for event in done if heard else ():
            if heard[0] is None or _after(event, heard[0]):
                self.tell(event)

    def tell(self, event: Event) -> None:
        """A finished and saved stage."""
        if (record := self._record) is not None:
            told = Told((event.round, stage_of(event)), figures(event))
            self._try(f"take round {event.round}, {stage_of(event)}", lambda: record.tell(told))

    def end(self) -> None:
        """The worker leaves the run."""
        if (record := self._record) is not None:
            self._try("end its record", lambda: record.end(self.state))

    def _try(self, what: str, do: Callable[[], None]) -> None:
        if self._tracker is None or self._in_a_row >= GIVES_UP:
            return
        try:
            do()
        except Exception as error:  # noqa: BLE001 - a place outside may fail in any way, and a run never for its sake
            self._in_a_row, self._failed = self._in_a_row + 1, self._failed + 1
            over = self._record is None or self._in_a_row >= GIVES_UP
            said = f"Tracker {self._tracker.name} could not {what}: {_without_passwords(error)}"
            left = " It is not asked again before the run goes on with another worker." if over else ""
            _log.warning("%s: %s%s", self._run.run_id, said, left)
            self._note({"name": self._tracker.name, "failed": self._failed, "said": said, "left": over})
        else:
            self._in_a_row = 0


@contextmanager
def tracked(store: Store, claim: Claim) -> Iterator[Tracking]:
    """Tell of a run for as long as a worker has it; at the end how it was left: `state`, else failed or stopped."""

    def note(found: Mapping[str, Any]) -> None:
        try:
            save_tracking(store, claim, found)
        except StoreError as error:
            _log.warning("%s: that its tracker failed could not be kept: %s", claim.run_id, error)

    found = Tracking(claim.config.study.tracker, _run_of(claim), note)
    try:
        yield found
    except Stopped:
        raise
    except Exception:
        found.state = "failed"
        raise
    finally:
        found.end()


def figures(event: Event) -> dict[str, float]:
    """The numbers of a stage, by name; those that are not finite are left out."""
    stage, spent = stage_of(event), event.spent
    found: dict[str, float] = {
        f"seconds/{stage}": spent.seconds, f"tokens/{stage}": spent.tokens, f"peak_bytes/{stage}": spent.peak_bytes,
    }  # fmt: skip
    if isinstance(event, Pooled):
        found["pool_pairs"] = len(event.pair_ids)
    elif isinstance(event, Picked):
        found["picks"] = len(event.picks)
    elif isinstance(event, Labelled):
        found |= {"labels": len(event.labels), "labels_reused": event.reused}
        found["labels_that_train"] = sum(label.trains for label in event.labels)
    elif isinstance(event, Trained):
        found |= {"labels_used": event.labels_used, "steps": len(event.steps)}
        found |= {f"train/{name}": value for name, value in (event.steps[-1] if event.steps else {}).items()}
    elif isinstance(event, Evaluated):
        found |= {f"{one.name}/{one.split}" if one.split else one.name: one.value for one in event.metrics}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _run_of(claim: Claim) -> Tracked:
    config = claim.config
    return Tracked(claim.run_id, claim.study_id, config.study.name, config.key, config.seed, facts(config))


def facts(config: RunConfig) -> dict[str, str]:
    """The run's settings as texts by their place in a study file; of the tracker itself nothing."""
    whole = config.study.model_dump(mode="json", exclude={"tracker", "strategies", "seeds", "controls", "name"})
    return dict(_flat({**whole, "strategy": config.strategy.spec()}, ""))


def _flat(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{place}.{name}" if place else str(name))
    else:
        yield place, str(value)


def _after(event: Event, heard: Place) -> bool:
    return (event.round, ORDER[stage_of(event)]) > (heard[0], ORDER[heard[1]])


def _without_passwords(error: Exception) -> str:
    """The error's kind and words; an address in them keeps no name, password or query."""
    words = re.sub(r"//[^\s/@]+@", "//", str(error))
    words = re.sub(r"\?[^\s)'\"]+", "", words)
    return f"{type(error).__name__}: {words[:300]}"
