"""The dry run in a real Chromium: a parameter changes the answer, a cell leads to its pairs, the link keeps it all."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import TimeoutError

from tests.browser.conftest import ROOT, served
from tests.browser.tab import SLOW, at_rest, main, still, violations
from tests.workbench import lab_worlds, worlds

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The app over a finished study whose pool is scored, with a tools worker beside it."""
    folder = tmp_path_factory.mktemp("dry-run")
    store = worlds.finished(folder, seeds=(1,))
    lab_worlds.scored(store, lab_worlds.request(store, "activedpo", "apl", "real", seed=1))
    command = [sys.executable, "-m", "workbench", "worker", "--tools", "--store", str(folder)]
    worker = subprocess.Popen(command, cwd=ROOT, env={**os.environ})
    try:
        with served(folder) as address:
            yield address
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def test_a_parameter_a_cell_and_the_link(page, url):
    page.goto(f"{url}/dry-run?as=SFT+model")
    main(page).get_by_text("Redundancy of each batch").first.wait_for(timeout=60_000)
    main(page).get_by_text("Only ActiveDPO").first.wait_for(timeout=SLOW)
    page.get_by_role("button", name="2 · ActiveDPO", exact=True).click()
    ridge = page.get_by_label("ridge", exact=True)
    ridge.fill("7.5")
    ridge.press("Enter")
    main(page).get_by_text("ActiveDPO, ridge 7.5").first.wait_for(timeout=SLOW)
    page.keyboard.press("Escape")
    page.wait_for_url("**ridge%3D7.5**", timeout=SLOW)

    page.get_by_role("combobox", name="Add a strategy").fill("gradient norm")
    page.get_by_role("option", name="gradient norm").click()
    main(page).get_by_text("gradient norm").nth(1).wait_for(timeout=SLOW)

    first = main(page).locator(".js-plotly-plot").first
    for _ in range(5):  # the figure may be drawn anew in the instant of the click
        still(page)
        first.scroll_into_view_if_needed()
        cell = first.locator(".point path").nth(2).bounding_box()
        page.mouse.click(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)
        with contextlib.suppress(TimeoutError):
            page.wait_for_url("**other=**", timeout=6000)
            break
    link = page.url
    assert "ridge%3D7.5" in link
    assert link.count("gradient_norm") == 1
    page.goto("about:blank")
    page.goto(link)
    main(page).get_by_text("ActiveDPO, ridge 7.5").first.wait_for(timeout=60_000)
    main(page).get_by_text("Only random").first.wait_for(timeout=SLOW)
    then, now = (parse_qs(urlsplit(one).query) for one in (link, page.url))
    assert then.items() <= now.items()  # the round that is looked at may stand in the link beside them


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_what_it_shows(page, url, scheme):
    page.emulate_media(color_scheme=scheme)
    at_rest(page, f"{url}/dry-run?as=SFT+model", "Redundancy of each batch")
    assert violations(page) == []
