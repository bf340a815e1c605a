"""The time machine: rounds move what is drawn, news waits for a badge, a pair has its course."""

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.analysis.minds import Turned
from engine.store import writer
from engine.store.picked import batch
from engine.store.probed import Course
from tests.engine.store.test_probed import probed_events, probed_world, taken_over
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.charts.margins import CHANGED_WORDS, COURSE_WORDS, changed_figure, course_figure
from workbench.components.how_to_read import MOST
from workbench.components.markup import escaped
from workbench.components.time_machine import changed_rows, course_words, turned_words


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return probed_world(tmp_path_factory.mktemp("probed"))


def test_two_rounds_are_compared_and_the_slider_moves_both(world, monkeypatch):
    store, _ = world
    test = app(store.folder, monkeypatch, "explore", round="3")
    assert not test.exception
    assert "margins after round 3 against those after round 2" in seen(test)
    test.select_slider(key="round").set_value("2").run()
    assert "margins after round 2 against those after round 2" not in seen(test)
    assert "margins after round 2 against those after round 1" in seen(test)
    test.selectbox(key="since").set_value("since round 0").run()
    assert "margins after round 2 against those after round 0" in seen(test)


def test_a_picked_pair_shows_its_course_where_it_is_read(world, monkeypatch):
    store, run = world
    pick = batch(store, run, 2)[0]
    for page in ("explore", "batch"):
        said = seen(app(store.folder, monkeypatch, page, round="2", pair=pick.pair_id))
        assert "Margin by round" in said
        assert "Picked in round 2, labelled: " in said
        assert escaped(COURSE_WORDS) in said


def still(test: AppTest) -> list[str]:
    """All that the page says, without the sidebar and the lines of workers in it."""
    return [element.proto.body for element in test.main.get("html")]


def test_news_waits_until_it_is_asked_for(tmp_path, monkeypatch):
    events = list(probed_events(worlds.events(worlds.preference_data(), "real", 1, 3), 4, scored=True))
    store, _ = probed_world(tmp_path, stop_after=13)
    claim = taken_over(store)
    test = app(store.folder, monkeypatch, "explore")
    assert test.select_slider(key="round").value == "2"
    before = still(test)
    for event in events[13:]:
        writer.save_event(store, claim, event)
    test.run()
    assert test.select_slider(key="round").value == "2"
    assert "1 new round: show" in seen(test)
    assert still(test) == before, "no figure has moved"
    test.button(key="news").click().run()
    assert test.select_slider(key="round").value == "3"
    assert "margins after round 3 against those after round 2" in seen(test)


def test_a_round_that_is_to_come_is_not_shown_as_another(tmp_path, monkeypatch):
    store, _ = probed_world(tmp_path, stop_after=13)
    assert "Round 3 is to come. You see round 2." in seen(app(store.folder, monkeypatch, "batch", round="3"))


def test_words_count_what_turned():
    assert turned_words(Turned(504, 91, 48, 43, 0), 2) == (
        "91 of 504 pairs changed sides: 48 now agree with their label and 43 do not."
    )
    assert turned_words(Turned(9, 1, 0, 0, 1), 2) == "1 of 9 pairs changed sides: 1 have no label."
    assert turned_words(Turned(9, 0, 0, 0, 0), 0).endswith("Before any training every margin is 0.")


def test_words_say_where_a_pair_went():
    assert course_words(Course("x", {0: 0.0, 2: -1.5}, picked=2, answer="b")) == (
        "Picked in round 2, labelled: B is better. Margin +0.00 after round 0, −1.50 after round 2."
    )
    assert course_words(Course("x", {1: 0.5}, held_out="pool_like")).startswith("Held out (pool like): never picked.")
    assert "No round recorded its margin." in course_words(Course("x", {}))


def changed() -> pd.DataFrame:
    """Two pairs, one of which was picked and turned."""
    rows = [
        ("p" * 9, "", 1, "a", -1.0, 0.5, 1.5, True, 1.0),
        ("q" * 9, "balanced", 0, "tie", 1.0, 0.75, -0.25, False, None),
    ]
    names = ["pair_id", "held_out", "picked", "answer", "before", "after", "change", "turned", "agrees"]
    return pd.DataFrame(rows, columns=names)


def test_the_table_says_which_side_is_preferred_and_whether_that_is_right():
    found = changed_rows(changed(), [])
    assert found["prefers"].tolist() == ["B → A", "A"]
    assert found["now"].tolist() == ["right", "–"]
    assert found["from"].tolist() == ["picked in round 1", "held-out balanced"]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_figures_count_their_marks_and_name_their_axes(mode):
    cloud = changed_figure(changed(), 1, 2, 3, mode=mode)
    assert [trace.name for trace in cloud.data] == ["unchanged", "same side 1", "picked, changed sides 1"]
    assert "reward units" in cloud.layout.xaxis.title.text
    assert "reward units" in cloud.layout.yaxis.title.text
    line = course_figure(Course("x", {0: 0.0, 1: 0.5, 2: -0.5}, picked=2), 4, 3, mode=mode)
    assert list(line.data[0].x) == [0, 1, 2]
    assert [shape.x0 for shape in line.layout.shapes if shape.x0 == shape.x1] == [1.5], "between rounds 1 and 2"
    assert line.layout.xaxis.title.text == "policy after round"


def test_captions_are_short():
    assert max(len(words.split()) for words in (CHANGED_WORDS, COURSE_WORDS)) <= MOST
