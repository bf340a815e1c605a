"""Every panel with data in it: axe finds nothing in light and dark, and at 200 % zoom nothing scrolls or is cut."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from engine.records import Labelled, Pooled
from engine.store import inbox, outgoing, queries, roles, writer
from engine.store.assignments import Said, answer_and_next, claim_next
from engine.store.database import Store
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tasks.take_answers import TakeAnswers
from engine.tools import ToolsWorker
from tests.browser.conftest import served
from tests.browser.tab import at_rest, violations
from tests.engine.store.campaign_world import campaign
from tests.engine.store.test_probed import probed_events
from tests.engine.tasks.toys import vectors
from tests.workbench import campaign_worlds, lead_worlds, worlds
from tests.workbench.test_explore import scored_events
from tests.workbench.test_sending import answers

pytestmark = pytest.mark.browser
LONG = 60_000
ZOOMED = {"width": 720, "height": 450}
"""What a window of 1440 × 900 shows at 200 %."""
CUT = """() => {
    const main = document.querySelector('[data-testid=stMain]'), found = [];
    const wide = e => e.scrollWidth - e.clientWidth > 1;
    if (wide(main) || wide(document.documentElement)) found.push('the page scrolls sideways');
    const outside = (text, box) => text.left < box.left - 2 || text.right > box.right + 2;
    const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode, own = node.parentElement, range = document.createRange();
        if (!node.data.trim() || !own.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
        range.selectNodeContents(node);
        const lines = [...range.getClientRects()].filter(line => line.width > 2 && line.height > 2);
        const plot = own.closest('.js-plotly-plot');
        for (let e = plot || own; e && e !== main; e = e.parentElement) {
            const style = getComputedStyle(e), box = e.getBoundingClientRect();
            if (!plot && (/auto|scroll/.test(style.overflowX) || style.textOverflow === 'ellipsis')) break;
            if (box.width <= 2 || e.closest('[data-testid=stDataFrame]')) break;
            if ((plot || style.overflowX !== 'visible') && lines.some(line => outside(line, box)))
                found.push(`${node.data.trim()} is cut by ${e.className.baseVal ?? e.className}`);
            if (plot) break;
        }
    }
    return found;
}"""
ALL = {"study": "All of it", "strategy": "ActiveDPO"}
HAND = {"study": "By hand"}
DESK, WEIGHED, TOLD, OUT = "On the desk", "Answered by people", "Told in full", "Out at another tool"
GUIDELINE = """Prefer the answer that you would rather get.

1. Would following it work, and do no harm?
2. Does it answer this question, all of it?
3. Is it easy to follow?

Longer is not better. Tie if you would be glad of either; both bad if you would be glad of neither."""
CHAPTERS = ("start", "words", "strategies", "signals", "samplers and oracles", "trackers", "metrics", "study file")
PANELS: dict[str, tuple[str, dict[str, str], str]] = {
    "tour": ("", {}, "Close the tour"),
    "histograms beside each other": ("explore", {**ALL, "also": "APL"}, "What changed its mind"),
    "logarithm and ranks": ("explore", {**ALL, "counts": "log count", "agreement": "ranks"}, "Score against"),
    "ECDF of a brush": ("explore", {**ALL, "chart": "ECDF", "brush": "activedpo 0 to 9"}, "Scored by ActiveDPO"),
    "ridges and a pair": ("explore", {**ALL, "chart": "rounds", "pair": "{pair}"}, "Margin by round"),
    "map by state": ("map", {**ALL, "pair": "{pair}", "unlike": "0.5 to 1.5"}, "Choose anew"),
    "map of a selection": ("map", {**ALL, "colour": "score", "sel": "{sel}"}, "Saved selection"),
    "map of segments": ("map", {**ALL, "points": "segments", "colour": "strategy"}, "segments drawn"),
    "map of responses": ("map", {**ALL, "points": "responses", "colour": "round"}, "responses drawn"),
    "batch with margins": ("batch", ALL, "Margin by round"),
    "batch as cards": ("batch", {**ALL, "view": "cards"}, "Why this pair"),
    "batch as a table": ("batch", {**ALL, "view": "table"}, "A cell shows the start"),
    "review": ("batch", HAND, "waits for review"),
    "review, on Explore": ("explore", HAND, "This batch waits for review"),
    "certainty": ("curves", {**ALL, "certainty": "true", "seeds": "every seed"}, "Is the uncertainty real?"),
    "studies": ("", {"study": "All of it"}, "rounds done"),
    "curves": ("curves", {**ALL, "along": "cost"}, "Guardrails"),
    "data": ("data", {"study": "All of it"}, "labels bought"),
    "import": ("data", {"part": "import"}, "Which file"),
    "dry run": ("dry-run", ALL, "What scoring will take"),
    "export": ("export", ALL, "Counts"),
    "label": ("label", {"study": DESK}, "of 8 answered"),
    "label, all answered": ("label", {"study": WEIGHED}, "Nothing is left to label."),
    "label, another tool": ("label", {"study": OUT}, "Another labelling tool"),
    "guideline": ("guideline", {"study": DESK}, "version 1"),
    "label quality": ("label-quality", {"study": WEIGHED}, "Every answer"),
    "label quality, recorded": ("label-quality", {"study": "All of it"}, "Every answer"),
    "a campaign among studies": ("", {"study": DESK}, "waits for labels"),
    "a campaign's report": ("curves", {"study": TOLD}, "In the shadow"),
    "a campaign's report, begun": ("curves", {"study": DESK}, "A campaign gives no verdict."),
    **{f"help, {chapter}": ("help", {"chapter": chapter}, chapter) for chapter in CHAPTERS},
}  # fmt: skip
"""Panel → page, query, and the words that stand there when it is drawn."""


def store_in(folder: Path) -> tuple[Store, dict[str, str]]:
    """What links need, and the store: a finished study with scores, margins, a map and a selection, one whose batch
    waits, a campaign that is done, one with pairs on the desk, and one with audit slice and shadows to report of.
    """
    store, _, _ = lead_worlds.answered(folder)
    _, desk, _ = campaign(folder, batch=8, called=DESK, ask_strength=True, ask_note=True)
    roles.write_guideline(store, desk, GUIDELINE)
    lead = roles.at_the_machine(store, "lead")
    shown = claim_next(store, desk, lead.id)
    for answer in ("a", "tie", "b"):
        assert shown is not None
        shown = answer_and_next(store, desk, shown.assignment_id, lead.id, Said(answer, shown.side_first, 21.4))
    campaign_worlds.campaign(folder, "done", TOLD)
    _, away, _ = campaign(folder, batch=6, called=OUT)
    with outgoing.sent_out(store, away, "label_studio", most=4):
        file = answers(store, away, folder.parent / "answers.json")
    ask(store, TakeAnswers(study_id=away, path=str(file)))
    me = worlds.worker(store)
    every = ("random", "activedpo", "apl")
    study, data = worlds.add_study(store, "All of it", seeds=(1,), rounds=3, strategies=every)
    worlds.add_study(store, "By hand", seeds=(1,), rounds=2, strategies=("random",), race="none", review=True)
    while claim := writer.claim_run(store, me, lease_s=3600):
        waits = claim.study_id != study
        name = claim.config.strategy.name
        events = worlds.events(data, name, 1, 2 if waits else 3)
        for event in scored_events(probed_events(events, 12, scored=True), name):
            if waits and isinstance(event, Labelled) and event.round == 2:
                break
            made = replace(event, made_pairs=tuple(data.pairs.values())) if isinstance(event, Pooled) else event
            writer.save_event(store, claim, made)
        if waits:
            writer.set_state(store, claim.run_id, "review", only_from=["running"])
        else:
            writer.set_state(store, claim.run_id, "done")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        ask(store, Projection(study_id=study))
        ToolsWorker(store).work(until_idle=True)
    run = next(r for r in queries.study(store, study).runs if r.strategy.name == "activedpo")
    picks = [pick.pair_id for pick in queries.batch(store, run.id, 3)]
    return store, {"pair": picks[0], "sel": inbox.save_selection(store, study, picks, {})}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[tuple[str, dict[str, str]]]:
    store, known = store_in(tmp_path_factory.mktemp("panels"))
    with served(store.folder) as address:
        yield address, known


def open_all(page: Page) -> None:
    """Everything that folds is opened."""
    page.evaluate(
        "document.querySelectorAll('[data-testid=stMain] details:not([open]) > summary').forEach(e => e.click())"
    )
    page.wait_for_function("!document.querySelector('[data-testid=stMain] details:not([open])')")


def look_over(page: Page, link: str, words: str) -> None:
    """The page in light, and in dark at 200 %: axe finds nothing, and nothing is cut."""
    page.set_default_timeout(LONG)
    for scheme, size in (("light", {"width": 1280, "height": 800}), ("dark", ZOOMED)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        at_rest(page, link, words, LONG)
        open_all(page)
        assert violations(page) == [], scheme
        assert page.evaluate(CUT) == [], scheme


@pytest.mark.parametrize("panel", PANELS)
def test_axe_finds_nothing_and_nothing_is_cut_at_double_size(page, world, panel):
    url, known = world
    path, query, words = PANELS[panel]
    link = f"{url}/{path}?{urlencode({name: value.format(**known) for name, value in query.items()})}".rstrip("?")
    look_over(page, link, words)


def test_this_finds_what_is_cut(page):
    page.set_content(
        "<div data-testid=stMain><div style='overflow:hidden;width:40px;white-space:nowrap'>cut off here</div>"
        "<div style='overflow:auto;width:40px;white-space:nowrap'>can be scrolled</div><p>all of it</p></div>"
    )
    assert [found.split(" is cut")[0] for found in page.evaluate(CUT)] == ["cut off here"]
