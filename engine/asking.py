"""Requests to a server that speaks the OpenAI protocol: several at once, patient, nothing asked twice."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from pydantic import ValidationError

from engine.cache import ArrayCache
from engine.errors import ModelError
from engine.keys import secret_of
from engine.protocol import Answer, Asked, Passing, Turns, answer_in, as_bytes, asked_to_wait, from_bytes, models_in

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

PASSING = (408, 409, 425, 429)
"""Refusals that pass by themselves, as do all of the server's own (500 and above)."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Pauses of ours double from the first to the longest; one that the server asks for is kept to as it is."""
LONGEST_WAIT_S = 900.0
"""A server that wants to be left alone for longer ends the run: somebody should know."""
_LOOKS_S = 0.5
_SAID = 300
"""Characters of a server's own words that go into a sentence."""
Made = TypeVar("Made")


class Addressed(Protocol):
    """The fields of a plugin that asks a server."""

    @property
    def url(self) -> str:
        """Address up to /v1."""

    @property
    def model(self) -> str:
        """Its name there; empty: the only one."""

    @property
    def key_variable(self) -> str:
        """Where the key stands."""

    @property
    def at_once(self) -> int:
        """Requests on their way at the same time."""

    @property
    def timeout_s(self) -> float:
        """Longest wait for an answer, in seconds."""

    @property
    def attempts(self) -> int:
        """Times that a request is made in all."""


@dataclass
class Asking:
    """One server and how it is asked. `secret` is sent and shown nowhere; `check` may raise to end it all.

    `who` is whose fields ("sampler", "oracle") a sentence names. `came` gets every new answer, and may raise as well.
    `payer` stands in the answers that come now.
    """

    url: str
    model: str
    secret: str = field(repr=False)
    at_once: int
    timeout_s: float
    attempts: int
    check: Callable[[], None]
    who: str
    a_minute: int = 0
    payer: str = ""
    came: Callable[[Answer], None] = lambda answer: None
    _ended: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, there: Addressed, check: Callable[[], None], who: str, **more: Any) -> Self:
        """As a plugin's own fields say; `more` are fields of this class. ModelError where its key is nowhere."""
        return cls(
            there.url, there.model, secret_of(there.key_variable, who), there.at_once, there.timeout_s, there.attempts,
            check, who, **more,
        )  # fmt: skip

    @staticmethod
    def kept(key: str, cache: ArrayCache) -> Answer | None:
        """The answer that is kept under that key."""
        found = cache.get(key)
        return None if found is None else from_bytes(found)

    def named(self) -> str:
        """The model that is asked; where none is named the only one that the server lists.

        It decides the answers, so it belongs into their keys: another model at the same address is asked anew.
        """
        if not self.model:
            with _client(self.url, self.secret, self.timeout_s, self.who) as client:
                self.model = self._patiently(lambda _: self._only_model(client), Turns(0))
        return self.model

    def all(self, wanted: Sequence[Asked], cache: ArrayCache) -> list[Answer]:
        """The answers in order, from the cache or the server; each is kept as soon as it is there.

        ModelError if the server cannot be used. What was on its way when `check` raised is waited for and kept.
        """
        there = {asked.key: self.kept(asked.key, cache) for asked in wanted}
        found = {key: answer for key, answer in there.items() if answer is not None}
        open_ = {asked.key: asked.request for asked in wanted if asked.key not in found}
        if open_:
            self.named()
            with _client(self.url, self.secret, self.timeout_s, self.who) as client:
                self._ask_all(client, open_, found, cache)
        return [found[asked.key] for asked in wanted]

    def _ask_all(self, client: "OpenAI", open_: dict[str, Any], found: dict[str, Answer], cache: ArrayCache) -> None:
        going: dict[Future[Answer], str] = {}
        turns = Turns(self.a_minute)

        def take(done: Future[Answer]) -> None:
            key = going.pop(done)
            if not done.cancelled() and done.exception() is None:
                found[key] = done.result()
                cache.put(key, as_bytes(found[key]))

        def asked(what: dict[str, Any]) -> Answer:
            return self._patiently(lambda retries: self._once(client, what, retries), turns)

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="server") as threads:
            going.update((threads.submit(asked, what), key) for key, what in open_.items())
            try:
                while going:
                    for done in wait(going, _LOOKS_S, FIRST_COMPLETED).done:
                        take(done)
                        self.came(done.result())
                    self.check()
            finally:
                self._ended.set()
                for future in list(going):
                    future.cancel()
                for done in list(wait(going).done):
                    take(done)

    def _patiently(self, do: Callable[[int], Made], turns: Turns) -> Made:
        """What `do` gives, which is told the attempts before, after as many as it takes.

        ModelError when they are used up, of no use, or the server wants to be left alone for too long.
        """
        pause = FIRST_PAUSE_S
        for attempt in range(1, self.attempts + 1):
            try:
                if self._ended.wait(turns.wait_s()):
                    raise Passing("it was not asked any more")
                return do(attempt - 1)
            except Passing as error:
                said, wanted = str(error), error.pause_s
            # Not within the clause: what the server said, its words unread by us, must not hang on to the error.
            if wanted > LONGEST_WAIT_S:
                raise ModelError(
                    f"The server at {self.url} asks to be left alone for {wanted:,.0f} s: {said}.",
                    "Retry then: what it has answered is kept.",
                )
            if wanted:
                turns.pause(wanted)  # who else asks would only be refused as well
            if attempt == self.attempts or self._ended.wait(max(wanted, min(LONGEST_PAUSE_S, pause))):
                raise ModelError(
                    f"The server at {self.url} gave no answer in {attempt} attempts; the last time: {said}.",
                    "See that it runs there (vllm serve MODEL, transformers serve MODEL), then retry: what it has "
                    f"answered is kept. A smaller {self.who}.at_once asks less of it.",
                )
            pause *= 2
        raise AssertionError("there is at least one attempt")

    def _once(self, client: "OpenAI", request: dict[str, Any], retries: int) -> Answer:
        import openai

        try:
            raw = client.chat.completions.with_raw_response.create(
                model=self.model, extra_headers=self._headers(), **request
            )
            return answer_in(raw.content, retries, self.payer, self.secret)
        except openai.APITimeoutError:
            raise Passing(f"no answer within {self.timeout_s:g} s") from None
        except openai.APIConnectionError as error:
            raise Passing(f"it cannot be reached ({self._without_secret(str(error.__cause__ or error))})") from None
        except openai.APIStatusError as error:
            raise self._failed(client, error) from None
        except ValidationError:
            raise Passing("its answer is not one of the OpenAI protocol") from None

    def _failed(self, client: "OpenAI", error: "APIStatusError") -> Exception:
        """A refusal that passes, or one that does not."""
        said = self._said(error)
        if error.status_code in PASSING or error.status_code >= 500:
            return Passing(said, asked_to_wait(error.response.headers.get("retry-after")))
        return self._refused(client, self.model, error.status_code, said)

    def _only_model(self, client: "OpenAI") -> str:
        names = self._models(client)
        if len(names) != 1:
            there = self._without_secret(", ".join(names)) if names else "none"
            raise ModelError(
                f"{self.who}.model is empty, and the server at {self.url} lists not one model but {len(names)}: "
                f"{there}.",
                f"Name the one that is meant as {self.who}.model.",
            )
        return names[0]

    def _models(self, client: "OpenAI") -> list[str]:
        """What the server says it has; ModelError if nobody answers, `Passing` for a failure that may pass."""
        import openai

        try:
            return models_in(client.models.with_raw_response.list(extra_headers=self._headers()).content)
        except ValidationError:
            raise Passing("its list of models is not one of the OpenAI protocol") from None
        except openai.APIConnectionError as error:
            raise ModelError(
                f"No server answers at {self.url} ({self._without_secret(str(error.__cause__ or error))}).",
                f"Start one there (vllm serve MODEL, transformers serve MODEL), or mend {self.who}.url; then retry.",
            ) from None
        except openai.APIStatusError as error:
            raise self._failed(client, error) from None

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
            names = models_in(client.models.with_raw_response.list(extra_headers=self._headers()).content)
        except (openai.OpenAIError, ValidationError):
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
