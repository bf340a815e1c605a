"""Two tabs of one person, leases that end, links that are closed, skips that are answered: nothing lost or doubled."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store import answered, assignments, queries, relabel, roles
from engine.store import schema as s
from engine.store.assignments import Said, answer, answer_and_next, claim_next
from engine.store.database import Store
from tests.engine.store.campaign_world import campaign, finish, labels, rows

Queue = tuple[Store, str, str]


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return campaign(tmp_path / "store", batch=6)


def lapse(store: Store, person_id: str) -> None:
    held = s.assignments.update().where(s.assignments.c.person_id == person_id)
    with store.write() as connection:
        connection.execute(held.where(s.assignments.c.state == "leased").values(lease_until=0.0))


def states(store: Store, pair_id: str) -> list[str]:
    return sorted(row.state for row in rows(store, s.assignments) if row.pair_id == pair_id)


def test_an_answer_that_is_told_twice_is_written_once(queue: Queue) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    first = answer(store, study_id, shown.assignment_id, mira.id, Said("a"))
    assert answer(store, study_id, shown.assignment_id, mira.id, Said("a")) == first
    with pytest.raises(StoreError, match="already, in another tab"):
        answer(store, study_id, shown.assignment_id, mira.id, Said("b"))
    assert [row.answer for row in labels(store)] == ["a"]


def test_what_another_tab_has_answered_otherwise_is_not_taken_for_told_twice(queue: Queue) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    both = claim_next(store, study_id, mira.id), claim_next(store, study_id, mira.id)
    assert both[0] == both[1], "both tabs show the same pair"
    assert both[0] is not None
    following = answer_and_next(store, study_id, both[0].assignment_id, mira.id, Said("a"))
    with pytest.raises(StoreError, match="otherwise: that answer stands"):
        answer(store, study_id, both[0].assignment_id, mira.id, Said("b"))
    assert claim_next(store, study_id, mira.id) == following, "and the other tab goes on where the first is"
    assert [row.answer for row in labels(store)] == ["a"]


@pytest.mark.parametrize("old_first", [True, False])
def test_a_pair_that_one_person_holds_twice_is_answered_once(queue: Queue, old_first: bool) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    old = claim_next(store, study_id, mira.id)
    lapse(store, mira.id)
    new = claim_next(store, study_id, mira.id)  # after lunch, in another tab
    assert old is not None and new is not None
    assert (old.pair_id, old.assignment_id != new.assignment_id) == (new.pair_id, True)
    first, second = (old, new) if old_first else (new, old)
    following = answer_and_next(store, study_id, first.assignment_id, mira.id, Said("a"))
    assert following is not None
    assert following.pair_id != old.pair_id, "nobody is shown what they have just answered"
    number = labels(store)[0].id
    assert answer(store, study_id, second.assignment_id, mira.id, Said("a")) == number
    with pytest.raises(StoreError, match="already"):
        answer(store, study_id, second.assignment_id, mira.id, Said("tie"))
    assert [row.answer for row in labels(store)] == ["a"]
    finish(queue, "Mira")
    assert queries.study(store, study_id).runs[0].state == "queued"
    assert len(labels(store)) == 6


def test_an_answer_to_what_is_waited_for_no_more_is_kept_as_a_late_one(queue: Queue) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    with store.write() as connection:  # as when a run is taken back to before its batch
        here = s.assignments.update().where(s.assignments.c.id == shown.assignment_id)
        connection.execute(here.values(state="dropped"))
    answer(store, study_id, shown.assignment_id, mira.id, Said("skip"))
    assert [(row.answer, row.detail) for row in labels(store)] == [("skip", {"kind": "label", "late": True})]
    assert states(store, shown.pair_id) == ["skipped"], "and nobody is asked in its place"


def test_who_was_shown_out_can_neither_correct_nor_take_back(queue: Queue) -> None:
    store, study_id, _ = queue
    noor, _ = roles.invite(store, "Noor", "labeller", study_id)
    shown = claim_next(store, study_id, noor.id)
    assert shown is not None
    answer(store, study_id, shown.assignment_id, noor.id, Said("a"))
    roles.revoke(store, noor.id)
    for act in (
        lambda: answered.correct(store, study_id, noor.id, shown.assignment_id, Said("b")),
        lambda: answered.take_back(store, study_id, noor.id),
    ):
        with pytest.raises(StoreError, match="link was closed"):
            act()
    assert [row.answer for row in labels(store)] == ["a"], "what was answered stays"


def test_a_skip_that_becomes_an_answer_spares_whoever_would_be_asked_instead(queue: Queue) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    roles.invite(store, "Noor", "labeller", study_id)
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    answer(store, study_id, shown.assignment_id, mira.id, Said("skip", note="too long"))
    assert states(store, shown.pair_id) == ["open", "skipped"]
    answered.correct(store, study_id, mira.id, shown.assignment_id, Said("b"))
    assert states(store, shown.pair_id) == ["answered", "dropped"]


def test_what_is_looked_at_again_comes_with_what_was_said_of_it(queue: Queue) -> None:
    store, study_id, _ = queue
    mira = roles.at_the_machine(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    answer(store, study_id, shown.assignment_id, mira.id, Said("a", note="clear", strength=2))
    told = replace(shown, before="a", note="clear", strength=2.0)
    assert answered.look_again(store, study_id, mira.id, shown.assignment_id) == told
    assert answered.take_back(store, study_id, mira.id) == told
    assert claim_next(store, study_id, mira.id) == told, "after a reload, too"


def test_what_is_labelled_again_is_counted_while_no_run_waits(queue: Queue) -> None:
    store, study_id, _ = queue
    roles.at_the_machine(store, "Mira")
    finish(queue, "Mira")
    first = labels(store)[0].pair_id
    noor, _ = roles.invite(store, "Noor", "labeller", study_id)
    found = answered.progress(store, study_id, noor.id)
    assert (found.asked, found.done, found.free) == (6, 6, 0)
    relabel.send_back(store, study_id, [first])
    found = answered.progress(store, study_id, noor.id)
    assert (found.asked, found.done, found.free) == (7, 6, 1)
    mira = roles.at_the_machine(store, "Mira")
    assert answered.progress(store, study_id, mira.id).free == 0, "it goes to somebody else"
    shown = assignments.claim_next(store, study_id, noor.id)
    assert shown is not None
    assert shown.pair_id == first
