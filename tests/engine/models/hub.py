"""A model hub of our own, on localhost: what `huggingface_hub` asks of one, over a folder, and slowly if wanted."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.serving import Local, Quiet, serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 1 << 16


class Hub(Local):
    """Serves one model; `sent` counts bytes of files, `pause_s` is waited after each piece of 64 KiB.

    With a `gate` its files go only to who brings that token; `known` tokens are those of accounts it has heard of.
    """

    def __init__(
        self, folder: Path, name: str, pause_s: float = 0.0, gate: str = "", known: tuple[str, ...] = ()
    ) -> None:
        super().__init__(_Answer)
        self.folder, self.name, self.pause_s, self.sent = folder, name, pause_s, 0
        self.gate, self.known = gate, (gate, *known)


@contextmanager
def hub(folder: Path, name: str, pause_s: float = 0.0, gate: str = "", known: tuple[str, ...] = ()) -> Iterator[Hub]:
    """A hub while the block lasts."""
    server = Hub(folder, name, pause_s, gate, known)
    with serving(server):
        yield server


class _Answer(Quiet):
    server: Hub

    def do_HEAD(self) -> None:
        """A file's size and tag."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """The list of files, or one of them."""
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path, hub = unquote(urlsplit(self.path).path), self.server
        token = self.bearer()
        if token and hub.gate and token not in hub.known:
            self._send(b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"}, status=401, body=body)
            return
        if not path.startswith((f"/api/models/{hub.name}", f"/{hub.name}/")):
            # A real one says the same of what is not there and of what somebody unknown may not see.
            self._send(b"{}", {"X-Error-Code": "RepoNotFound"}, status=404 if token else 401, body=body)
            return
        files = sorted(file for file in hub.folder.iterdir() if file.is_file())
        if path.startswith(f"/api/models/{hub.name}"):
            listed = [{"rfilename": file.name, "size": file.stat().st_size} for file in files]
            if "/tree/" in path:
                listed = [
                    {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": _tag(f)} for f in files
                ]  # fmt: skip
                self._send(json.dumps(listed).encode(), {})
            else:
                said = {"id": hub.name, "modelId": hub.name, "sha": COMMIT, "siblings": listed, "private": False}
                self._send(json.dumps(said).encode(), {})
            return
        if hub.gate and token != hub.gate:
            self._send(b"{}", {"X-Error-Code": "GatedRepo"}, status=403 if token else 401, body=body)
            return
        file = hub.folder / path.rsplit("/", 1)[-1]
        if not path.startswith(f"/{hub.name}/resolve/") or not file.is_file():
            self._send(b"{}", {"X-Error-Code": "EntryNotFound"}, status=404)
            return
        self._send(file.read_bytes(), {"ETag": f'"{_tag(file)}"', "X-Repo-Commit": COMMIT}, body=body)

    def _send(self, content: bytes, headers: dict[str, str], *, status: int = 200, body: bool = True) -> None:
        self.head(status, len(content), **headers)
        if not body:
            return
        for start in range(0, len(content), PIECE):
            try:
                self.wfile.write(content[start : start + PIECE])
            except OSError:
                return  # it hung up, as a stopped download does
            if "ETag" in headers:
                self.server.sent += min(PIECE, len(content) - start)
                time.sleep(self.server.pause_s)


def _tag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()


class Answering(Local):
    """A hub that answers everything with one code, and notes what it was asked for."""

    def __init__(self, code: int, headers: dict[str, str]) -> None:
        super().__init__(_SameAnswer)
        self.code, self.headers, self.asked = code, headers, list[str]()


class _SameAnswer(Quiet):
    server: Answering

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.say(self.server.code, b"{}", **self.server.headers)

    do_HEAD = do_GET


@contextmanager
def answering(code: int, **headers: str) -> Iterator[Answering]:
    server = Answering(code, headers)
    with serving(server):
        yield server
