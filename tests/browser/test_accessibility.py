"""axe finds no violation on any page, light and dark."""

import pytest

from tests.browser.tab import at_rest, violations

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(page, app_url, name, scheme):
    page.emulate_media(color_scheme=scheme)
    at_rest(page, f"{app_url}/{name}", PAGES[name])
    assert violations(page) == []
