"""What lets a run go on to the bit: the checkpoints of a long stage, and the memory plan its passes were made under."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

_log = logging.getLogger(__name__)
EVERY_S = 120.0
"""Seconds between two checkpoints of a stage: what a kill can cost of it."""

Kind = Literal["scoring", "generating", "training"]


@dataclass(frozen=True)
class MemoryPlan:
    """How often the batches of each kind of pass were halved because memory ran out; 0 is the size they are made for.

    How rows are batched moves the last bits of a float, so a run that is to give the same bits needs the same plan.
    In float32, halved down to one text at a time, log-probs, entropies, gradients, embeddings and KL agree within 1e-6
    of their largest value, and the weights of an adapter after a round within 2e-4 (tests/engine/test_memory.py).
    """

    scoring: int = 0
    generating: int = 0
    training: int = 0

    def size(self, kind: Kind, whole: int) -> int:
        """What of `whole` (tokens, rows or pairs of a batch) goes through at once; at least 1."""
        halvings: int = getattr(self, kind)
        return max(1, whole >> halvings)

    def halved(self, kind: Kind, times: int) -> "MemoryPlan":
        """The plan with that kind of pass halved so many times more."""
        more: dict[str, int] = {kind: getattr(self, kind) + times}
        return replace(self, **more)

    def all_halved(self) -> "MemoryPlan":
        """The plan with every kind of pass halved once more."""
        return MemoryPlan(self.scoring + 1, self.generating + 1, self.training + 1)


def ran_out(error: BaseException) -> bool:
    """Whether memory ran out: what Python raises and, where torch is loaded, what a GPU and a CPU's allocator say."""
    torch = sys.modules.get("torch")
    kinds = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    words = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


VMSTAT = Path("/proc/vmstat")


def killed_for_memory() -> int | None:
    """Processes that the system has ended for want of memory since it started; None where it does not count them."""
    try:
        counts = dict(line.split() for line in VMSTAT.read_text(encoding="ascii").splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None


def unasked() -> None:
    """Nobody wants it to stop."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a stage was. `key` pins what it belongs to; one with another key is of no use to it."""

    key: str
    arrays: Mapping[str, np.ndarray]
    detail: Mapping[str, Any]


class Checkpoints(Protocol):
    """Where a run keeps the newest checkpoint of a stage; it goes when the stage is saved."""

    def load(self, round_number: int, stage: str) -> Checkpoint | None:
        """The newest one, whole; None if there is none, or if it is damaged."""

    def save(self, round_number: int, stage: str, checkpoint: Checkpoint) -> None:
        """Keep this one instead of the one before. What cannot be kept costs time after a kill, never a result."""


class MemoryCheckpoints:
    """For notebooks and tests."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, str], Checkpoint] = {}

    def load(self, round_number: int, stage: str) -> Checkpoint | None:
        """The newest one."""
        return self.kept.get((round_number, stage))

    def save(self, round_number: int, stage: str, checkpoint: Checkpoint) -> None:
        """Keep it; those of earlier stages are done with."""
        self.kept = {(round_number, stage): checkpoint}


def belonging(found: Checkpoint | None, key: str, where: str) -> Checkpoint | None:
    """The checkpoint if it is one of exactly this; a foreign one is left, and the log says so."""
    if found is not None and found.key != key:
        _log.warning("%s: its checkpoint belongs to other data, settings or adapter; the stage begins anew.", where)
        return None
    return found
