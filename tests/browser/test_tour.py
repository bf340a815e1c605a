"""The tour in a real Chromium: it opens on a first visit, leads over six pages by links, and stays closed."""

import pytest

from tests.browser.conftest import served
from tests.browser.tab import main, still
from tests.workbench import worlds
from workbench.components.tour import STEPS

pytestmark = pytest.mark.browser
LONG = 60_000


def test_a_first_visit_is_led_over_six_pages_and_told_nothing_more(page, tmp_path):
    page.set_default_timeout(LONG)
    store = worlds.finished(tmp_path / "store", seeds=(1,))
    with served(store.folder) as url:
        page.goto(url)
        card = main(page).locator(".st-key-tour")
        for at, step in enumerate(STEPS):
            card.get_by_text(f"Tour, {at + 1} of {len(STEPS)}").first.wait_for()
            page.wait_for_url(f"{url}/{step.page}**")
            page.get_by_role("heading", name=step.title, exact=True, level=1).wait_for()
            assert step.words in card.inner_text()
            if at + 1 < len(STEPS):
                card.get_by_role("link", name=f"Next: {STEPS[at + 1].title}").click()
        card.get_by_role("button", name="Close the tour").click()
        card.wait_for(state="detached")
        page.goto(url)
        main(page).get_by_text("rounds done").first.wait_for()
        still(page)
        assert card.count() == 0
