"""A batch under review on Explore and Map: drawn as it stands, with what people did; pairs are taken in from there."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.records import Pick
from engine.store import browse, edits, inbox, reviews
from engine.store.database import Store
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from tests.workbench.test_review import at_review, press


@pytest.fixture
def edited(tmp_path: Path) -> tuple[Store, str, list[str], list[str]]:
    """A batch in review of which one was pinned, one dropped, one swapped and one added; its run, own list, others."""
    store, run = at_review(tmp_path / "store", "real", scored=True)
    mine = [pick.pair_id for pick in reviews.review(store, run, 2).own]
    first = {pick.pair_id for pick in reviews.review(store, run, 1).own}
    new = sorted(set(worlds.preference_data().pairs) - {*mine, *first})
    edits.drop(store, run, 2, mine[5], "Ada")
    edits.add(store, run, 2, new[:1], "Ada")
    edits.swap(store, run, 2, mine[1], Pick(new[1], 1), "Ada")
    edits.pin(store, run, 2, mine[0], "Ada")
    return store, run, mine, new


def figures(test: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def test_the_round_of_an_edited_batch_is_the_batch_as_it_stands(edited):
    store, run, mine, new = edited
    found = browse.round_scores(store, run, 2)
    assert found is not None
    assert list(found.picks) == [mine[0], new[1], *mine[2:5], new[0]]
    assert found.by_hand == {mine[0]: "pinned", new[1]: "swapped", new[0]: "added"}
    assert found.out == (mine[1], mine[5])
    before = browse.round_scores(store, run, 1)
    assert before is not None
    assert (before.by_hand, before.out) == ({}, ()), "nobody touched that one"


def test_explore_draws_the_batch_as_it_stands_with_marks_of_what_was_done(edited, monkeypatch):
    store, run, mine, new = edited
    test = app(store.folder, monkeypatch, "explore")
    said = seen(test)
    assert "6 of 6 pairs: 1 added, 1 swapped, 1 pinned and 2 taken out by hand." in said
    assert "▲ brought in or pinned by hand 3" in said
    assert "△ taken out by hand 2" in said
    assert any(link.proto.label == "Review it on the page Batch" for link in test.get("page_link"))
    table = test.dataframe[0].value
    assert dict(zip(table["pair"], table["by hand"], strict=True)) == {
        mine[0]: "pinned", new[1]: "swapped", new[0]: "added", **dict.fromkeys(mine[2:5], ""),
    }  # fmt: skip
    signs = [note["text"] for note in figures(test)[0]["layout"]["annotations"]]
    assert (signs.count("▲"), signs.count("△")) == (3, 2)
    edits.release(store, run, "Ada")
    assert "This batch was changed before it was labelled" in seen(app(store.folder, monkeypatch, "explore"))


def test_a_pair_that_is_read_is_taken_into_the_batch_and_the_page_follows(edited, monkeypatch):
    store, run, mine, new = edited
    full = app(store.folder, monkeypatch, "explore", pair=new[2])
    assert next(b for b in full.button if b.label == "Add this pair to the batch").disabled
    assert "drop a pick on the page Batch first" in seen(full)
    edits.drop(store, run, 2, mine[2], "Ada")
    inside = app(store.folder, monkeypatch, "explore", pair=mine[0])
    assert "Pick 1 of the batch that waits for review, pinned by hand." in seen(inside)
    test = app(store.folder, monkeypatch, "explore", pair=new[2])
    press(test, "Add this pair to the batch")
    assert reviews.review(store, run, 2).picks[-1].pair_id == new[2]
    assert "1 pair added." in seen(test)
    assert "2 added" in seen(test), "what was held of the batch was let go"
    assert new[2] in test.dataframe[0].value["pair"].tolist()


def test_the_map_marks_what_was_done_and_takes_in_what_is_chosen_on_it(edited, monkeypatch):
    store, run, mine, new = edited
    study = reviews.review(store, run, 2).study_id
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    ask(store, Projection(study_id=study))
    ToolsWorker(store).work(until_idle=True)
    kept = inbox.save_selection(store, study, new[2:5], {})
    edits.drop(store, run, 2, mine[2], "Ada")
    edits.drop(store, run, 2, mine[3], "Ada")
    test = app(store.folder, monkeypatch, "map", sel=kept)
    names = [trace.get("name") for trace in figures(test)[0]["data"]]
    for name in ("added by hand 1", "swapped by hand 1", "pinned by hand 1", "taken out by hand 4", "picked by REAL 4"):
        assert name in names
    assert "There is room for 2 pairs." in seen(test)
    press(test, "Add 3 pairs to the batch")
    assert "3 pairs could be added, and the batch has room for 2" in seen(test), "none came in by halves"
    edits.drop(store, run, 2, mine[4], "Ada")
    test = app(store.folder, monkeypatch, "map", sel=kept)
    press(test, "Add 3 pairs to the batch")
    assert "3 pairs added." in seen(test)
    names = [trace.get("name") for trace in figures(test)[0]["data"]]
    assert "added by hand 4" in names
    assert "picked by REAL 6" in names
    assert not [b for b in app(store.folder, monkeypatch, "map").button if "to the batch" in b.label], "nothing chosen"
