"""A small server of a test's own on a free port of this machine: the one way in which stand-ins listen and answer."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Local(ThreadingHTTPServer):
    """Listens on a free port; what answers is the handler."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Quiet(BaseHTTPRequestHandler):
    """A handler that says nothing on the terminal, and minds nobody who hangs up."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def handle(self) -> None:
        """A request; who asked may not have waited."""
        with suppress(BrokenPipeError, ConnectionResetError):
            super().handle()

    def bearer(self) -> str:
        """The token that was sent, "" without one."""
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def head(self, code: int, length: int, **headers: Any) -> None:
        """The head of an answer; _ in a name stands for -."""
        self.send_response(code)
        for name, value in {**headers, "Content_Length": length}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def say(self, code: int, content: bytes, **headers: Any) -> None:
        """A whole answer."""
        self.head(code, len(content), **headers)
        self.wfile.write(content)


@contextmanager
def serving(server: Local) -> Iterator[str]:
    """It answers while the block lasts; where."""
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
