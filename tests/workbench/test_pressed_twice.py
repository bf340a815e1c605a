"""The same journeys with every press called back twice, as a double click or a drawing that was cut short does it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.runtime.state.session_state import WStates

from engine.store.database import Store
from tests.engine.store.campaign_world import campaign, labels
from tests.workbench import (
    test_label,
    test_label_quality,
    test_label_trouble,
    test_review,
    test_sending,
    test_steering,
)
from tests.workbench.test_data_import_page import (
    test_a_named_file_waits_is_proven_refuses_rows_and_is_imported_without_them as brought_in,
)
from tests.workbench.test_pages import app
from workbench import labelling


def switched(desk: tuple[Store, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a press switches on it does not switch off again."""
    test = app(desk[0].folder, monkeypatch, "label")
    test_label.press(test, "Mark differences")
    test_label.press(test, "Clearly")
    assert "Mark no differences" in {button.label for button in test.button}
    test_label.press(test, "A is better")
    assert [row.strength for row in labels(desk[0])] == [2.0]


LEAD: tuple[Callable[[Path, pytest.MonkeyPatch], None], ...] = (
    brought_in,
    test_label_quality.test_a_press_sends_doubtful_labels_back_to_the_queue,
    test_steering.test_a_finished_study_is_given_one_more_seed,
    test_steering.test_one_run_is_steered_and_the_others_are_left,
)
DESK: tuple[Callable[..., None], ...] = (
    test_label.test_a_lead_closes_a_batch,
    test_label_trouble.test_a_lead_makes_a_link_that_is_shown_once_and_closes_it,
    switched,
    test_sending.test_pairs_are_sent_out_by_a_press_and_can_be_downloaded_till_they_are_answered,
    test_label_trouble.test_looking_back_after_an_undo_finds_what_stands,
    test_label_trouble.test_the_same_answer_again_keeps_its_note_and_strength,
)
REVIEW: tuple[Callable[..., None], ...] = (
    test_review.test_a_batch_is_changed_undone_and_released,
    test_review.test_pairs_come_in_by_selection_or_id_and_others_are_refused,
)


@pytest.fixture(autouse=True)
def _twice(monkeypatch: pytest.MonkeyPatch) -> None:
    call = WStates.call_callback

    def twice(states: WStates, widget_id: str) -> None:
        call(states, widget_id)
        call(states, widget_id)

    monkeypatch.setattr(WStates, "call_callback", twice)


@pytest.mark.parametrize("journey", LEAD)
def test_a_lead_gets_what_one_press_gives(journey, tmp_path, monkeypatch):
    journey(tmp_path, monkeypatch)


@pytest.mark.parametrize("journey", DESK)
def test_a_labeller_gets_what_one_press_gives(journey, tmp_path, monkeypatch):
    monkeypatch.setattr(labelling, "TOO_SOON_S", 0.0)
    journey(campaign(tmp_path / "store", batch=4, ask_strength=True, ask_note=True), monkeypatch)


@pytest.mark.parametrize("journey", REVIEW)
def test_a_reviewer_gets_what_one_press_gives(journey, tmp_path, monkeypatch):
    journey(test_review.at_review(tmp_path / "store"), monkeypatch)
