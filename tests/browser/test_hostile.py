"""Texts that attack, on every page that shows text: they are read as text, and nothing of them is fetched or run."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.store import browse, queries
from engine.store.database import Store
from tests.browser import hostile
from tests.browser.conftest import served
from tests.browser.tab import SLOW, at_rest, main

pytestmark = pytest.mark.browser
SHOWN = """() => [...document.querySelectorAll('.pw')].map(e => e.textContent)
    .concat([...document.querySelectorAll('input, textarea')].map(e => e.value)).join(' ')"""
IN_LINK = f"study={quote(hostile.STUDY)}"
FAULTS = """() => {
    const own = link => !link || new URL(link, location.href).host === location.host || /^(data|blob):/.test(link);
    const all = where => [...document.querySelectorAll(where)];
    const link = e => e.getAttribute('src') || e.getAttribute('href') || e.getAttribute('xlink:href');
    const wide = e => e && e.scrollWidth - e.clientWidth > 1;
    const said = 'strong, em, code, img, a, span[style], [role=img], h1, del';
    return [
        ...(window.__struck ? ['a script has run'] : []),
        ...all('img, a, link, iframe, object, embed, image, use').filter(e => !own(link(e))).map(e => e.outerHTML),
        ...all('.pw img, .pw a, .pw script, .pw style, .pw iframe, .pw svg, .pw link').map(e => e.outerHTML),
        ...all('iframe, object, embed, .katex').map(e => e.outerHTML),
        ...all('[data-testid=stMarkdownContainer]').filter(e => e.querySelector(said)).map(e => e.outerHTML),
        ...(getComputedStyle(document.body).display === 'none' ? ['the page is hidden'] : []),
        ...(wide(document.documentElement) || wide(document.querySelector('[data-testid=stMain]'))
            ? ['it scrolls sideways'] : []),
    ];
}"""
# Page → what stands there when it is drawn, and the texts that must be on it.
STUDY, WORD = (hostile.STUDY,), hostile.ONE_WORD[:800]  # what is behind stands in the fold
PAGES = {
    "": ("rounds done", (*STUDY, hostile.SETS[0], hostile.WORD)),
    f"?study={hostile.NEARLY}": ("✕ failed", (hostile.NEARLY, *hostile.ERROR.split("\n- "))),
    "explore?strategy=APL&pair={pair}": ("In this round", (*STUDY, WORD, hostile.SOURCE)),
    "map?pair={pair}": ("Near means alike", (*STUDY, WORD, hostile.SOURCE)),
    "batch?pair={pair}": ("Why this pair", (*STUDY, hostile.SOURCE)),
    "batch?view=table": ("A cell shows the start", STUDY),
    "label": ("Nobody is asked", ()),
    "guideline": ("version 1", (hostile.HTML, hostile.MARKDOWN, hostile.DIRECTIVES)),
    "label-quality": ("Every answer", STUDY),
    "curves": ("How to read", hostile.SETS),
    "export": ("Counts", (*STUDY, "window.__struck=1</script><img src=http://evil.example/x.png")),
    "export?what=study&strategy=random": ("Counts", STUDY),
    "help?chapter=words": ("Words", ()),
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return hostile.store_of(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    with served(Path(store.folder)) as address:
        yield address


@pytest.fixture(autouse=True)
def narrow(page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})


def shown(page, *texts: str) -> None:
    """The texts are on the page, character for character, and nothing else came of them."""
    seen = hostile.flat(page.evaluate(SHOWN))
    assert not [text[:80] for text in texts if hostile.flat(text) not in seen]
    assert page.evaluate(FAULTS) == []


def linked(url: str, page: str) -> str:
    return f"{url}/{page}" if "study=" in page else f"{url}/{page}{'&' if '?' in page else '?'}{IN_LINK}"


@pytest.mark.parametrize("name", PAGES)
def test_texts_that_attack_are_text(page, url, store, name):
    landmark, texts = PAGES[name]
    at_rest(page, linked(url, name.format(pair=pair_of_the_longest_word(store))), landmark)
    shown(page, *texts)


def pair_of_the_longest_word(store: Store) -> str:
    """A pick of the second round in which one side is a word of 20,000 characters."""
    study = next(s for s in queries.studies(store) if s.name == hostile.STUDY)
    run = queries.study(store, study.id).runs[1]
    picks = queries.batch(store, run.id, 2)
    return next(p.pair_id for p in picks if hostile.ONE_WORD in (p.response_a, p.response_b))


def test_every_text_is_read_on_the_cards_of_a_batch(page, url):
    seen = ""
    for number in (1, 2):
        at_rest(page, linked(url, f"batch?view=cards&round={number}"), "Why this pair")
        shown(page, hostile.SOURCE)
        seen += hostile.flat(page.evaluate(SHOWN))
    assert not [text[:80] for text in hostile.TEXTS if hostile.flat(text)[:400] not in seen]


def test_the_pool_browser_and_a_prompt(page, url, store):
    dataset = queries.datasets(store)[0]
    prompts = browse.search(store, dataset.id).prompts
    at_rest(page, linked(url, f"data?prompt={prompts[6].id}"), "labels bought")
    shown(page, hostile.FILE, hostile.TOPIC, hostile.SOURCE, hostile.LABELLER, WORD, hostile.STYLE)
    page.locator("summary", has_text="show all").locator("visible=true").first.click()
    assert page.evaluate(FAULTS) == []
    cell = main(page).locator("canvas").first.bounding_box()
    assert cell is not None
    page.mouse.dblclick(cell["x"] + 150, cell["y"] + 55)
    page.wait_for_timeout(400)
    assert page.evaluate(FAULTS) == []
    page.keyboard.press("Escape")
    page.get_by_label("Text in prompts and responses").fill("<script>")
    page.keyboard.press("Enter")
    main(page).get_by_text("that hold it, or with a response that does").first.wait_for(timeout=SLOW)
    shown(page, hostile.FILE)


def test_the_form_names_a_hostile_file_and_a_hostile_study_to_clone(page, url):
    at_rest(page, url, "rounds done")
    page.get_by_role("button", name="Start a study").click()
    page.get_by_label("Study to clone").click()
    page.get_by_role("option").first.wait_for(timeout=SLOW)
    assert hostile.flat(hostile.STUDY) in hostile.flat("".join(page.get_by_role("option").all_inner_texts()))
    assert page.evaluate(FAULTS) == []
    page.get_by_role("option", name=hostile.STUDY).click()
    page.get_by_role("button", name="Clone this study").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Not ready to start yet.").or_(dialog.get_by_text("Nothing differs")).first.wait_for(
        timeout=SLOW
    )
    dialog.get_by_role("combobox", name="imported data set").click()
    page.get_by_role("option").nth(1).wait_for(timeout=SLOW)
    assert hostile.flat(hostile.FILE) in hostile.flat("".join(page.get_by_role("option").all_inner_texts()))
    shown(page, hostile.MARKDOWN)


def test_these_checks_find_what_they_are_for(page):
    page.set_content(
        "<div class=pw><svg></svg></div><img src=data:x onerror='window.__struck=1'>"
        "<div data-testid=stMarkdownContainer><strong>b</strong></div><p style='width:3000px'>wide</p>"
        "<a href='http://evil.example/'>a</a>"
    )
    page.wait_for_function("window.__struck === 1")
    assert len(page.evaluate(FAULTS)) == 5
