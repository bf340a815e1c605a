"""The algorithm on one screen: pool → score → pick → label → train → evaluate, round after round.

It knows neither the store nor the screen. It yields an event at the end of every stage; given the events already done
it goes on from there, and what it then yields is what it would have yielded without a stop.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.cache import ArrayCache, MemoryCache
from engine.config import RunConfig
from engine.data.pool import PreferenceData
from engine.records import STAGES, Event, Label, Pick, Spent, stage_of

if TYPE_CHECKING:
    from engine.models.policy import Policy


class Stopped(Exception):
    """Raised by `say` to stop between or within stages; the stage in hand is lost, nothing else."""


def nothing_bought(pair_ids: Sequence[str]) -> Mapping[str, Label]:
    """No label was bought before."""
    return {}


def unedited(round_number: int, picks: Sequence[Pick]) -> Sequence[Pick]:
    """The batch as the strategy picked it."""
    return picks


def silent(sentence: str) -> None:
    """Nobody listens."""


@dataclass
class Inputs:
    """What a run needs beside its policy.

    `bought` answers with the labels of this study that were bought before; `edited` with the batch as a person left it.
    """

    config: RunConfig
    data: PreferenceData
    held_out: Mapping[str, PreferenceData]
    cache: ArrayCache
    bought: Callable[[Sequence[str]], Mapping[str, Label]] = nothing_bought
    edited: Callable[[int, Sequence[Pick]], Sequence[Pick]] = unedited

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

    Ends early, without an error, when an oracle answers "not yet": the caller sees the last event is `picked`.
    `say` gets a sentence of progress now and then and may raise `Stopped`.
    """
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
            run.apply(event)


def _measured(run: "Run", stage: str, number: int) -> Event | None:  # type: ignore[name-defined]  # noqa: F821
    """One stage with the seconds, tokens and peak memory it took."""
    began, tokens = time.perf_counter(), run.tokens_seen
    event: Event | None = getattr(run, stage)(number)
    if event is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return replace(event, spent=Spent(time.perf_counter() - began, run.tokens_seen - tokens, peak))
