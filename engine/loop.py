"""The algorithm on one screen: pool → score → pick → label → train → evaluate, round after round.

It knows neither the store nor the screen. It yields an event at the end of every stage; given the events already done
it goes on from there, and what it then yields is what it would have yielded without a stop.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.cache import ArrayCache, MemoryCache
from engine.config import RunConfig
from engine.data.pool import PreferenceData
from engine.errors import OutOfMemory
from engine.oracles.base import nothing_spent
from engine.records import STAGES, Event, Label, Pick, Picked, Scored, Spent, stage_of
from engine.resume import Checkpoints, MemoryCheckpoints, MemoryPlan, unasked

if TYPE_CHECKING:
    from engine.models.policy import Policy


_log = logging.getLogger(__name__)


class Stopped(Exception):
    """Raised by `say` and `check` to stop between or within stages; what is lost is the stage since its checkpoint."""


def nothing_bought(pair_ids: Sequence[str]) -> Mapping[str, Label]:
    """No label was bought before."""
    return {}


def unedited(round_number: int, picks: Sequence[Pick]) -> Sequence[Pick] | None:
    """The batch as the strategy picked it."""
    return picks


def for_nobody(pair_ids: Sequence[str]) -> Collection[str]:
    """Nobody is left to answer what was skipped."""
    return ()


def unheard(pair_ids: Sequence[str]) -> None:
    """Nobody is told which pairs wait."""


def silent(sentence: str) -> None:
    """Nobody listens."""


def unkept(memory: MemoryPlan) -> None:
    """Nobody keeps the memory plan."""


@dataclass
class Inputs:
    """What a run needs beside its policy.

    `bought` answers with the labels of this study that were bought before; `edited` with the batch as a person left it,
    or None while it is under review; `again` with those of skipped pairs that may be picked once more.
    `waits` is told the pairs of a batch that an oracle answers "not yet". `spent` says what the study has spent on
    asked models.
    `check` is called before each pass of a model and may raise `Stopped`. `memory` is the plan to begin with; if it has
    to be halved, `keep_memory` is told before anything is computed under the new one. `study_id` and `run_id` are
    what a store calls them.
    """

    config: RunConfig
    data: PreferenceData
    held_out: Mapping[str, PreferenceData]
    cache: ArrayCache
    bought: Callable[[Sequence[str]], Mapping[str, Label]] = nothing_bought
    edited: Callable[[int, Sequence[Pick]], Sequence[Pick] | None] = unedited
    again: Callable[[Sequence[str]], Collection[str]] = for_nobody
    waits: Callable[[Sequence[str]], None] = unheard
    spent: Callable[[], Mapping[str, float]] = nothing_spent
    check: Callable[[], None] = unasked
    checkpoints: Checkpoints = field(default_factory=MemoryCheckpoints)
    memory: MemoryPlan = field(default_factory=MemoryPlan)
    keep_memory: Callable[[MemoryPlan], None] = unkept
    study_id: str = ""
    run_id: str = ""

    @classmethod
    def in_memory(cls, config: RunConfig, data: PreferenceData, held_out: Mapping[str, PreferenceData]) -> "Inputs":
        """For a notebook: nothing kept, nothing bought before."""
        return cls(config, data, held_out, MemoryCache())


def rounds(
    inputs: Inputs,
    done: Sequence[Event] = (),
    say: Callable[[str], None] = silent,
    policy: "Policy | None" = None,
) -> Iterator[Event]:
    """Yield the events of a run that are not in `done`, in order.

    Ends early, without an error, while a batch is under review or an oracle answers "not yet": the caller sees the last
    event is `picked`. A batch that a person has changed is yielded once more, as it is labelled.
    `say` gets a sentence of progress now and then and may raise `Stopped`. Where memory runs out, batches are halved
    and the run goes on as after a stop: from the last finished stage, everything since under the smaller plan.
    """
    finished = list(done)
    while True:
        try:
            for event in _rounds(inputs, finished, say, policy):
                yield event
                finished.append(_light(event))
            return
        except OutOfMemory as error:
            if not error.times:
                raise
            sentence, halved = error.what, inputs.memory.halved(error.kind, error.times)  # type: ignore[arg-type]
        # Not within the clause: the error holds on to all that lay in memory.
        _log.warning("%s Batches are halved (%s); the run goes on from its last finished stage.", sentence, halved)
        inputs.memory = halved
        inputs.keep_memory(halved)
        say("memory ran out; goes on with smaller batches")


def _light(event: Event) -> Event:
    """As a store gives it back: of the signals only the scalar ones."""
    if isinstance(event, Scored):
        return replace(event, signals=tuple(signal for signal in event.signals if signal.values.ndim == 1))
    return event


def _rounds(
    inputs: Inputs, done: Sequence[Event], say: Callable[[str], None], policy: "Policy | None"
) -> Iterator[Event]:
    from engine.stages import Run

    finished = {(event.round, stage_of(event)): event for event in done}
    run = Run(inputs, say, policy)
    for number in range(inputs.config.study.rounds + 1):
        for stage in STAGES if number else ("evaluated",):
            event = finished.get((number, stage))
            if event is None:
                say(f"round {number}, {stage}")
                event = _measured(run, stage, number)
                if event is None:
                    return
                yield event
            if isinstance(event, Picked) and (number, "labelled") not in finished:
                batch = run.reviewed(event)
                if batch is None:
                    return
                if batch is not event:
                    yield batch
                event = batch
            run.apply(event)


def _measured(run: "Run", stage: str, number: int) -> Event | None:  # type: ignore[name-defined]  # noqa: F821
    """One stage with the seconds, tokens and peak memory it took."""
    run.forget_peak()
    began, tokens = time.perf_counter(), run.tokens_seen
    event: Event | None = getattr(run, stage)(number)
    if event is None:
        return None
    seconds = time.perf_counter() - began
    return replace(event, spent=Spent(seconds, run.tokens_seen - tokens, run.peak_bytes))
