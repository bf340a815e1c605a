"""A labeller's desk in a tab: its page opened, a key as a person presses it, and what is waited for behind it."""

import time
from collections.abc import Callable

from tests.browser.tab import still


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.05)


def wait_for(page, words: str) -> None:
    page.get_by_text(words, exact=False).first.wait_for(timeout=60_000)


def press(page, key: str, pause: float = 0.3) -> None:
    still(page)
    page.wait_for_timeout(pause * 1000)  # a press that follows a new pair at once is taken for a slip
    page.keyboard.press(key)


def at_desk(page, url: str, landmark: str) -> None:
    """The page Label by that link, once it says how far the queue is, and listens."""
    page.goto(url)
    wait_for(page, landmark)
    still(page)
