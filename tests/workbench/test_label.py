"""The page Label on screen: blind, every text as text, what stands in place of a pair, and what a lead can do there."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine.errors import StoreError
from engine.records import Label, Labelled
from engine.store import answered, assignments, inbox, queries, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said
from engine.store.database import Store
from tests.engine.store.campaign_world import campaign, finish, labels
from tests.engine.store.test_store import a_worker
from tests.workbench.test_pages import app, seen
from tests.workbench.worlds import HOSTILE
from workbench import labelling, processes
from workbench.components import label_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, str, str]:
    monkeypatch.setattr(labelling, "TOO_SOON_S", 0.0)
    return campaign(tmp_path / "store", batch=4, ask_strength=True, ask_note=True)


def press(test: AppTest, label: str) -> None:
    next(button for button in test.button if button.label == label).click()
    test.run()
    assert not test.exception
    assert "could not be drawn" not in seen(test)


def set_run(store: Store, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(s.runs.update().values(**values))


def test_a_pair_is_shown_without_a_word_of_who_asks_for_it(desk, monkeypatch):
    store, _, run_id = desk
    inbox.tour_seen(store)
    test = app(store.folder, monkeypatch, "label")
    said = seen(test)
    for words in ("A is better", "B is better", "Tie", "Both bad", "Skip", "Undo", "0</b> of 4 answered"):
        assert words in said
    bodies = [element.proto.body for element in test.main.get("html")]
    main = "\n".join(body for body in bodies if "<style>" not in body)
    for word in ("random", run_id, "round 1", "seed", "sft", "score"):
        assert word not in main.lower(), word
    assert "strategy" not in test.query_params, "only the study is in the link"


def test_an_answer_a_note_and_a_strength_are_written_and_the_next_pair_follows(desk, monkeypatch):
    store, study_id, _ = desk
    roles.write_guideline(store, study_id, "Be fair.")
    test = app(store.folder, monkeypatch, "label")
    test.text_input(key="note-1-0").set_value(" shorter, <b>and right</b> ").run()
    press(test, "By far")
    press(test, "Clearly")
    press(test, "A is better")
    (row,) = labels(store)
    assert (row.answer, row.note, row.strength) == (row.side_shown_first, "shorter, <b>and right</b>", 2.0)
    assert row.guideline_id == roles.guideline(store, study_id).id
    assert row.seconds is not None
    assert "1</b> of 4 answered" in seen(test)
    press(test, "B is better")
    assert labels(store)[1].answer != labels(store)[1].side_shown_first
    assert (labels(store)[1].note, labels(store)[1].strength) == (None, None), "they belong to their pair"
    press(test, "Undo")
    assert "you answered" in seen(test)
    press(test, "Tie")
    assert labels(store)[2].corrects == labels(store)[1].id


def test_texts_are_shown_as_text(tmp_path, monkeypatch):
    store, _, _ = campaign(tmp_path / "store", batch=2)
    with store.write() as connection:
        for hostile, response in zip(HOSTILE, connection.execute(sa.select(s.responses.c.id)).scalars(), strict=False):
            connection.execute(s.responses.update().where(s.responses.c.id == response).values(text=hostile))
    test = app(store.folder, monkeypatch, "label")
    for _ in range(2):
        said = seen(test)
        assert "<script>fetch" not in said
        assert "<img src" not in said
        assert 'dir="auto"' in said
        monkeypatch.setattr(labelling, "TOO_SOON_S", 0.0)
        press(test, "A is better")


def test_code_and_long_texts_keep_their_form():
    shown = assignments.Shown(1, "x", (("user", "Hi"),), "```python\nprint(1)\n```", "word " * 3000, "b")
    said = label_desk.desk(shown, marked=False)
    assert '<div class="said fixed" dir="auto">' in said
    assert said.index("3,000 words") < said.index("print(1)"), "what is shown first stands at the left"
    assert said.count("word ") >= 2999, "nothing of a long text is folded away from who judges it"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("waiting", "You have answered all that waits for you."),
        ("queued", "The next batch comes after round 1"),
        ("running", "The next batch comes after round 1"),
        ("done", "The study is done."),
        ("paused", "The run is paused."),
        ("review", "is being looked at"),
    ],
)
def test_what_stands_in_place_of_a_pair(desk, monkeypatch, state, words):
    store, _, _ = desk
    finish(desk, "lead")
    set_run(store, state=state)
    said = seen(app(store.folder, monkeypatch, "label"))
    assert words in said
    assert "A is better" not in said


def test_a_new_batch_is_found_by_who_waits(desk, monkeypatch):
    store, study_id, _run_id = desk
    who = roles.at_the_machine(store, "lead")
    set_run(store, state="paused")
    test = app(store.folder, monkeypatch, "label")
    assert "The run is paused." in seen(test)
    set_run(store, state="waiting")
    test.run()
    test.run()
    assert assignments.claim_next(store, study_id, who.id) is not None
    assert "A is better" in seen(test)


def test_an_error_is_a_sentence_and_the_desk_goes_on(desk, monkeypatch):
    store, _, _ = desk
    test = app(store.folder, monkeypatch, "label")
    with store.write() as connection:
        connection.execute(s.assignments.update().where(s.assignments.c.state == "leased").values(person_id=None))
    press(test, "A is better")
    assert "given to somebody else" in seen(test)
    assert labels(store) == []


def test_a_lead_is_told_of_labels_that_changed_and_goes_on_from_before_them(desk, monkeypatch):
    store, study_id, _run_id = desk
    finish(desk, "lead")
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    with store.read() as connection:
        mine = {row.pair_id: row.answer for row in connection.execute(sa.select(s.labels))}
    given = tuple(Label(pair_id, answer, "people") for pair_id, answer in mine.items())
    assert writer.save_event(store, claim, Labelled(1, given))
    set_run(store, state="paused")
    assert "Labels changed" not in seen(app(store.folder, monkeypatch, "label"))
    who = roles.at_the_machine(store, "lead")
    first = answered.earlier(store, study_id, who.id)[0]
    answered.correct(store, study_id, who.id, first.assignment_id, Said("b"))
    test = app(store.folder, monkeypatch, "label")
    assert "1 label that this run used was changed since: 1 of round 1." in seen(test)
    press(test, "Go on from before the training of round 1")
    run = queries.study(store, study_id).runs[0]
    assert (run.state, run.stage) == ("queued", "picked")
    assert "goes on from before" in seen(test)


def test_a_lead_sees_how_far_everybody_is(desk, monkeypatch):
    store, study_id, _ = desk
    finish(desk, "<b>Mira</b>", lambda shown: "skip")
    set_run(store, state="waiting")
    said = seen(app(store.folder, monkeypatch, "label"))
    assert '<td><bdi>&lt;b&gt;Mira&lt;/b&gt;</bdi></td><td class="num">4</td><td class="num">4</td>' in said
    assert [row[0] for row in answered.by_person(store, study_id)] == ["<b>Mira</b>"]


def test_a_lead_closes_a_batch(desk, monkeypatch):
    store, study_id, _ = desk
    test = app(store.folder, monkeypatch, "label")
    press(test, "A is better")
    press(test, "Go on without the rest")
    assert "3 pairs left out" in seen(test)
    assert queries.study(store, study_id).runs[0].state == "queued"


def test_the_batch_says_what_strategies_in_the_shadow_would_have_picked(tmp_path, monkeypatch):
    store, _, _ = campaign(tmp_path / "store", batch=4, shadow={"real": (0, 2, 9), "apl": (1,)})
    test = app(store.folder, monkeypatch, "batch")
    assert not test.exception
    (shadow,) = [one for one in test.expander if "In the shadow" in one.label]
    assert shadow.label == "In the shadow, picks shared with this batch: APL 1 of 1, REAL 2 of 3"


def test_studies_leads_to_the_queue(desk, monkeypatch):
    store, _, _ = desk
    said = seen(app(store.folder, monkeypatch))
    assert "waits for labels" in said
    assert "it goes on by itself" in said
    assert "with the first sample and skips" in said


def test_the_lead_writes_a_guideline_and_a_labeller_reads_it(desk, monkeypatch):
    store, study_id, _ = desk
    test = app(store.folder, monkeypatch, "guideline")
    test.text_area(key="guideline-text").set_value("Be fair. <script>1</script>")
    press(test, "Keep as a new version")
    assert "Kept as version 1." in seen(test)
    _, token = roles.invite(store, "Mira", "labeller", study_id)
    test = app(store.folder, monkeypatch, "guideline", token=token)
    assert "&lt;script&gt;" in seen(test)
    assert not test.text_area


def test_a_labellers_link_opens_two_pages(desk, monkeypatch):
    store, study_id, _ = desk
    _, token = roles.invite(store, "Mira", "labeller", study_id)
    test = app(store.folder, monkeypatch, "label", token=token)
    said = seen(test)
    assert "labelling as Mira" in said
    assert "Go on without the rest" not in said, "that is the lead's"
    assert len(test.get("page_link")) == 2
    assert "opens nothing" in seen(app(store.folder, monkeypatch, token="x"))


def test_a_shared_app_opens_by_link_only(desk, monkeypatch):
    from workbench import entering

    store, _, _ = desk
    monkeypatch.setattr(entering, "shared", lambda: True)
    assert "The link has no token." in seen(app(store.folder, monkeypatch))
    _, token = roles.invite(store, "Ada", "lead")
    test = app(store.folder, monkeypatch, "label", token=token)
    assert "labelling as Ada" in seen(test)
    assert len(test.get("page_link")) > 5


def test_the_app_is_not_shared_before_a_lead_has_a_link(desk):
    store, _, _ = desk
    with pytest.raises(StoreError, match="invite"):
        processes.refuse_open(store, "0.0.0.0")
    processes.refuse_open(store, "localhost")
    roles.invite(store, "Ada", "lead")
    processes.refuse_open(store, "0.0.0.0")


def test_a_break_is_offered_after_half_an_hour_and_a_pause_counts_as_one(desk, monkeypatch):
    store, _, _ = desk
    clock = [1000.0]
    monkeypatch.setattr(labelling.time, "monotonic", lambda: clock[0])
    test = app(store.folder, monkeypatch, "label")
    clock[0] += 200
    press(test, "A is better")
    assert "A short break?" not in seen(test)
    monkeypatch.setattr(label_desk, "REST_S", 300.0)
    clock[0] += 200
    press(test, "A is better")
    assert "You have labelled for 6 min." in seen(test)
    clock[0] += 301
    press(test, "A is better")
    assert "A short break?" not in seen(test), "so long at one pair was a pause"
