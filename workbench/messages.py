"""Errors as cards. An `EngineError` says what happened and what to do; anything else is a mistake of the workbench."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.errors import EngineError
from workbench import session
from workbench.components.markup import escaped, show

log = logging.getLogger(__name__)


@contextmanager
def frame(what: str = "This page") -> Iterator[None]:
    """Draw whatever goes wrong inside as a card; the rest of the app goes on."""
    try:
        yield
    except EngineError as error:
        error_card(error)
    except Exception as error:
        log.exception("%s could not be drawn", what)
        _mistake_card(what, error)


def error_card(error: EngineError) -> None:
    """What happened, each finding on its own line, and the next step."""
    _findings("bad", "alert", "✕ It did not work.", error)


def not_yet_card(error: EngineError) -> None:
    """What a form still lacks before it can be sent: nothing was tried, so nothing has failed."""
    _findings("warn", "status", "! Not ready to start yet.", error)


def say_of(do: Callable[[], str]) -> None:
    """Do it, and on the next drawing say the sentence that comes back, or what went wrong; for a callback."""
    try:
        session.say(do())
    except EngineError as error:
        session.say(error=error)


def once(do: Callable[..., object]) -> Callable[..., None]:
    """A callback that a drawing of its button answers once, however often it is called until the next.

    A double click, or a click whose drawing was cut short, calls it again: the second call would find the first one's
    work done, and say that it did not work, or do it twice.
    """
    left = [do]

    def press(*args: Any) -> None:
        if left:
            left.pop()(*args)

    return press


def done_card(sentence: str) -> None:
    """What was done."""
    show(f'<div class="note ok" role="status"><b class="word">✓</b> {escaped(sentence)}</div>')


def _findings(tone: str, role: str, word: str, error: EngineError) -> None:
    what, *findings = error.what.splitlines() or ["Something went wrong."]
    points = "".join(f"<li>{escaped(line.strip().removeprefix('- '))}</li>" for line in findings if line.strip())
    show(
        f'<div class="note {tone}" role="{role}"><b class="word">{word}</b> {escaped(what)}'
        f"{f'<ul>{points}</ul>' if points else ''}<p>{escaped(error.next_step)}</p></div>"
    )


def _mistake_card(what: str, error: Exception) -> None:
    trace = "".join(traceback.format_exception(error))
    show(
        f'<div class="note bad" role="alert"><b class="word">✕ {escaped(what)} could not be drawn.</b> '
        f"This is a mistake of the workbench, not yours; runs are not touched by it. The other pages go on."
        f'<details><summary>Details</summary><pre class="file">{escaped(trace)}</pre></details></div>'
    )
