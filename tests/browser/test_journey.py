"""First look → batch → curves → export, in a real Chromium."""

import json
import re
import zipfile

import pytest

from engine.store import queries, writer
from engine.store.database import open_store
from engine.tools import ToolsWorker
from tests.browser.conftest import served
from tests.browser.tab import SLOW, go, main, press
from tests.workbench import worlds

pytestmark = pytest.mark.browser


def test_from_studies_to_a_downloaded_subset(page, app_url, app_folder, tmp_path):
    page.goto(app_url)
    page.get_by_role("heading", name="Studies", level=1).wait_for(timeout=SLOW)
    main(page).get_by_text("How-to world, first look").first.wait_for(timeout=SLOW)
    assert page.locator(".squares").count() == 12
    assert page.locator(".squares i[class^=slot]").count() == 24
    main(page).locator(".js-plotly-plot").first.wait_for(timeout=SLOW)

    go(page, "Batch")
    main(page).get_by_text("pick 1 of 6").first.wait_for(timeout=SLOW)
    press(page, "j", until="pick 2 of 6")
    assert "pair=x" in page.url, "the pair is in the link"
    link = page.url
    page.reload()
    main(page).get_by_text("pick 2 of 6").first.wait_for(timeout=SLOW)
    page.goto(link)
    main(page).get_by_text("pick 2 of 6").first.wait_for(timeout=SLOW)

    go(page, "Curves")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .annotation').length === 12", timeout=SLOW)
    assert main(page).get_by_text("labels bought (pairs per run)").count() == 3, "two curves, and the differences"

    go(page, "Export")
    page.get_by_role("button", name="Check and pack").click()
    main(page).get_by_text("The check waits for the tools worker.").first.wait_for(timeout=SLOW)
    ToolsWorker(open_store(app_folder)).work(until_idle=True)
    button = page.get_by_role("button", name=re.compile("^download Download, |^Download, "))
    button.wait_for(timeout=SLOW)
    with page.expect_download(timeout=SLOW) as download:
        button.click()
    saved = tmp_path / "subset.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as folder:
        rows = [json.loads(line) for line in folder.read("data/train-00000-of-00001.jsonl").splitlines()]
        assert {"README.md", "provenance.jsonl"} <= set(folder.namelist())
    assert {"prompt", "chosen", "rejected"} <= set(rows[0])
    assert {row["strategy"] for row in rows} == {"activedpo"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_the_theme_follows_the_machine(page, app_url, scheme):
    page.emulate_media(color_scheme=scheme)
    for name, landmark in (
        ("", "rounds done"),
        ("data", "responses"),
        ("explore", "How the scores of a round lie"),
        ("map", "Near means alike"),
        ("help", "What this is"),
        ("batch", "Why this pair"),
        ("curves", "How to read"),
        ("export", "Counts"),
    ):
        page.goto(f"{app_url}/{name}")
        main(page).get_by_text(landmark).first.wait_for(timeout=SLOW)
        for width, height in ((1024, 768), (1280, 800), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)  # charts take their new width a moment after the page has its own
            wide = page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('[data-testid=stMain]'))")
            assert wide <= 1, (name, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        paper = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_running_study_moves_by_itself_and_a_figure_waits_for_its_reader(page, tmp_path):
    store = worlds.running(tmp_path, done=4)
    study = queries.studies(store)[0]
    me = worlds.worker(store)
    with served(tmp_path) as url:
        page.goto(f"{url}/curves")
        main(page).get_by_text("How to read").first.wait_for(timeout=SLOW)
        drawn = annotations(page)
        other = page.context.new_page()
        other.goto(url)
        main(other).get_by_text("9 of 24").first.wait_for(timeout=SLOW)

        claim = writer.claim_run(store, me)
        assert claim is not None
        worlds.play(store, claim, worlds.preference_data())
        done = queries.study(store, study.id).summary.rounds_done
        main(other).get_by_text(f"{done} of 24").first.wait_for(timeout=SLOW)
        badge = page.get_by_role("button", name="2 new rounds: show")
        badge.wait_for(timeout=SLOW)
        assert annotations(page) == drawn, "what the reader looks at stays"
        badge.click()
        page.wait_for_function("before => document.querySelector('.annotation').parentNode.textContent !== before",
                               arg=drawn, timeout=SLOW)  # fmt: skip
        badge.wait_for(state="hidden", timeout=SLOW)


def annotations(page) -> str:
    page.locator(".annotation").first.wait_for(timeout=SLOW)
    return page.evaluate("document.querySelector('.annotation').parentNode.textContent")
