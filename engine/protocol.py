"""What a server of the OpenAI protocol says, as it is kept; how long it wants to be left alone, how often asked"""

import json
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
from pydantic import BaseModel

from engine.cache import PAID, key_of


@dataclass(frozen=True)
class Asked:
    """A request and the key under which its answer is kept."""

    key: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back; `ended` is False where the length limit cut it off. `read` and `written` are the tokens that the
    server counted, 0 where it did not say, `retries` the attempts that failed before. `model` is what the server calls
    the model that answered, `payer` who asked first. `kept`: nobody was asked now."""

    text: str
    ended: bool
    read: int = 0
    written: int = 0
    retries: int = 0
    model: str = ""
    payer: str = ""
    kept: bool = False


class _Message(BaseModel):
    content: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Body(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


class _Model(BaseModel):
    id: str


class _Listed(BaseModel):
    data: list[_Model]


class Passing(Exception):
    """A failure that may pass; `pause_s` is how long the server asks to be left alone."""

    def __init__(self, what: str, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        super().__init__(what)


class Turns:
    """At most so many requests a minute, whoever makes them; 0: as many as there are. One pause is everybody's."""

    def __init__(self, a_minute: int) -> None:
        self._apart = 60.0 / a_minute if a_minute else 0.0
        self._next, self._lock = 0.0, threading.Lock()

    def wait_s(self) -> float:
        """Seconds until the turn that the asker now has."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)
            self._next = at + self._apart
            return at - now

    def pause(self, seconds: float) -> None:
        """Nobody asks within that time."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def key_of_answer(what: dict[str, Any], *texts: str) -> str:
    """The key of an answer: all that decides it."""
    return f"{PAID}{key_of(what, texts)}"


def answer_in(content: bytes, retries: int, payer: str, secret: str = "") -> Answer:
    """The answer in a server's body, without the key if it says that back.

    pydantic's ValidationError for anything else than the protocol's; `Passing` where it holds no response.
    """
    body = _Body.model_validate_json(content)
    if not body.choices:
        raise Passing("its answer holds no response")
    choice, usage = body.choices[0], body.usage or _Usage()

    def plain(text: str | None) -> str:
        return (text or "").replace(secret, "…") if secret else text or ""

    return Answer(
        plain(choice.message.content), choice.finish_reason != "length", usage.prompt_tokens or 0,
        usage.completion_tokens or 0, retries, plain(body.model), payer,
    )  # fmt: skip


def models_in(content: bytes) -> list[str]:
    """The names that a server lists; pydantic's ValidationError for anything else than the protocol's list."""
    return sorted(model.id for model in _Listed.model_validate_json(content).data)


def as_bytes(answer: Answer) -> np.ndarray:
    """As it is kept: JSON, uint8 (n,)."""
    kept = {name: value for name, value in asdict(answer).items() if name != "kept"}
    return np.frombuffer(json.dumps(kept).encode(), dtype=np.uint8)


def from_bytes(kept: np.ndarray) -> Answer:
    """What was kept."""
    return Answer(**json.loads(np.asarray(kept, dtype=np.uint8).tobytes()), kept=True)


def asked_to_wait(header: str | None) -> float:
    """Seconds of a header Retry-After, which says seconds or a date; 0 without one or where it is neither."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
