"""Batch in a real Chromium: the token view of a pick of a finished run, its table, and the next pick by its key."""

from collections.abc import Iterator

import pytest

from engine.store import queries
from engine.tasks.base import ask
from engine.tasks.batch_meters import BatchMeters
from engine.tasks.token_ratios import TokenRatios
from engine.tasks.why_batch import WhyBatch
from engine.tools import ToolsWorker
from engine.worker import Worker
from tests.browser.conftest import served
from tests.browser.tab import SLOW, main, press, still
from tests.browser.test_panels import look_over
from tests.engine.worker.test_real_loop import study_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory, tiny_model_dir) -> Iterator[str]:
    """The app over a finished study of the tiny model, in which somebody has asked about round 2 of APL."""
    store = study_in(tmp_path_factory.mktemp("batch"), tiny_model_dir)
    Worker(store, "cpu").work(until_idle=True)
    study = queries.studies(store)[0].id
    run = next(run.id for run in queries.study(store, study).runs if run.strategy.name == "apl")
    ids = tuple(pick.pair_id for pick in queries.batch(store, run, 2))
    for task in (BatchMeters(run_id=run, round=2, picks=ids), WhyBatch(run_id=run, round=2, picks=ids),
                 TokenRatios(run_id=run, after=1, pair_ids=ids)):  # fmt: skip
        ask(store, task)
    Worker(store, "cpu").work(until_idle=True)
    ToolsWorker(store).work(until_idle=True)
    with served(store.folder) as address:
        yield address


def test_the_token_view_of_a_pick_opens_and_follows_to_the_next(page, url):
    page.goto(f"{url}/batch?strategy=APL&round=2")
    view = main(page).locator(".st-key-tokens")
    view.get_by_text("would call").first.wait_for(timeout=60_000)
    tokens = view.locator(".heat span[title]")
    assert tokens.count() > 2
    assert "nats · entropy" in tokens.first.get_attribute("title")
    assert tokens.first.evaluate("e => getComputedStyle(e).borderBottomWidth") in ("1px", "2px", "3px", "4px")
    view.get_by_text("The numbers as a table").click()
    assert view.locator("tbody tr").count() == tokens.count()
    main(page).get_by_text("Under the other strategies").first.wait_for(timeout=SLOW)
    main(page).get_by_text("Picked instead, were it not there").first.wait_for(timeout=SLOW)
    main(page).get_by_text("Its neighbours").first.wait_for(timeout=SLOW)
    before = view.locator(".verdict").inner_text()
    still(page)
    press(page, "j", until="pick 2 of 4")
    page.wait_for_function("words => document.querySelector('.st-key-tokens .verdict').innerText !== words", arg=before)


@pytest.mark.parametrize(("view", "words"), [("pair by pair", "would call"), ("cards", "Under the other strategies")])
def test_an_explained_batch_has_no_violation_and_is_not_cut_at_double_size(page, url, view, words):
    look_over(page, f"{url}/batch?strategy=APL&round=2&explain=true&view={view.replace(' ', '+')}", words)
