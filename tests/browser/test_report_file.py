"""The report as a file in a real Chromium: opens offline, draws its figures, runs nothing of the data, and prints."""

from pathlib import Path

import pytest

from engine.store import queries
from tests.browser.tab import SLOW
from tests.workbench import worlds
from workbench.report.gather import gather
from workbench.report.html import write_html

pytestmark = pytest.mark.browser


def test_the_report_opens_offline_draws_and_prints(chromium, tmp_path: Path):
    store = worlds.finished(tmp_path / "s", name=worlds.HOSTILE[0], referee={"second_random": True})
    write_html(gather(store, queries.studies(store)[0].id), tmp_path / "report.html")
    context = chromium.new_context(offline=True, color_scheme="dark", viewport={"width": 1280, "height": 800})
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("pageerror", lambda error: said.append(str(error)))
    address = (tmp_path / "report.html").as_uri()
    page.goto(address)
    page.wait_for_function("document.querySelectorAll('.main-svg').length >= 4", timeout=SLOW)
    assert asked == [address]
    assert said == []
    assert page.title() == f"{worlds.HOSTILE[0]} · report"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "light in the dark"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.locator(".annotation").filter(has_text="ActiveDPO").count() >= 2
    folded = page.locator("details:not([open])").count()
    assert folded
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0, "paper cannot be unfolded"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded
    assert page.pdf().startswith(b"%PDF")
    assert asked == [address]
    context.close()
