"""What every worker does: claims by lease, one thing after another, says a word every second, and lets go when told.

It is a process of its own. If it dies, its lease lapses and another takes over what it held.
"""

import logging
import os
import signal
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FrameType
from typing import ClassVar, Generic, TypeVar

from engine.errors import EngineError, StoreError, TrainingError
from engine.loop import Stopped
from engine.resume import ran_out
from engine.store import writer
from engine.store.database import Store

_log = logging.getLogger(__name__)
WORD_EVERY_S = 1.0
IDLE_S = 1.0
TRIES = 5
"""Writes that are tried while another process holds the database; each waits for 30 s itself."""
TROUBLE_S = 5.0
"""Between two tries to write to a database that cannot be written."""
C = TypeVar("C")
T = TypeVar("T")


class Claiming(ABC, Generic[C]):
    """A worker's frame: a subclass says what it claims, how it does it, and how that ends."""

    kind: ClassVar[str]
    """"device" or "tools", as in the table of workers."""
    out_of_memory: ClassVar[str]
    """The sentence for that case: what to lower."""

    def __init__(self, store: Store, device: str = "cpu", lease_s: float = writer.LEASE_S) -> None:
        self.store, self.device, self.lease_s = store, device, lease_s
        self.id = writer.register_worker(store, self.kind, device, os.getpid(), socket.gethostname(), lease_s)
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._doing = "waits for work"
        self._holds: C | None = None
        self._lost: C | None = None  # what is no longer ours

    @abstractmethod
    def _claim(self) -> C | None:
        """The next thing to do, or None."""

    @abstractmethod
    def _carry_out(self, claim: C) -> bool:
        """Do it; whether it came to an end here and not only to a pause."""

    @abstractmethod
    def _end(self, claim: C, state: str, error: str = "") -> None:
        """Say how it ended, unless a person or another worker was faster."""

    @abstractmethod
    def _word(self, claim: C | None) -> bool:
        """Say what is being done, and renew the lease; False if the claim is no longer this worker's."""

    def work(self, until_idle: bool = False) -> int:
        """Do things until told to stop, or until there is none to do; the number of those that ended here."""
        words = threading.Thread(target=self._say_words, daemon=True)
        words.start()
        ended = 0
        try:
            while not self._stop.is_set():
                claim = self._lasting(self._claim)
                if claim is not None:
                    ended += self._do(claim)
                elif until_idle:
                    break
                else:
                    self._rest()
        finally:
            self._ended.set()
            words.join(timeout=5)
            self._lasting(lambda: writer.end_worker(self.store, self.id))
        return ended

    def _rest(self) -> None:
        """Until it is worth looking again."""
        self._stop.wait(IDLE_S)

    def stop(self, *_: int | FrameType | None) -> None:
        """Stop at the next word that is said; what is in hand goes back to the queue."""
        self._stop.set()

    def stop_when_asked(self) -> None:
        """Stop on SIGTERM and on Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def _do(self, claim: C) -> bool:
        """One thing to its end; True if it ended (done or failed)."""
        self._lost, self._holds = None, claim
        try:
            return self._carry_out(claim)
        except Stopped:
            if self._stop.is_set():
                self._lasting(lambda: self._end(claim, "queued"))
            return False
        except EngineError as error:
            more = f" All pairs: {', '.join(error.pairs)}." if isinstance(error, TrainingError) and error.pairs else ""
            _log.error("%s: %s%s", claim, error, more)
            self._fail(claim, f"{error}{more}{self._advice(claim, error)}")
        except Exception as error:  # noqa: BLE001 - memory or a fault: it ends this claim, not the worker of all others
            _log.exception("%s", claim)
            fault = f"{type(error).__name__}: {error}. This is a fault of the program; its trace is in the log."
            self._fail(claim, self.out_of_memory if ran_out(error) else fault)
        finally:
            self._holds, self._doing = None, "waits for work"
        return True

    def _advice(self, claim: C, error: EngineError) -> str:
        """What more is to be said to a person, if anything, with a blank before it."""
        return ""

    def _fail(self, claim: C, sentence: str) -> None:
        self._lasting(lambda: self._end(claim, "failed", sentence))

    def _patient(self, write: Callable[[], T]) -> T:
        """Do it again if another process, a backup say, held the database; what else goes wrong goes up."""
        for _ in range(TRIES - 1):
            try:
                return write()
            except StoreError as error:
                if not writer.is_locked(error):
                    raise
                _log.warning("%s It is tried again.", error)
            self._check()
        return write()

    def _lasting(self, write: Callable[[], T]) -> T | None:
        """Do it until it is done: a worker that cannot say how it ended does not die silently.

        None if it was told to stop meanwhile: then its lease ends, and another takes over what it held.
        """
        while True:
            try:
                return write()
            except StoreError as error:
                if not writer.may_pass(self.store, error):
                    raise
                _log.error("%s It is tried again every %.0f s.", error, TROUBLE_S)
            if self._stop.wait(TROUBLE_S):
                return None

    def _say(self, sentence: str) -> None:
        self._doing = sentence
        self._check()

    def _check(self) -> None:
        if self._stop.is_set() or (self._lost is not None and self._lost is self._holds):
            raise Stopped

    def _say_words(self) -> None:
        """Beside the work, to its very end: the last word and the lease."""
        while not self._ended.wait(WORD_EVERY_S):
            claim = self._holds
            try:
                if not self._word(claim) and claim is not None:
                    self._lost = claim
            except EngineError as error:
                _log.warning("No word could be written: %s", error)
            except Exception:  # noqa: BLE001 - a worker that falls silent loses what it holds
                _log.exception("No word could be written.")
