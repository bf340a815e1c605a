"""A link says what one sees: after a restart of the app it shows the same; and news wipes no selection."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.store import writer
from tests.browser.conftest import served
from tests.browser.tab import SLOW, at_rest, main, still
from tests.browser.test_explore import drag
from tests.engine.store.test_probed import probed_events, probed_world, taken_over
from tests.workbench import worlds

pytestmark = pytest.mark.browser
LINKS = {
    "explore": ("since=since+round+0&turned=true", "margins after round 2 against those after round 0"),
    "map": ("", "Near means alike"),
    "dry-run": ("", "What scoring will take"),
    "batch": ("view=cards&marks=false", "pick 1 of 6"),
    "curves": ("", "How to read"),
    "export": ("", "Counts"),
    "data": ("", "responses"),
}
LONG = 6 * SLOW


def said(page) -> list[str]:
    """What the page says, but for the time and the workers."""
    clock = re.compile(r" ago|\b\d\d:\d\d\b|[Ww]orker")
    return [line for line in main(page).inner_text().splitlines() if line.strip() and not clock.search(line)]


def test_a_link_reproduces_what_one_sees_after_a_restart(page, tmp_path):
    page.set_default_timeout(LONG)
    store, _ = probed_world(tmp_path / "store")
    found = {}
    for _ in range(2):
        with served(store.folder) as url:
            for name, (more, landmark) in LINKS.items():
                at_rest(page, f"{url}/{name}?study=Probed&strategy=REAL&round=2&{more}", landmark, LONG)
                found.setdefault(name, []).append((said(page), parse_qs(urlsplit(page.url).query)))
    for name, (before, after) in found.items():
        assert before == after, name
        assert before[1]["study"] == ["Probed"], name


def test_a_selection_survives_news_from_a_running_study(page, tmp_path):
    page.set_default_timeout(LONG)
    store, _ = probed_world(tmp_path / "store", stop_after=13)
    claim = taken_over(store)
    events = list(probed_events(worlds.events(worlds.preference_data(), "real", 1, 3), 4, scored=True))
    with served(store.folder) as url:
        at_rest(page, f"{url}/explore?chart=ECDF", "What changed its mind", LONG)
        drag(page, (0.3, 0.7))
        page.wait_for_url("**brush=**", timeout=LONG)
        still(page)
        before, link = said(page), page.url
        assert "round=2" in link
        for event in events[13:]:
            writer.save_event(store, claim, event)
        badge = page.get_by_role("button", name="1 new round: show")
        badge.wait_for(timeout=LONG)
        main(page).get_by_text("only those that changed sides").click()  # the page is drawn anew
        page.wait_for_url("**turned=true**", timeout=LONG)
        main(page).get_by_text("only those that changed sides").click()
        page.wait_for_function("!location.search.includes('turned')", timeout=LONG)
        main(page).get_by_text(next(line for line in before if "the greatest change first" in line)).first.wait_for()
        still(page)
        assert parse_qs(urlsplit(page.url).query) == parse_qs(urlsplit(link).query), "brush and round as they were"
        assert [line for line in said(page) if line not in ("refresh", "1 new round: show")] == before
        assert main(page).locator(".js-plotly-plot .selectionlayer path").count() > 0, "the brush is still drawn"
        badge.click()
        # The run's last round is the one a link without a round shows.
        page.wait_for_function("!location.search.includes('round=')", timeout=LONG)
        assert "brush=" in page.url, "asked for, the news leaves the brush"
