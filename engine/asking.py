"""Requests to a server that speaks the OpenAI protocol: several at once, patient, nothing asked twice."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from engine.cache import ArrayCache
from engine.errors import ModelError

if TYPE_CHECKING:
    from openai import OpenAI

PASSING = (408, 409, 425, 429)
"""Refusals that pass by themselves, as do all of the server's own (500 and above)."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
_LOOKS_S = 0.5
_SAID = 300
"""Characters of a server's own words that go into a sentence."""


@dataclass(frozen=True)
class Asked:
    """A request and the key under which its answer is kept."""

    key: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back; `ended` is False where the length limit cut it off. `read` and `written` are the tokens that the
    server counted, 0 where it did not say, `retries` the attempts that failed before. `kept`: nobody was asked now."""

    text: str
    ended: bool
    read: int = 0
    written: int = 0
    retries: int = 0
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


class Passing(Exception):
    """A failure that may pass; `pause_s` is how long the server asks to be left alone."""

    def __init__(self, what: str, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        super().__init__(what)


class _Turns:
    """At most so many requests a minute, whoever makes them; 0: as many as there are."""

    def __init__(self, a_minute: int) -> None:
        self._apart = 60.0 / a_minute if a_minute else 0.0
        self._next, self._lock = 0.0, threading.Lock()

    def wait_s(self) -> float:
        """Seconds until the turn that the asker now has."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._apart
            return at - time.monotonic()


@dataclass
class Asking:
    """One server and how it is asked. `secret` is sent and shown nowhere; `check` may raise to end it all.

    `who` is whose fields ("sampler", "oracle") a sentence names. `came` gets every new answer, and may raise as well.
    """

    url: str
    model: str
    secret: str = field(repr=False)
    at_once: int
    timeout_s: float
    attempts: int
    check: Callable[[], None]
    who: str = "sampler"
    a_minute: int = 0
    came: Callable[[Answer], None] = lambda answer: None
    _ended: threading.Event = field(default_factory=threading.Event)

    @staticmethod
    def kept(key: str, cache: ArrayCache) -> Answer | None:
        """The answer that is kept under that key."""
        found = cache.get(key)
        return None if found is None else _answer(found, True)

    def all(self, wanted: Sequence[Asked], cache: ArrayCache) -> list[Answer]:
        """The answers in order, from the cache or the server; each is kept as soon as it is there.

        ModelError if the server cannot be used. What was on its way when `check` raised is waited for and kept.
        """
        kept = {asked.key: cache.get(asked.key) for asked in wanted}
        open_ = {asked.key: asked.request for asked in wanted if kept[asked.key] is None}
        if open_:
            with _client(self.url, self.secret, self.timeout_s, self.who) as client:
                model = self.model or self._only_model(client)
                self._ask_all(client, model, open_, kept, cache)
        return [_answer(kept[asked.key], asked.key not in open_) for asked in wanted]

    def _ask_all(
        self, client: "OpenAI", model: str, open_: dict[str, Any], kept: dict[str, Any], cache: ArrayCache
    ) -> None:
        going: dict[Future[np.ndarray], str] = {}
        turns = _Turns(self.a_minute)

        def take(done: Future[np.ndarray]) -> None:
            key = going.pop(done)
            if not done.cancelled() and done.exception() is None:
                kept[key] = done.result()
                cache.put(key, kept[key])

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="server") as threads:
            going.update(
                (threads.submit(self._patiently, client, model, what, turns), key) for key, what in open_.items()
            )
            try:
                while going:
                    for done in wait(going, _LOOKS_S, FIRST_COMPLETED).done:
                        take(done)
                        self.came(_answer(done.result(), False))
                    self.check()
            finally:
                self._ended.set()
                for future in list(going):
                    future.cancel()
                for done in list(wait(going).done):
                    take(done)

    def _patiently(self, client: "OpenAI", model: str, request: dict[str, Any], turns: _Turns) -> np.ndarray:
        """One answer as bytes, after as many attempts as it takes; ModelError when they are used up or of no use."""
        pause = FIRST_PAUSE_S
        for attempt in range(1, self.attempts + 1):
            try:
                if self._ended.wait(turns.wait_s()):
                    raise Passing("it was not asked any more")
                return self._once(client, model, request, attempt - 1)
            except Passing as error:
                wanted = min(LONGEST_PAUSE_S, max(pause, error.pause_s))
                if attempt == self.attempts or self._ended.wait(wanted):
                    raise ModelError(
                        f"The server at {self.url} gave no answer in {attempt} attempts; the last time: {error}.",
                        "See that it runs there (vllm serve MODEL, transformers serve MODEL), then retry: what it has "
                        f"answered is kept. A smaller {self.who}.at_once asks less of it.",
                    ) from error
                pause *= 2
        raise AssertionError("there is at least one attempt")

    def _once(self, client: "OpenAI", model: str, request: dict[str, Any], retries: int) -> np.ndarray:
        import openai

        try:
            raw = client.chat.completions.with_raw_response.create(
                model=model, extra_headers=self._headers(), **request
            )
            body = _Body.model_validate_json(raw.content)
        except openai.APITimeoutError as error:
            raise Passing(f"no answer within {self.timeout_s:g} s") from error
        except openai.APIConnectionError as error:
            raise Passing(f"it cannot be reached ({self._without_secret(str(error.__cause__ or error))})") from error
        except openai.APIStatusError as error:
            said = self._said(error)
            if error.status_code in PASSING or error.status_code >= 500:
                raise Passing(said, _asked_to_wait(error)) from error
            raise self._refused(client, model, error.status_code, said) from error
        except ValidationError as error:
            raise Passing("its answer is not one of the OpenAI protocol") from error
        if not body.choices:
            raise Passing("its answer holds no response")
        choice, usage = body.choices[0], body.usage or _Usage()
        text = choice.message.content or ""
        kept = {
            "text": text.replace(self.secret, "…") if self.secret else text,
            "ended": choice.finish_reason != "length",
            "tokens": [usage.prompt_tokens or 0, usage.completion_tokens or 0],
            "retries": retries,
        }
        return np.frombuffer(json.dumps(kept).encode(), dtype=np.uint8)

    def _only_model(self, client: "OpenAI") -> str:
        names = self._models(client)
        if len(names) != 1:
            there = ", ".join(names) if names else "none"
            raise ModelError(
                f"{self.who}.model is empty, and the server at {self.url} lists not one model but {len(names)}: "
                f"{there}.",
                f"Name the one that is meant as {self.who}.model.",
            )
        return names[0]

    def _models(self, client: "OpenAI") -> list[str]:
        """What the server says it has; ModelError if nobody answers."""
        import openai

        try:
            return sorted(str(model.id) for model in client.models.list(extra_headers=self._headers()).data)
        except openai.APIConnectionError as error:
            raise ModelError(
                f"No server answers at {self.url} ({self._without_secret(str(error.__cause__ or error))}).",
                f"Start one there (vllm serve MODEL, transformers serve MODEL), or mend {self.who}.url; then retry.",
            ) from error
        except openai.APIStatusError as error:
            raise self._refused(client, self.model, error.status_code, self._said(error)) from error

    def _refused(self, client: "OpenAI", model: str, code: int, said: str) -> ModelError:
        """What the server will not do, however often it is asked."""
        if code in (401, 403):
            return ModelError(
                f"The server at {self.url} refuses the key: {said}.",
                f"Name the environment variable that holds a good one as {self.who}.key_variable, then retry.",
            )
        return ModelError(
            f"The server at {self.url} refuses the request for model {model!r}: {said}{self._lists(client)}.",
            f"Mend {self.who}.model, or the field that it names (seeded: false where it takes no seed), then retry.",
        )

    def _lists(self, client: "OpenAI") -> str:
        """ "; it lists a, b", or nothing where it does not say."""
        import openai

        try:
            names = sorted(str(model.id) for model in client.models.list(extra_headers=self._headers()).data)
        except openai.OpenAIError:
            return ""
        return f"; it lists {self._without_secret(', '.join(names))}" if names else ""

    def _headers(self) -> dict[str, Any]:
        """A server that takes no key is sent none."""
        import openai

        return {} if self.secret else {"Authorization": openai.Omit()}

    def _said(self, error: Any) -> str:
        return f"{error.status_code}, {self._without_secret(str(error.message))}"

    def _without_secret(self, text: str) -> str:
        """A server's own words on one line, cut, without the key that some of them say back."""
        words = " ".join((text.replace(self.secret, "…") if self.secret else text).split())
        return words if len(words) <= _SAID else f"{words[:_SAID]}…"


@contextmanager
def _client(url: str, secret: str, timeout_s: float, who: str) -> "Iterator[OpenAI]":
    """The client, without retries of its own."""
    try:
        import openai
    except ImportError as error:
        raise ModelError(
            f"The {who} asks a server and needs the package openai, which is not installed here.",
            'Install it beside the workbench: pip install -e ".[server]".',
        ) from error
    with openai.OpenAI(base_url=url, api_key=secret or "none", timeout=timeout_s, max_retries=0) as client:
        yield client


def _asked_to_wait(error: Any) -> float:
    """Seconds of its header Retry-After, 0 without one or where it names a date."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


def _answer(kept: Any, was_there: bool) -> Answer:
    found = json.loads(np.asarray(kept, dtype=np.uint8).tobytes())
    read, written = found.get("tokens", (0, 0))
    return Answer(found["text"], found["ended"], read, written, found.get("retries", 0), was_there)
