"""A batch under review in a real Chromium: a pick goes, a pair of a selection comes, and the run goes on, marked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.records import Labelled, Picked
from engine.store import inbox, queries, reviews
from engine.worker import Worker
from tests.browser.conftest import served
from tests.browser.tab import SLOW, main, still
from tests.workbench import worlds
from tests.workbench.test_review import at_review

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory) -> Iterator[tuple]:
    """The app over a run that waits in its last round, and a saved selection of one pair outside its batches."""
    store, run = at_review(tmp_path_factory.mktemp("review"))
    picked = {pick.pair_id for number in (1, 2) for pick in reviews.review(store, run, number).own}
    other = min(set(worlds.preference_data().pairs) - picked)
    inbox.save_selection(store, queries.studies(store)[0].id, [other], {"drawn": "lasso"})
    with served(store.folder) as address:
        yield address, store, run, other


def the_rest(inputs, done, say, policy) -> Iterator[Any]:
    """A loop of fixed events that asks, as the real one does, what a person left of the batch."""
    events = list(worlds.events(worlds.preference_data(), "random", 1, 2))[9:]
    batch, labelled = events[0], events[1]
    assert isinstance(batch, Picked) and isinstance(labelled, Labelled)
    picks = inputs.edited(2, batch.picks)
    yield replace(batch, picks=tuple(picks), own=batch.picks)
    yield replace(labelled, labels=tuple(replace(labelled.labels[0], pair_id=pick.pair_id) for pick in picks))
    yield from events[2:]


def test_a_pick_goes_a_pair_comes_and_the_run_goes_on_marked(page, reviewed):
    url, store, run, other = reviewed
    own = [pick.pair_id for pick in reviews.review(store, run, 2).own]
    page.goto(url)
    page.get_by_role("link", name="Review the batch").click(timeout=60_000)
    main(page).get_by_text("6 of 6 pairs").first.wait_for(timeout=60_000)
    still(page)
    page.keyboard.press("x")
    main(page).get_by_text("5 of 6 pairs").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Add pairs").click()
    page.get_by_role("combobox", name="A selection saved on the map").click()
    page.get_by_role("option", name="1 pair").click()
    page.get_by_role("button", name="Add", exact=True).click()
    main(page).get_by_text("1 pair added.").first.wait_for(timeout=SLOW)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Release 6 pairs").click()
    main(page).get_by_text("The run is marked as edited.").first.wait_for(timeout=SLOW)

    assert Worker(store, "cpu", loop=the_rest).work(until_idle=True) == 1
    assert [pick.pair_id for pick in queries.batch(store, run, 2)] == [*own[1:], other]
    page.goto(url)
    main(page).get_by_text("✎ changed by hand, so in no verdict: 1 run (random, seed 1)").first.wait_for(timeout=60_000)
    main(page).get_by_text("finished").first.wait_for(timeout=SLOW)
