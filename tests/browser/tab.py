"""A tab: its main part, when it is at rest, a page by its link or its name, a key, and what axe finds on it."""

import contextlib

import pytest
from playwright.sync_api import TimeoutError

SLOW = 20_000

SIDEBAR = """() => document.querySelector('[data-testid=stSidebarContent] a[href]')
    || !document.querySelector('[data-testid=stSidebar][aria-expanded=true]')"""
"""Its links are there, or it is folded away, as in a narrow window."""

STILL = """() => !document.querySelector('[data-testid=stApp][data-test-script-state=running], [data-stale=true]')
    && document.getAnimations().every(one => one.playState !== 'running'
        || one.effect.getComputedTiming().endTime === Infinity)"""
"""Nothing is drawn, nothing of the drawing before is left, and what fades in or out has come to its end."""

IDLE = """() => new Promise(done => {
    const soon = {timeout: 5000};
    requestIdleCallback(() => requestIdleCallback(done, soon), soon);
})"""
"""The tab has nothing left to do: a key is listened for only once what follows a drawing has run."""

UPLOADER = ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"')
"""Streamlit's own: where a file may be dropped has a name and no role. The button in it can be reached and is named."""


def main(page):
    return page.locator("[data-testid=stMain]")


def go(page, name: str) -> None:
    page.locator("[data-testid=stSidebar]").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for(timeout=SLOW)


def press(page, key: str, until: str) -> None:
    """Press a key until it is answered: the page may not listen yet in the instant in which its text appears."""
    for _ in range(5):
        page.keyboard.press(key)
        with contextlib.suppress(TimeoutError):
            main(page).get_by_text(until).first.wait_for(timeout=5000)
            return
    pytest.fail(f"Key {key!r} did not lead to {until!r}.")


def still(page) -> None:
    """Wait until nothing is drawn any more: what is clicked or counted is what the page stays to be."""
    page.wait_for_function(STILL)
    page.evaluate(IDLE)


def at_rest(page, url: str, landmark: str, timeout: int = SLOW) -> None:
    """The page, once nothing is drawn any more."""
    page.goto(url)
    main(page).get_by_text(landmark).first.wait_for(timeout=timeout)
    page.wait_for_function(SIDEBAR)
    still(page)
    page.wait_for_timeout(500)


def violations(page) -> list[tuple[str, str]]:
    """What axe finds on the page at rest: each rule that is broken, and where."""
    sync = pytest.importorskip("axe_playwright_python.sync_playwright")
    still(page)  # a button that is half faded has no contrast
    found = sync.Axe().run(page).response
    assert len(found["passes"]) > 20, "axe has looked at something"
    every = [(v["id"], n["html"][:200]) for v in found["violations"] for n in v["nodes"]]
    return [one for one in every if not (one[0] == UPLOADER[0] and UPLOADER[1] in one[1])]
