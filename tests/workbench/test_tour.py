"""The tour: once at the front door, page by page, closed for good, and again from Help."""

from pathlib import Path

from engine.store.database import open_store
from tests.workbench import worlds
from tests.workbench.test_pages import ROOT, app, seen
from workbench.components.tour import STEPS, place_of

FIRST = "Tour, 1 of 6"


def test_it_opens_at_the_front_door_and_goes_along_through_the_pages(tmp_path, monkeypatch):
    test = app(worlds.finished(tmp_path, seeds=(1,)).folder, monkeypatch)
    for number, step in enumerate(STEPS, start=1):
        if number > 1:
            test.switch_page(f"../pages/{step.page}.py").run()
        assert not test.exception
        assert f"Tour, {number} of {len(STEPS)}" in seen(test)
        assert step.words.split(".")[0] in seen(test)
        links = [link.proto.label for link in test.main.get("page_link")]
        assert ("Next: " in " ".join(links)) == (number < len(STEPS))
    test.switch_page("../pages/data.py").run()
    assert "Tour, 6 of 6" in seen(test)
    assert "Go to Export" in [link.proto.label for link in test.main.get("page_link")]


def test_once_closed_it_stays_closed_for_every_later_visit(tmp_path, monkeypatch):
    test = app(tmp_path, monkeypatch)
    assert FIRST in seen(test)
    test.button(key="tour-close").click().run()
    assert "Tour, " not in seen(test)
    assert "Tour, " not in seen(app(tmp_path, monkeypatch)), "another visit to the same store"
    again = app(tmp_path, monkeypatch, "help")
    next(button for button in again.button if button.label == "Take the tour").click().run()
    assert FIRST in seen(again)
    assert "Go to Studies" in [link.proto.label for link in again.main.get("page_link")]


def test_a_link_leads_to_what_it_says_and_to_no_tour(tmp_path, monkeypatch):
    folder = worlds.finished(tmp_path, seeds=(1,)).folder
    assert "Tour, " not in seen(app(folder, monkeypatch, study="How-to world, first look"))


def test_a_page_without_a_step_leaves_the_tour_where_it_was():
    assert place_of("data", 3) == 3
    assert place_of("curves", 0) == 4


def test_every_step_is_a_page_and_short():
    open_pages = {path.stem.replace("_", "-") for path in Path(ROOT / "pages").glob("*.py")}
    assert {step.page for step in STEPS[1:]} <= open_pages
    assert all(len(step.words.split()) <= 60 for step in STEPS)


def test_an_empty_store_opens_it_too(tmp_path, monkeypatch):
    open_store(tmp_path)
    assert FIRST in seen(app(tmp_path, monkeypatch))
