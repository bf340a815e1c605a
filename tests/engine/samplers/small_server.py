"""A small server of the OpenAI protocol that answers by rule, remembers what it was asked, and fails as it is told."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tests.serving import Local, Quiet, serving

WORDS = "wash cold warm dry iron fold soap brush rinse soak never always gently twice slowly".split()
Trouble = Callable[[int, dict[str, Any]], "tuple[int, bytes, dict[str, str]] | None"]


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """A text of some words by hash of everything asked; as a length limit does, it cuts off what is longer."""
    digest = hashlib.sha256(json.dumps([body["messages"], body.get("seed")]).encode()).digest()
    words = [WORDS[n % len(WORDS)] for n in digest[: 3 + digest[0] % 6]]
    cut = words[: body["max_tokens"]]
    return {
        "id": "x", "object": "chat.completion", "created": 0, "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": " ".join(cut)},
                     "finish_reason": "stop" if len(cut) == len(words) else "length"}],
    }  # fmt: skip


@dataclass
class SmallServer:
    """`asked` are the bodies of requests in order, `keys` what each sent as authorization (None: nothing).

    `trouble` gets the number of a request (from 0) and its body, and may give (status, body, headers) in its place.
    """

    models: tuple[str, ...] = ("small",)
    trouble: Trouble = lambda number, body: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""
    most_at_once: int = 0
    _now: int = 0
    _lock: Any = field(default_factory=Lock)

    def reply(self, body: dict[str, Any], key: str | None) -> tuple[int, bytes, dict[str, str]]:
        with self._lock:
            number = len(self.asked)
            self.asked.append(body)
            self.keys.append(key)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            time.sleep(0.005)
            if found := self.trouble(number, body):
                return found
            if body["model"] not in self.models:
                said = {"error": {"message": f"The model {body['model']} does not exist."}}
                return 404, json.dumps(said).encode(), {}
            return 200, json.dumps(answer(body)).encode(), {}
        finally:
            with self._lock:
                self._now -= 1


def refusal(code: int, said: str = "not now", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    return code, json.dumps({"error": {"message": said}}).encode(), headers


@contextmanager
def running(server: SmallServer) -> Iterator[SmallServer]:
    """Inside, it listens at `server.url`."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            listed = {
                "object": "list",
                "data": [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in server.models],
            }
            self.say(200, json.dumps(listed).encode(), Content_Type="application/json")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            code, content, headers = server.reply(body, self.headers.get("authorization"))
            self.say(code, content, **{"Content_Type": "application/json", **headers})

    with serving(Local(Handler)) as url:
        server.url = f"{url}/v1"
        yield server
