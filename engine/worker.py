"""A worker: claims runs, saves what the loop yields, says a word every few seconds, obeys commands.

It is a process of its own. If it dies, its lease lapses and another takes the run over from the last finished stage.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.loop import Inputs, Stopped, rounds
from engine.records import Event, Label
from engine.store import writer
from engine.store.cache import FileCache
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.store.texts import load_dataset

if TYPE_CHECKING:
    from engine.models.policy import Policy

_log = logging.getLogger(__name__)
WORD_EVERY_S = 1.0
IDLE_S = 1.0
Loop = Callable[..., Iterator[Event]]


class Worker:
    """One device worker. `loop` is `engine.loop.rounds`, or in tests another with its signature."""

    def __init__(
        self, store: Store, device: str = "auto", lease_s: float = writer.LEASE_S, loop: Loop = rounds
    ) -> None:
        self.store, self.device, self.lease_s, self.loop = store, device, lease_s, loop
        self.id = writer.register_worker(store, "device", device, os.getpid(), socket.gethostname(), lease_s)
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._lost: str | None = None  # the run that is no longer ours
        self._doing = "waits for work"
        self._run_id: str | None = None
        self._policy: tuple[str, Policy] | None = None

    def work(self, until_idle: bool = False) -> int:
        """Do runs until told to stop, or until there is none to do; the number of runs that ended here."""
        words = threading.Thread(target=self._say_words, daemon=True)
        words.start()
        ended = 0
        try:
            while not self._stop.is_set():
                claim = writer.claim_run(self.store, self.id, self.lease_s)
                if claim is not None:
                    ended += self._do(claim)
                elif until_idle:
                    break
                else:
                    self._stop.wait(IDLE_S)
        finally:
            self._ended.set()
            words.join(timeout=5)
            writer.end_worker(self.store, self.id)
        return ended

    def stop(self, *_: int | FrameType | None) -> None:
        """Stop after the micro-batch in hand; the run goes back to the queue."""
        self._stop.set()

    def _do(self, claim: writer.Claim) -> bool:
        """One run, from its last finished stage to its end; True if it ended (done or failed)."""
        self._lost = None
        self._doing, self._run_id = "reads the data", claim.run_id
        try:
            finished = self._rounds(claim)
        except Stopped:
            if self._stop.is_set():
                self._end(claim, "queued")
            return False
        except EngineError as error:
            _log.error("%s: %s", claim.run_id, error)
            self._end(claim, "failed", str(error))
            return True
        except _out_of_memory():
            sentence = "Memory ran out. Lower dpo.micro_batch_pairs or prompts_per_round, then retry."
            self._end(claim, "failed", sentence)
            return True
        except Exception as error:
            # A bug: the run must not look as if it were still going. The trace goes to the log, and up.
            sentence = f"{type(error).__name__}: {error}. This is a fault of the program; its trace is in the log."
            self._end(claim, "failed", sentence)
            raise
        finally:
            self._run_id, self._doing = None, "waits for work"
        self._end(claim, "done" if finished else "waiting")
        return True

    def _end(self, claim: writer.Claim, state: str, error: str = "") -> None:
        """Unless a person or another worker was faster."""
        writer.set_state(self.store, claim.run_id, state, error=error, only_from=["running"], worker_id=self.id)

    def _rounds(self, claim: writer.Claim) -> bool:
        """Save every event the loop yields; False if it waits for a person."""
        inputs = self._inputs(claim)
        done, _ = load_events(self.store, claim.run_id)
        writer.drop_stages(self.store, claim, keep=[(e.round, type(e).__name__.lower()) for e in done])
        policy = self._policy_for(claim)
        writer.save_provenance(self.store, claim, provenance(policy), str(policy.device) if policy else self.device)
        last: Event | None = done[-1] if done else None
        for event in self.loop(inputs, done, self._say, policy):
            if not writer.save_event(self.store, claim, event):
                raise Stopped
            last = event
            self._check()
        return last is not None and (last.round, type(last).__name__) == (claim.config.study.rounds, "Evaluated")

    def _inputs(self, claim: writer.Claim) -> Inputs:
        def bought(pair_ids: Sequence[str]) -> Mapping[str, Label]:
            return writer.bought_labels(self.store, claim, pair_ids)

        held_out = {
            role.removeprefix("held_out:"): load_dataset(self.store, dataset_id)
            for role, dataset_id in claim.datasets.items()
            if role.startswith("held_out:")
        }
        cache = FileCache(self.store.folder / "cache")
        return Inputs(claim.config, load_dataset(self.store, claim.datasets["pool"]), held_out, cache, bought)

    def _policy_for(self, claim: writer.Claim) -> "Policy | None":
        """The base model stays loaded from run to run; the loop gives each run its own fresh adapter."""
        if self.loop is not rounds:
            return None
        from engine.models.load import load_policy

        settings = claim.config.study.model
        if self.device != "auto":
            settings = settings.model_copy(update={"device": self.device})
        key = settings.model_dump_json()
        if self._policy is None or self._policy[0] != key:
            self._doing = "loads the model"
            self._policy = (key, load_policy(settings, claim.config.seed))
        return self._policy[1]

    def _say(self, sentence: str) -> None:
        self._doing = sentence
        self._check()

    def _check(self) -> None:
        if self._stop.is_set() or (self._lost is not None and self._lost == self._run_id):
            raise Stopped

    def _say_words(self) -> None:
        """Beside the work, to its very end: the last word and the lease. A paused, cancelled or taken run is lost."""
        while not self._ended.wait(WORD_EVERY_S):
            run_id = self._run_id
            try:
                if not writer.heartbeat(self.store, self.id, run_id, self._doing, self.lease_s) and run_id is not None:
                    self._lost = run_id
            except EngineError as error:
                _log.warning("No word could be written: %s", error)


def work(folder: Path, device: str = "auto", until_idle: bool = False) -> int:
    """Run a device worker on a store until SIGTERM or Ctrl-C (or until nothing is left to do)."""
    worker = Worker(open_store(folder), device)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    return worker.work(until_idle)


def provenance(policy: "Policy | None") -> dict[str, Any]:
    """What a run is computed with: versions, device, threads, hashes of model, tokenizer and template."""
    import platform

    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in ("torch", "transformers", "peft", "numpy", "scipy")},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if policy is not None:
        import torch

        found |= {
            "device": str(policy.device),
            "dtype": str(policy.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "reasons": list(policy.reasons),
            "reference": policy.reference_in_words(),
            "model_sha256": policy.base_hash,
            "tokenizer_sha256": policy.tokenizer_hash,
            "template_sha256": policy.template_hash,
        }
    return found


def _out_of_memory() -> tuple[type[BaseException], ...]:
    """What Python raises, and where torch is loaded what a GPU does."""
    import sys

    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
