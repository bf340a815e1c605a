"""Rows read ahead by a second process, which parses and hashes while the first one writes; in the order of the file.

The second process gets path and format, reads all of the file by the same code, and says what it understood over a
pipe; it ends when nobody listens any more. It is called as `python -m engine.data.ahead`.
"""

import collections
import contextlib
import gc
import json
import marshal
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from typing import IO, Any

from engine.data.containers import open_rows
from engine.data.formats.base import FORMATS, Format
from engine.data.places import PIPE, every_file
from engine.data.understood import Batch, understood
from engine.errors import DataError

FROM = 32 * 1024 * 1024
"""Bytes of a file below which a second process, half a second to start, saves nothing."""
AHEAD = 128 * 1024 * 1024
"""Bytes that may wait to be taken."""
GRACE_S = 5
"""Seconds for a process that has said its last word to end."""
_LENGTH = struct.Struct("<Q")


def worth_it(path: str, chosen: Format) -> bool:
    """Whether it is a large file here, in a format that comes with the program, and there is a second core."""
    if path == PIPE or chosen.version or len(os.sched_getaffinity(0)) < 2:
        return False
    return sum(file.stat().st_size for file in every_file(path)) >= FROM


def read_ahead(path: str, chosen: Format, at_once: int | None) -> Generator[Batch]:
    """As `understood` of all rows of the file, batch by batch, made by a second process.

    DataError where reading gives one, and where that process is ended from outside; MemoryError if it has none left.
    """
    fields = chosen.model_dump(mode="json")
    asked = json.dumps({"path": path, "format": chosen.name, "fields": fields, "at_once": at_once})
    number, word = 0, ("", "", "")
    command = [sys.executable, "-m", "engine.data.ahead"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 our own
        waiting = _Waiting(process)
        try:
            waiting.say(asked)
            for frame in waiting.frames():
                said = marshal.loads(frame)  # noqa: S302 what our own process wrote, of plain values
                if isinstance(said[0], str):
                    word = said
                else:
                    batch = Batch(*said)
                    number = batch.last
                    yield batch
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
        finally:
            waiting.stop()
    kind, what, next_step = word
    if kind == "refused":
        raise DataError(what, next_step)
    if kind == "memory":
        raise MemoryError
    if kind != "end":
        raise DataError(
            f"{path}: the process that reads it was ended after row {number:,} (exit code {process.returncode}).",
            "See whether memory ran out, and try again.",
        )


class _Waiting:
    """What the second process wrote and nobody has taken yet, fetched by a thread, no more than AHEAD bytes of it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._frames: collections.deque[bytes] = collections.deque()
        self._bytes = 0
        self._ended = self._stopped = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._fetch, daemon=True)

    def say(self, asked: str) -> None:
        """Ask, and begin to fetch."""
        into = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it is gone already: so say its frames
            if into is not None:
                into.write(asked.encode())
                into.close()
        self._thread.start()

    def frames(self) -> Iterator[bytes]:
        """One after the other, to the end."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._frames or self._ended)
                if not self._frames:
                    return
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                self._news.notify_all()
            yield frame

    def stop(self) -> None:
        """End the process, if it has not, and the thread."""
        self._process.kill()
        with self._news:
            self._stopped = True
            self._news.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _fetch(self) -> None:
        stream = self._process.stdout
        try:
            while stream is not None and len(head := stream.read(_LENGTH.size)) == _LENGTH.size:
                (length,) = _LENGTH.unpack(head)
                frame = stream.read(length)
                with self._news:
                    self._news.wait_for(lambda: self._stopped or self._bytes < AHEAD)
                    if self._stopped or len(frame) < length:
                        break
                    self._frames.append(frame)
                    self._bytes += len(frame)
                    self._news.notify_all()
        finally:  # also where memory ran out: nobody is to wait for what does not come
            with self._news:
                self._ended = True
                self._news.notify_all()


def _serve() -> None:
    """What the second process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked is interrupted too, and ends us
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not fall among the rows
    asked = json.loads(sys.stdin.buffer.read())
    gc.disable()  # rows make no cycles
    word = ("end", "", "")
    try:
        chosen, rows = FORMATS.get(asked["format"])(**asked["fields"]), open_rows(asked["path"])
        for batch in understood(chosen, rows, rows.place, at_once=asked["at_once"]):
            _send(out, tuple(batch))
    except DataError as error:
        word = ("refused", error.what, error.next_step)
    except MemoryError:
        word = ("memory", "", "")
    _send(out, word)


def _send(out: IO[bytes], said: tuple[Any, ...]) -> None:
    frame = marshal.dumps(said)
    out.write(_LENGTH.pack(len(frame)))
    out.write(frame)
    out.flush()


if __name__ == "__main__":
    try:
        _serve()
    except BrokenPipeError:
        os._exit(0)  # nobody listens: there is nothing left to flush
