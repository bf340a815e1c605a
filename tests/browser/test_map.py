"""The map in a real Chromium: a lasso is kept and joins a batch under review, a slider, the link after a restart."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.records import Labelled, Pooled
from engine.store import projected, queries, reviews, writer
from engine.store.database import Store, open_store
from engine.tasks.base import ask, asked
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.browser import hostile
from tests.browser.conftest import served
from tests.browser.tab import at_rest, main, press, still
from tests.browser.test_hostile import FAULTS
from tests.engine.tasks.toys import vectors
from tests.workbench import worlds
from workbench.components.map_scene import ground_of

pytestmark = pytest.mark.browser
LONG = 120_000
NAMES = ([hostile.BREAKS_OUT, "plain"], [hostile.MARKDOWN, hostile.BIDI], [hostile.HTML])
"""Words of clusters, far worse than the letters that a text can give."""
DRAWN = "() => document.querySelector('[data-testid=stMain] .js-plotly-plot').data.map(trace => trace.name)"
PLACES = """([xs, ys]) => {
    const gd = document.querySelector('[data-testid=stMain] .js-plotly-plot'), box = gd.getBoundingClientRect();
    const {xaxis, yaxis} = gd._fullLayout;
    return xs.map((x, n) => [box.x + xaxis._offset + xaxis.l2p(x), box.y + yaxis._offset + yaxis.l2p(ys[n])]);
}"""


def hostile_names(text_of: Any, cluster: Any, k: int) -> list[list[str]]:
    """In place of what the texts say."""
    return [NAMES[n % len(NAMES)] for n in range(k)]


def store_in(folder: Path) -> tuple[Store, str, Mapping[str, Any]]:
    """A run whose third round waits for review, its id, and the answer of its map, clusters named by attacks."""
    store = open_store(folder)
    _, data = worlds.add_study(store, "Lassoed", seeds=(1,), rounds=3, strategies=("real",), race="none", review=True)
    claim = writer.claim_run(store, worlds.worker(store), lease_s=3600)
    assert claim is not None
    for event in worlds.events(data, "real", 1, 3):
        if isinstance(event, Labelled) and event.round == 3:
            break
        made = replace(event, made_pairs=tuple(data.pairs.values())) if isinstance(event, Pooled) else event
        writer.save_event(store, claim, made)
    writer.set_state(store, claim.run_id, "review", only_from=["running"])
    task = Projection(study_id=claim.study_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        patch.setattr("engine.tasks._places.names_of", hostile_names)
        ask(store, task)
        ToolsWorker(store).work(until_idle=True)
    found = asked(store, task)
    assert found is not None and found.answer is not None
    return store, claim.run_id, found.answer


def settled(page: Page) -> None:
    still(page)


def alone(places: np.ndarray, free: np.ndarray) -> tuple[int, float]:
    """The free point (bool, (n,)) that is farthest from every other, and how far, in pixels."""
    away = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(away, np.inf)
    nearest = np.where(free, away.min(axis=1), -1.0)
    return int(nearest.argmax()), float(nearest.max())


def lasso(page: Page, around: np.ndarray, radius: float) -> None:
    """Drawn with the mouse around that place of the window."""
    turns = np.linspace(0, 2 * np.pi, 17)
    corners = around + radius * np.column_stack([np.cos(turns), np.sin(turns)])
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=2)
    page.mouse.up()


def step(page: Page, key: str, to: int) -> None:
    """Move the slider over rounds below the map; that of the sidebar follows."""
    main(page).get_by_role("slider").focus()
    page.keyboard.press(key)
    expect(page.locator("[data-testid=stSidebar]").get_by_role("slider")).to_have_attribute("aria-valuetext", str(to))
    settled(page)


def test_a_lasso_is_kept_joins_a_batch_and_its_link_holds_after_a_restart(page, tmp_path):
    page.set_default_timeout(LONG)
    expect.set_options(timeout=LONG)
    store, run, answer = store_in(tmp_path / "store")
    points = projected.read_points(store, answer["files"]["pairs"])
    own = {number: {pick.pair_id for pick in queries.batch(store, run, number)} for number in (1, 2, 3)}
    ids = points.names(range(len(points)))
    free = np.array([pair_id not in set().union(*own.values()) for pair_id in ids])

    with served(store.folder) as url:
        at_rest(page, f"{url}/map?round=3", "96 of 96 pairs drawn.", LONG)
        names_are_text(page)
        assert marked(page) == {"labelled before": len((own[1] | own[2]) - own[3]), "picked by REAL": len(own[3])}

        plane = main(page).locator(".js-plotly-plot .nsewdrag").first
        plane.scroll_into_view_if_needed()
        ground = ground_of("pairs", points, points, answer["clusters"])
        places = np.array(page.evaluate(PLACES, [ground.x.tolist(), ground.y.tolist()]))
        box = plane.bounding_box()
        low, size = np.array([box["x"], box["y"]]), np.array([box["width"], box["height"]])
        inside = ((places > low + 40) & (places < low + size - 40)).all(axis=1)
        at, gap = alone(places, free & inside)
        lasso(page, places[at], min(gap / 2, 30))
        main(page).get_by_text("1 of 96 pairs").first.wait_for()
        expect(main(page).get_by_role("heading", name="Chosen on the map")).to_be_visible()

        step(page, "ArrowLeft", 2)
        assert marked(page) == {"labelled before": len(own[1] - own[2]), "picked by REAL": len(own[2])}
        expect(main(page).get_by_role("heading", name="Chosen on the map")).to_be_visible()
        step(page, "ArrowRight", 3)

        page.get_by_role("button", name="Keep this selection").click()
        main(page).get_by_role("heading", name="Saved selection").wait_for()
        page.wait_for_url("**sel=l**")
        settled(page)
        link = page.url
        kept = parse_qs(urlsplit(link).query)["sel"][0]
        assert projected.selection(store, queries.studies(store)[0].id, kept) == (ids[at],)
        said = facts(page)

        page.locator("[data-testid=stSidebar]").get_by_role("link", name="Batch").click()
        main(page).get_by_text("6 of 6 pairs").first.wait_for()
        settled(page)
        press(page, "x", until="5 of 6 pairs")
        page.get_by_role("button", name="Add pairs").click()
        page.get_by_role("combobox", name="A selection saved on the map").click()
        page.get_by_role("option", name=kept).click()
        page.get_by_role("button", name="Add", exact=True).click()
        main(page).get_by_text("1 pair added.").first.wait_for()
        assert [pick.pair_id for pick in reviews.review(store, run, 3).picks][-1] == ids[at]

    with served(store.folder) as url:
        again = urlsplit(link)._replace(netloc=urlsplit(url).netloc).geturl()
        at_rest(page, again, "96 of 96 pairs drawn.", LONG)
        main(page).get_by_role("heading", name="Saved selection").wait_for()
        batch = {pick.pair_id for pick in queries.batch(store, run, 3)}
        assert facts(page) == [re.sub("picked 0", "picked 1", line) for line in said], "and now it is in the batch"
        settled(page)
        assert marked(page)["picked by REAL"] == len(batch) == 6
        then, now = (parse_qs(urlsplit(one).query) for one in (link, page.url))
        assert then.items() <= now.items()  # the last round, which is the usual one, may stand in the link beside them


def marked(page: Page) -> dict[str, int]:
    """The layers of the map above its ground, as their names count them."""
    main(page).locator(".js-plotly-plot .main-svg").first.wait_for()
    found = [name.rsplit(" ", 1) for name in page.evaluate(DRAWN) if name]
    return {name: int(n) for name, n in found if name not in ("pool", "in the saved selection")}


def facts(page: Page) -> list[str]:
    """What stands beside the map about what is chosen, each with its number."""
    box = main(page).locator(".facts").first
    return [" ".join(fact.split()) for fact in box.locator("> *").all_inner_texts()]


def names_are_text(page: Page) -> None:
    """Attacks that clusters are named by stand on the map and in the table below it, character for character."""
    main(page).get_by_text("named by their words").click()
    main(page).get_by_text("picked so far").first.wait_for()
    table = hostile.flat(main(page).locator("table").filter(has_text="picked so far").inner_text())
    on_map = hostile.flat("".join(main(page).locator(".annotation-text").all_text_contents()))
    for words in NAMES:
        assert all(hostile.flat(word) in table for word in words)
    assert any(all(hostile.flat(word) in on_map for word in words) for words in NAMES)
    assert page.evaluate(FAULTS) == []
