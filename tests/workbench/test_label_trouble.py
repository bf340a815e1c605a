"""The page Label when two tabs, a closed link, a late answer or pairs in another tool cross the labeller's way."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store import answered, assignments, outgoing, roles
from engine.store import schema as s
from engine.store.assignments import Said
from engine.store.database import Store
from tests.engine.store.campaign_world import campaign, labels
from tests.workbench.test_label import press
from tests.workbench.test_pages import app, seen
from workbench import cache, entering, labelling
from workbench.components import label_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, str, str]:
    monkeypatch.setattr(labelling, "TOO_SOON_S", 0.0)
    return campaign(tmp_path / "store", batch=4, ask_strength=True, ask_note=True)


def test_who_answered_in_another_tab_is_told_and_goes_on_with_the_next(desk, monkeypatch):
    store, study_id, _ = desk
    test = app(store.folder, monkeypatch, "label")
    lead = roles.at_the_machine(store, "lead")
    shown = assignments.claim_next(store, study_id, lead.id)
    assert shown is not None
    assignments.answer(store, study_id, shown.assignment_id, lead.id, Said("tie"))
    press(test, "A is better")
    assert "already, in another tab" in seen(test)
    assert [row.answer for row in labels(store)] == ["tie"]
    press(test, "A is better")
    assert "already, in another tab" not in seen(test)
    assert len(labels(store)) == 2, "nobody is stuck with a pair that is in their hand no more"


def test_an_answer_names_the_guideline_that_lay_beside_its_pair(desk, monkeypatch):
    store, study_id, _ = desk
    first = roles.write_guideline(store, study_id, "Be fair.")
    test = app(store.folder, monkeypatch, "label")
    second = roles.write_guideline(store, study_id, "Be brief.")
    press(test, "Tie")
    assert "Be brief." in seen(test)
    press(test, "Tie")
    assert [row.guideline_id for row in labels(store)] == [first.id, second.id]


def test_a_link_that_is_closed_closes_the_tab(desk, monkeypatch):
    store, study_id, _ = desk
    mira, token = roles.invite(store, "Mira", "labeller", study_id)
    test = app(store.folder, monkeypatch, "label", token=token)
    assert "A is better" in seen(test)
    roles.revoke(store, mira.id)
    test.run()
    assert "opens nothing any more" in seen(test)
    assert "A is better" not in seen(test)


def test_looking_back_after_an_undo_finds_what_stands(desk, monkeypatch):
    store, _, _ = desk
    test = app(store.folder, monkeypatch, "label")
    press(test, "A is better")
    press(test, "Tie")
    press(test, "Earlier")
    press(test, "Undo")
    assert "you answered</span> tie" in seen(test)
    press(test, "Earlier")
    assert "you answered</span> A is better" in seen(test)
    assert "not answered that pair" not in seen(test)


def test_the_same_answer_again_keeps_its_note_and_strength(desk, monkeypatch):
    store, _, _ = desk
    test = app(store.folder, monkeypatch, "label")
    test.text_input(key="note-1-0").set_value("clear").run()
    press(test, "Clearly")
    press(test, "A is better")
    press(test, "Earlier")
    assert test.text_input(key="note-1-1").value == "clear"
    press(test, "A is better")
    assert [(row.note, row.strength) for row in labels(store)] == [("clear", 2.0)], "nothing is written anew"
    press(test, "Earlier")
    press(test, "By far")
    press(test, "A is better")
    assert [(row.note, row.strength) for row in labels(store)] == [("clear", 2.0), ("clear", 3.0)]


def look(study_id: str) -> None:
    import streamlit as st

    from engine.store import roles
    from workbench import cache, labelling

    person = roles.at_the_machine(cache.store(), "lead")
    labelling.laid(study_id, person)
    st.text(labelling.look_for_more(study_id, person))


def test_a_pair_that_lies_there_undrawn_is_drawn_by_the_next_look(desk, monkeypatch):
    """Where nothing was to be answered the page looks every two seconds; a drawing that was cut short left it so."""
    store, study_id, _ = desk
    monkeypatch.setenv("WORKBENCH_STORE", str(store.folder))
    assert AppTest.from_function(look, args=(study_id,), default_timeout=60).run().text[0].value == "True"


def waits(study_id: str) -> None:
    from dataclasses import replace

    import streamlit as st

    from engine.store import answered, roles
    from workbench import cache, labelling

    person = roles.at_the_machine(cache.store(), "lead")
    now = answered.progress(cache.store(), study_id, person.id)
    n = st.session_state["n"] = st.session_state.get("n", 0) + 1
    st.text(n)
    labelling._wait(study_id, person, now if n > 1 else replace(now, done=now.done + 2))


def test_who_waits_is_told_when_others_have_answered(desk, monkeypatch):
    """Nothing else draws that page again: it went on saying that answers of other people are left."""
    store, study_id, _ = desk
    with store.write() as connection:
        connection.execute(s.runs.update().values(state="done"))
    monkeypatch.setenv("WORKBENCH_STORE", str(store.folder))
    assert AppTest.from_function(waits, args=(study_id,), default_timeout=60).run().text[0].value == "2"


def test_a_corrected_answer_shows_among_the_last_ones(desk, monkeypatch):
    store, study_id, _ = desk
    test = app(store.folder, monkeypatch, "label")
    press(test, "Tie")
    press(test, "Earlier")
    press(test, "Both bad")
    assert "<b>both bad</b>" in seen(test)
    assert "<b>tie</b>" not in seen(test)
    assert [one.answer for one in answered.earlier(store, study_id, labels(store)[0].person_id)] == ["both_bad"]


def test_a_late_answer_is_told(desk, monkeypatch):
    store, _, _ = desk
    clock = [1000.0]
    monkeypatch.setattr(labelling.time, "monotonic", lambda: clock[0])
    test = app(store.folder, monkeypatch, "label")
    clock[0] += 15 * 60 - 1
    press(test, "A is better")
    assert "A late answer." not in seen(test)
    clock[0] += 15 * 60 + 1
    press(test, "A is better")
    assert "The last pair was before you for more than 15 min" in seen(test)


def test_a_lead_sees_what_is_out_and_takes_it_back(desk, monkeypatch):
    store, study_id, _ = desk
    with outgoing.sent_out(store, study_id, "argilla") as pairs:
        assert len(pairs) == 4
    test = app(store.folder, monkeypatch, "label")
    assert "4 answers are to come from another tool." in seen(test)
    press(test, "Take them back")
    assert "4 pairs in the queue here again." in seen(test)
    assert "A is better" in seen(test)


def test_a_lead_makes_a_link_that_is_shown_once_and_closes_it(desk, monkeypatch):
    store, study_id, _ = desk
    test = app(store.folder, monkeypatch, "label")
    assert "The app listens on this machine only" in seen(test)
    press(test, "Make a link")
    assert "A person needs a name" in seen(test)
    test.text_input(key="invite-name").set_value("<b>Mira</b>")
    press(test, "Make a link")
    (link,) = [code.value for code in test.code if "token=" in code.value]
    where, token = link.split("?token=")
    assert where == "http://localhost:8501/label"
    person = roles.by_token(store, token)
    assert person is not None
    assert (person.name, person.role, person.study_id) == ("<b>Mira</b>", "labeller", study_id)
    assert "<b>Mira</b>" not in seen(test)
    press(test, "I have it")
    assert not [code for code in test.code if "token=" in code.value]
    test.selectbox(key="close-whose").select(person.id).run()
    press(test, "Close it")
    assert "opens nothing any more; what was answered is kept" in seen(test)
    assert roles.by_token(store, token) is None
    assert [one.name for one in roles.people(store) if one.invited] == []


def test_a_labeller_makes_no_links(desk, monkeypatch):
    store, study_id, _ = desk
    _, token = roles.invite(store, "Mira", "labeller", study_id)
    test = app(store.folder, monkeypatch, "label", token=token)
    assert [widget.label for widget in test.text_input] == ["Note (optional)"]
    assert "Make a link" not in seen(test)


def test_no_part_of_a_prompt_is_folded_away_and_its_end_is_in_sight():
    long = "\n".join(f"line {n}" for n in range(60))
    turns = [("user", "One?"), ("assistant", "Two."), ("user", "Three?"), ("assistant", "Four."), ("user", long)]
    said = label_desk.desk(assignments.Shown(1, "x", tuple(turns), "a", "b", "a"), marked=False)
    assert "<details>" not in said
    assert "One?" in said
    assert "line 59" in said
    assert 'class="talk last"' in said


def test_the_legend_names_every_key_that_stands_on_no_button(desk, monkeypatch):
    store, _, _ = desk
    said = seen(app(store.folder, monkeypatch, "label"))
    for words in ("<b>F G H</b> how much better", "<b>N</b> into the note", "<b>↑ ↓</b> scroll"):
        assert words in said, words


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"Host": "localhost:8501"}, False),
        ({"Host": "127.0.0.1"}, False),
        ({"Host": "[::1]:8501"}, False),
        ({"Host": "box:8501"}, True),
        ({"Host": "localhost.evil.example:8501"}, True),
        ({"Host": "[::1"}, True),
        ({"Host": "localhost:8501", "X-Forwarded-For": "10.0.0.7"}, True),
        ({"Host": "localhost:8501", "Forwarded": "for=10.0.0.7"}, True),
    ],
)
def test_who_comes_through_a_proxy_or_by_another_name_does_not_sit_at_the_machine(headers, elsewhere):
    assert entering.from_elsewhere(headers) is elsewhere


def test_figures_of_rounds_are_forgotten_once_a_run_was_taken_back(desk, monkeypatch):
    store, study_id, _ = desk
    monkeypatch.setenv(cache.STORE_VARIABLE, str(store.folder))
    cleared = []
    monkeypatch.setattr(cache.st.cache_data, "clear", lambda: cleared.append(1))
    cache.forget_rounds_taken_back()
    with store.write(study_id):
        pass
    cache.forget_rounds_taken_back()
    assert cleared == [], "other news changes no finished round"
    with store.write(cache.BACK):  # as `corrected.go_back` does, here or in another process
        pass
    cache.forget_rounds_taken_back()
    cache.forget_rounds_taken_back()
    assert cleared == [1]
