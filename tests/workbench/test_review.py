"""A batch under review on screen: what waits, pin, drop, swap, add, undo and release, and the marks that stay."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from engine.data.answers import Subset
from engine.data.export.about import about_subset
from engine.data.export.files import files_of
from engine.data.export.make import export
from engine.records import Pick, Pooled
from engine.store import edits, inbox, projected, queries, reviews, writer
from engine.store.database import Store, open_store
from engine.store.labelled import asked_pairs
from engine.worker import Worker
from tests.workbench import worlds
from tests.workbench.test_explore import scored_events
from tests.workbench.test_pages import app, seen
from workbench import reviewing, study_words
from workbench.cli.main import app as cli
from workbench.components.pick_list import picks_frame
from workbench.components.run_grid import run_grid
from workbench.report.gather import gather
from workbench.report.machine import machine


def at_review(folder: Path, strategy: str = "random", *, scored: bool = False) -> tuple[Store, str]:
    """A store in which one run waits in round 2, and its id; `scored`: its strategy gives scores."""
    store = open_store(folder)
    _, data = worlds.add_study(store, "By hand", seeds=(1,), strategies=(strategy,), race="none", review=True)
    claim = writer.claim_run(store, worlds.worker(store))
    assert claim is not None
    events = list(worlds.events(data, strategy, 1, 2))
    for event in (scored_events(events, strategy) if scored else events)[:10]:
        made = replace(event, made_pairs=tuple(data.pairs.values())) if isinstance(event, Pooled) else event
        writer.save_event(store, claim, made)
    writer.set_state(store, claim.run_id, "review", only_from=["running"])
    return store, claim.run_id


@pytest.fixture
def waiting(tmp_path: Path) -> tuple[Store, str]:
    return at_review(tmp_path / "store")


def press(test, label: str):
    next(button for button in test.button if button.label == label).click()
    test.run()
    assert not test.exception
    assert "could not be drawn" not in seen(test)


def state(store: Store):
    return queries.study(store, queries.studies(store)[0].id).runs[0]


def test_a_batch_is_changed_undone_and_released(waiting, monkeypatch):
    store, run = waiting
    own = [pick.pair_id for pick in reviews.review(store, run, 2).own]
    test = app(store.folder, monkeypatch, "batch")
    said = seen(test)
    for words in ("waits for review", "6 of 6 pairs", "no label is bought before the batch is released", "Pin", "Swap"):
        assert words in said
    assert "drawn is the strategy's own list" in seen(app(store.folder, monkeypatch, "explore")).replace("&#x27;", "'")
    test.text_input(key="person").set_value("Ada").run()
    press(test, "Drop")
    assert "5 of 6 pairs" in seen(test)
    assert "1 label fewer than the round allows will be bought" in seen(test)
    assert test.session_state["pair"] == own[1], "the next pick is looked at"
    press(test, "Pin")
    assert "1 pinned" in seen(test)
    assert next(b for b in test.button if b.label == "Drop").disabled
    press(test, "Undo")
    press(test, "Undo")
    assert "This is the strategy's own list" in seen(test).replace("&#x27;", "'")
    press(test, "Drop")
    for page in ("explore", "map"):
        assert "5 of 6 pairs: 1 taken out by hand." in seen(app(store.folder, monkeypatch, page)), page
    found = reviews.review(store, run, 2)
    assert [(e.what, e.person) for e in found.edits] == [
        ("drop", "Ada"), ("pin", "Ada"), ("undo", "Ada"), ("undo", "Ada"), ("drop", "Ada"),
    ]  # fmt: skip
    tables = [table.value for table in test.dataframe if "by hand" in table.value]
    assert tables[0]["by hand"].tolist().count("dropped") == 1
    press(test, "Release 5 pairs")
    assert (state(store).state, state(store).edited) == ("queued", True)
    assert "The run is marked as edited" in seen(test)
    again = app(store.folder, monkeypatch, "batch")
    assert "waits for review" not in seen(again)
    assert any("by hand" in table.value for table in again.dataframe), "what was done stays to be seen"


def test_pairs_come_in_by_selection_or_id_and_others_are_refused(waiting, monkeypatch):
    store, run = waiting
    batch = reviews.review(store, run, 2)
    outside = sorted(set(worlds.preference_data().pairs) - {pick.pair_id for pick in batch.own})
    first = {pick.pair_id for pick in reviews.review(store, run, 1).own}
    new = [pair_id for pair_id in outside if pair_id not in first]
    kept = inbox.save_selection(store, batch.study_id, new[:1], {})
    test = app(store.folder, monkeypatch, "batch")
    press(test, "Drop")
    press(test, "Drop")
    test.selectbox(key="add-selection").set_value(kept).run()
    press(test, "Add")
    assert "1 pair added." in seen(test)
    assert test.session_state["pair"] == new[0]
    test.text_input(key="add-ids").set_value("xnone").run()
    press(test, "Add")
    assert "No pair can be added: 1 in the batch already; 1 unknown here." in seen(test)
    picks = queries.batch(store, run, 2)
    assert [pick.pair_id for pick in picks][-1] == new[0]
    marks = projected.marks(store, batch.study_id, 1)
    assert set(marks.loc[marks["round"] == 2, "pair_id"]) == {pick.pair_id for pick in picks}, "the map shows the same"
    assert marks.loc[marks["round"] == 1, "answer"].notna().all()
    assert (picks[-1].why, picks[-1].response_a != "") == ({"brought_in_by": "lead"}, True)


def hands(test) -> list[str]:
    """What stands in the pick list of each pick's being changed by hand."""
    return next(table.value for table in test.dataframe if "#" in table.value).get("by hand", pd.Series()).tolist()


def test_a_pick_that_was_pinned_added_or_swapped_is_marked_in_the_list(waiting, monkeypatch):
    store, run = waiting
    batch = reviews.review(store, run, 2)
    first = {pick.pair_id for pick in reviews.review(store, run, 1).own}
    mine = [pick.pair_id for pick in batch.own]
    new = sorted(set(worlds.preference_data().pairs) - {*mine, *first})
    assert hands(app(store.folder, monkeypatch, "batch")) == [], "nothing was done, so there is no such column"
    edits.drop(store, run, 2, mine[5], "Ada")
    edits.add(store, run, 2, new[:1], "Ada")
    edits.swap(store, run, 2, mine[1], Pick(new[1], 1), "Ada")
    for pair in (mine[0], new[1]):
        edits.pin(store, run, 2, pair, "Ada")
    test = app(store.folder, monkeypatch, "batch")
    assert hands(test) == ["pinned", "swapped, pinned", "", "", "", "added"]
    table = next(t.value for t in app(store.folder, monkeypatch, "batch", view="table").dataframe if "label" in t.value)
    assert table["by hand"].fillna("").tolist() == hands(test)
    picks = queries.batch(store, run, 2)
    assert picks_frame(picks, {mine[0]})["by_hand"].tolist() == ["pinned", "swapped", "", "", "", "added"]


def test_a_swap_in_a_batch_that_is_asked_about_in_parts(waiting, monkeypatch):
    store, run = waiting
    monkeypatch.setattr(reviewing, "AT_MOST", 4)
    review = reviews.review(store, run, 2)
    own = [pick.pair_id for pick in review.own]
    task = reviewing.runner_up(review, own[5])
    assert (list(task.picks), list(task.beside)) == (own[4:], own[:4])
    assert task == reviewing.runner_up(review, own[4]), "one request answers for all of a part"
    test = app(store.folder, monkeypatch, "batch", pair=own[5])
    press(test, "Swap")
    Worker(store, "cpu").work(until_idle=True)
    test.run()
    assert not test.exception
    (edit,) = reviews.review(store, run, 2).standing
    assert (edit.what, edit.pair_id) == ("swap", own[5])
    assert edit.other_id not in own


def test_a_swap_takes_what_the_strategy_would_have_picked(waiting, monkeypatch):
    store, run = waiting
    own = [pick.pair_id for pick in reviews.review(store, run, 2).own]
    test = app(store.folder, monkeypatch, "batch")
    press(test, "Swap")
    assert "The runner-up waits for the worker" in seen(test)
    Worker(store, "cpu").work(until_idle=True)
    test.run()
    assert not test.exception
    (edit,) = reviews.review(store, run, 2).standing
    assert (edit.what, edit.pair_id) == ("swap", own[0])
    assert edit.other_id not in own
    assert [pick.pair_id for pick in queries.batch(store, run, 2)] == [edit.other_id, *own[1:]]
    press(test, "Drop")  # the runner-up itself: it does not come again
    press(test, "Swap")
    Worker(store, "cpu").work(until_idle=True)
    test.run()
    third = reviews.review(store, run, 2).standing[-1].other_id
    assert third not in {*own, edit.other_id}


def test_the_study_says_what_waits_and_the_run_is_marked_everywhere(waiting, monkeypatch):
    store, run = waiting
    test = app(store.folder, monkeypatch)
    said = seen(test)
    assert "waits for review" in said
    assert "round 2, no label is bought before" in said
    assert test.get("page_link")
    picks = reviews.review(store, run, 2).own
    edits.drop(store, run, 2, picks[0].pair_id, "Ada")
    told = CliRunner().invoke(cli, ["run", "release", run, "--by", "Ada", "--store", str(store.folder)])
    assert told.exit_code == 0, told.output
    assert "5 of 6 pairs released, changed by hand: the run is marked" in told.output
    detail = queries.study(store, queries.studies(store)[0].id)
    words = "✎ changed by hand, so in no verdict: 1 run (random, seed 1)"
    assert study_words.by_hand(detail) == words
    assert "changed by hand" in run_grid(detail.runs)
    assert words in seen(app(store.folder, monkeypatch))
    assert words in seen(app(store.folder, monkeypatch, "curves"))
    shown = CliRunner().invoke(cli, ["study", "show", detail.summary.id, "--store", str(store.folder)])
    assert words in shown.output
    assert machine(gather(store, detail.summary.id))["changed_by_hand"] == [run]


def test_an_export_says_which_batches_were_changed_and_names_nobody_unasked(waiting):
    store, run = waiting
    own = reviews.review(store, run, 2).own
    edits.drop(store, run, 2, own[0].pair_id, "Ada")
    edits.release(store, run, "Ada")
    subset = Subset(study_id=queries.studies(store)[0].id)
    about = about_subset(store, subset)
    assert about["changed by hand, so in no verdict"] == [
        "random, seed 1, round 2: 1 of the strategy's 6 picks out, 0 other pairs in"
    ]
    for names, who in ((False, b'"who": "editor 1"'), (True, b'"who": "Ada"')):
        files = files_of(export(asked_pairs(store, subset), subset, about=about, names=names))
        assert who in files["edits.jsonl"]
        assert (b"Ada" in files["edits.jsonl"]) == names
        assert own[0].pair_id.encode() in files["edits.jsonl"]
        assert b"edits.jsonl" in files["README.md"]
    for part in ({"upto_round": 1}, {"from_round": 3}):
        assert "edits" not in about_subset(store, subset.model_copy(update=part)), "of other rounds than these"


def pressed_twice() -> None:
    import streamlit as st

    from engine.store.reviews import review
    from workbench import cache, reviewing

    drawn = review(cache.store(), st.query_params["run"], 2)
    first, second = drawn.own[0].pair_id, drawn.own[1].pair_id
    for what in (reviewing._pin, reviewing._drop):
        now = review(cache.store(), st.query_params["run"], 2)
        what(now, first if what is reviewing._pin else second)
        what(now, first if what is reviewing._pin else second)


def test_a_press_that_is_called_back_twice_is_done_once(waiting, monkeypatch):
    store, run = waiting
    monkeypatch.setenv("WORKBENCH_STORE", str(store.folder))
    script = AppTest.from_function(pressed_twice)
    script.query_params["run"] = run
    script.run()
    assert not script.exception
    assert [edit.what for edit in reviews.review(store, run, 2).edits] == ["pin", "drop"]
