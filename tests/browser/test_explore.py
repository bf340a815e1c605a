"""Explore in a real Chromium: a range that is dragged over leads to its pairs, and the link says it all again."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import expect

from engine.store import browse, queries
from engine.store.database import Store
from tests.browser.conftest import served
from tests.browser.tab import SLOW, main, still
from tests.workbench.test_explore import scored_world
from workbench.components.score_choice import read_choice, rows_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[tuple[str, Store]]:
    """The address of the app over a study with scores, and its store."""
    store = scored_world(tmp_path_factory.mktemp("explore"))
    with served(store.folder) as address:
        yield address, store


def drag(page, shares: tuple[float, float]) -> None:
    """Over the first figure, from one share of its width to the other."""
    figure = main(page).locator(".js-plotly-plot .nsewdrag").first
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    low, high = (box["x"] + share * box["width"] for share in shares)
    page.mouse.move(low, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(high, box["y"] + box["height"] / 3, steps=8)
    page.mouse.up()


def test_a_brushed_range_leads_to_its_pairs_and_the_link_says_it_again(page, world):
    url, store = world
    page.goto(f"{url}/explore?chart=ECDF")
    main(page).locator(".js-plotly-plot .nsewdrag").first.wait_for(timeout=3 * SLOW)
    still(page)
    drag(page, (0.4, 0.7))
    title = main(page).get_by_text("Scored by ActiveDPO")
    title.wait_for(timeout=SLOW)
    page.wait_for_url("**brush=activedpo**", timeout=SLOW)
    field = page.get_by_role("textbox", name="Pairs of")
    words, link = field.input_value(), page.url
    run = next(r for r in queries.study(store, queries.studies(store)[0].id).runs if r.strategy.name == "activedpo")
    scored = browse.round_scores(store, run.id, 2)
    assert scored is not None
    choice = read_choice(words, {"activedpo": scored}, "activedpo")
    assert choice is not None
    _, n = rows_of(choice, {"activedpo": scored})
    slow = sum(choice.low <= score <= choice.high for score in pd.read_parquet(scored.table)["score"].dropna())
    assert n == slow > 0
    main(page).get_by_text(f" · {n} pair").first.wait_for(timeout=SLOW)

    page.goto("about:blank")
    page.goto(link)
    title.wait_for(timeout=3 * SLOW)
    expect(field).to_have_value(words, timeout=SLOW)
    main(page).get_by_text(f" · {n} pair").first.wait_for(timeout=SLOW)
    then, now = (parse_qs(urlsplit(one).query) for one in (link, page.url))
    assert then.items() <= now.items()  # the round that is looked at may stand in the link beside them
