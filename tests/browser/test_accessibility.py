"""axe finds no violation on any page, light and dark."""

import pytest

from tests.browser.test_journey import SLOW, main

pytestmark = pytest.mark.browser
PAGES = {
    "": "rounds done",
    "data": "responses",
    "explore": "How the scores of a round lie",
    "map": "Near means alike",
    "dry-run": "What scoring will take",
    "batch": "Why this pair",
    "label-quality": "Every answer",
    "curves": "How to read",
    "export": "Counts",
    "help": "Words",
}

SIDEBAR = """() => document.querySelector('[data-testid=stSidebarContent] a[href]')
    || !document.querySelector('[data-testid=stSidebar][aria-expanded=true]')"""
"""Its links are there, or it is folded away, as in a narrow window."""

STILL = """() => !document.querySelector('[data-testid=stApp][data-test-script-state=running], [data-stale=true]')
    && document.getAnimations().every(one => one.playState !== 'running'
        || one.effect.getComputedTiming().endTime === Infinity)"""
"""Nothing is drawn, nothing of the drawing before is left, and what fades in or out has come to its end."""

UPLOADER = ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"')
"""Streamlit's own: where a file may be dropped has a name and no role. The button in it can be reached and is named."""


def at_rest(page, url: str, landmark: str, timeout: int = SLOW) -> None:
    """The page, once nothing is drawn any more."""
    page.goto(url)
    main(page).get_by_text(landmark).first.wait_for(timeout=timeout)
    page.wait_for_function(SIDEBAR)
    page.wait_for_function(STILL)
    page.wait_for_timeout(500)


def violations(page) -> list[tuple[str, str]]:
    """What axe finds on the page at rest: each rule that is broken, and where."""
    sync = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.wait_for_function(STILL)  # a button that is half faded has no contrast
    found = sync.Axe().run(page).response
    assert len(found["passes"]) > 20, "axe has looked at something"
    every = [(v["id"], n["html"][:200]) for v in found["violations"] for n in v["nodes"]]
    return [one for one in every if not (one[0] == UPLOADER[0] and UPLOADER[1] in one[1])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(page, app_url, name, scheme):
    page.emulate_media(color_scheme=scheme)
    at_rest(page, f"{app_url}/{name}", PAGES[name])
    assert violations(page) == []
