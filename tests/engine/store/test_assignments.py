"""The queue of a campaign: who is shown what under a lease, what an answer leaves, what is told twice, late or anew."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import StoreError
from engine.store import answered, assignments, hidden, queries, roles
from engine.store import schema as s
from engine.store.assignments import Said, answer, answer_and_next, claim_next
from engine.store.database import Store, open_store
from engine.store.roles import Person
from tests.engine.store.campaign_world import campaign, finish, labels, rows


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[tuple[Store, str, str]]:
    return campaign(tmp_path / "store", batch=6)


def people(store: Store, *names: str) -> list[Person]:
    return [roles.at_the_machine(store, name) for name in names]


def test_each_pair_goes_to_one_person_and_stays_in_hand_until_it_is_answered(queue: tuple[Store, str, str]) -> None:
    store, study_id, _run_id = queue
    mira, noor = people(store, "Mira", "Noor")
    first, other = claim_next(store, study_id, mira.id), claim_next(store, study_id, noor.id)
    assert first is not None and other is not None
    assert first.pair_id != other.pair_id
    assert claim_next(store, study_id, mira.id) == first, "after a reload it is the same, sides as they were"
    following = answer_and_next(store, study_id, first.assignment_id, mira.id, Said("a", first.side_first, 3.5))
    assert following is not None
    assert following.pair_id not in (first.pair_id, other.pair_id)
    (row,) = labels(store)
    assert (row.answer, row.side_shown_first, row.seconds, row.person_id) == ("a", first.side_first, 3.5, mira.id)
    with pytest.raises(StoreError, match="somebody else"):
        answer(store, study_id, other.assignment_id, mira.id, Said("a"))


def test_what_is_put_back_goes_to_the_next_at_once(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    mira, noor = people(store, "Mira", "Noor")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    assignments.put_back(store, study_id, shown.assignment_id, noor.id)
    assert claim_next(store, study_id, mira.id) == shown, "only who holds it puts it back"
    assignments.put_back(store, study_id, shown.assignment_id, mira.id)
    other = claim_next(store, study_id, noor.id)
    assert other is not None
    assert other.assignment_id == shown.assignment_id


def test_sides_are_in_random_order_by_person_and_pair(queue: tuple[Store, str, str]) -> None:
    store, _study_id, _ = queue
    found: dict[str, set[str]] = {}
    for name in ("Mira", "Noor", "Ada", "Liv"):
        (person,) = people(store, name)
        for row in finish(campaign(store.folder.parent / name, batch=6), name):
            found.setdefault(row.pair_id, set()).add(row.side_shown_first)
        assert person.id
    assert {"a", "b"} in found.values(), "not every person sees the same side first"
    assert {side for sides in found.values() for side in sides} == {"a", "b"}


def test_an_answer_is_on_disk_when_the_call_returns(queue: tuple[Store, str, str]) -> None:
    store, _, _ = queue
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL: a commit waits for the disk"
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_lease_that_ends_gives_the_pair_to_another_and_a_late_answer_is_kept(
    queue: tuple[Store, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, study_id, run_id = queue
    mira, noor = people(store, "Mira", "Noor")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    monkeypatch.setattr(assignments, "beat", lambda: __import__("time").monotonic() + 60 * 15 + 1)
    again = claim_next(store, study_id, noor.id)
    assert again is not None
    assert (again.pair_id, again.assignment_id != shown.assignment_id) == (shown.pair_id, True)
    answer(store, study_id, again.assignment_id, noor.id, Said("b"))
    answer(store, study_id, shown.assignment_id, mira.id, Said("a"))
    assert [(row.answer, row.detail.get("late", False)) for row in labels(store)] == [("b", False), ("a", True)]
    with store.read() as connection:
        from engine.oracles.people import People
        from engine.store.votes import settled

        found = settled(connection, People(), run_id, study_id, 1, 1, [shown.pair_id])
    assert found[shown.pair_id].answer == "b", "one answer was wanted: the first counts"


def test_a_late_answer_spares_whoever_would_be_asked_instead(
    queue: tuple[Store, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, study_id, _ = queue
    mira, noor = people(store, "Mira", "Noor")
    shown = claim_next(store, study_id, mira.id)
    other = claim_next(store, study_id, noor.id)
    assert shown is not None and other is not None
    with store.write() as connection:
        connection.execute(s.assignments.update().where(s.assignments.c.person_id == mira.id).values(lease_until=0.0))
    claim_next(store, study_id, noor.id)  # whoever looks finds that it has lapsed
    answer(store, study_id, shown.assignment_id, mira.id, Said("a"))
    states = sorted(row.state for row in rows(store, s.assignments) if row.pair_id == shown.pair_id)
    assert states == ["answered", "dropped"]


def test_a_lease_from_before_the_machine_was_started_has_lapsed(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    mira, noor = people(store, "Mira", "Noor")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    with store.write() as connection:
        ahead = s.assignments.update().where(s.assignments.c.id == shown.assignment_id)
        connection.execute(ahead.values(lease_until=assignments.beat() + assignments.LONGEST_LEASE_S + 60))
    again = claim_next(store, study_id, noor.id)
    assert again is not None
    assert again.pair_id == shown.pair_id


def test_undo_gives_the_pair_back_and_what_is_said_then_corrects_the_first(queue: tuple[Store, str, str]) -> None:
    store, study_id, _run_id = queue
    (mira,) = people(store, "Mira")
    with pytest.raises(StoreError, match="nothing to undo"):
        answered.take_back(store, study_id, mira.id)
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    following = answer_and_next(store, study_id, shown.assignment_id, mira.id, Said("a"))
    assert following is not None
    back = answered.take_back(store, study_id, mira.id)
    assert back == replace(shown, before="a")
    assert [one.pair_id for one in answered.earlier(store, study_id, mira.id)] == [], "it was taken back"
    assert claim_next(store, study_id, mira.id) == back, "a reload finds it in hand"
    assert answer_and_next(store, study_id, shown.assignment_id, mira.id, Said("b")) == following
    first, second = labels(store)
    assert (first.answer, second.answer, second.corrects) == ("a", "b", first.id)
    assert [(one.pair_id, one.answer) for one in answered.earlier(store, study_id, mira.id)] == [(shown.pair_id, "b")]


def test_undo_of_the_last_answer_of_a_batch_holds_the_run(queue: tuple[Store, str, str]) -> None:
    store, study_id, _run_id = queue
    (mira,) = people(store, "Mira")
    finish(queue, "Mira")
    assert queries.study(store, study_id).runs[0].state == "queued"
    back = answered.take_back(store, study_id, mira.id)
    assert queries.study(store, study_id).runs[0].state == "waiting"
    answer(store, study_id, back.assignment_id, mira.id, Said("tie"))
    assert queries.study(store, study_id).runs[0].state == "queued"
    with store.write() as connection:
        connection.execute(s.runs.update().values(state="running"))
    with pytest.raises(StoreError, match="gone on"):
        answered.take_back(store, study_id, mira.id)
    assert answered.correct(store, study_id, mira.id, back.assignment_id, Said("b")) == labels(store)[-1].id
    assert labels(store)[-1].corrects == labels(store)[-2].id, "corrections are a chain, not a fan"


def test_undo_of_a_skip_takes_the_question_back_from_the_queue(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    (mira,) = people(store, "Mira")
    roles.invite(store, "Noor", "labeller", study_id)
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    answer(store, study_id, shown.assignment_id, mira.id, Said("skip", note="too long"))
    assert labels(store)[0].note == "too long"
    open_ = [row for row in rows(store, s.assignments) if row.pair_id == shown.pair_id and row.state == "open"]
    assert len(open_) == 1
    answered.take_back(store, study_id, mira.id)
    states = sorted(row.state for row in rows(store, s.assignments) if row.pair_id == shown.pair_id)
    assert states == ["dropped", "leased"]


def test_a_repeat_shows_an_earlier_pair_with_its_sides_exchanged_and_holds_nothing(tmp_path: Path) -> None:
    store, study_id, _ = campaign(tmp_path / "store", batch=12, repeat_share=0.3)
    finish((store, study_id, ""), "Mira")
    asked = {row.id: row for row in rows(store, s.assignments)}
    repeats = [row for row in asked.values() if row.kind == "repeat"]
    assert repeats
    order = [row.assignment_id for row in labels(store)]
    for row in repeats:
        first = next(one for one in asked.values() if one.pair_id == row.pair_id and one.kind == "label")
        assert row.side_first != first.side_first
        assert order.index(row.id) - order.index(first.id) > hidden.GAP
    assert len({row.pair_id for row in repeats}) == len(repeats), "none is repeated twice"
    assert queries.study(store, study_id).runs[0].state == "queued"


def test_gold_questions_are_mixed_in_and_their_answer_is_known(tmp_path: Path) -> None:
    store, study_id, _ = campaign(tmp_path / "store", batch=12, gold=4, gold_share=0.3)
    finish((store, study_id, ""), "Mira")
    gold = [row for row in rows(store, s.assignments) if row.kind == "gold"]
    assert gold
    assert {row.known for row in gold} == {"a"}
    assert len({row.pair_id for row in gold}) == len(gold)
    assert len([row for row in labels(store) if row.detail["kind"] == "gold"]) == len(gold)


@pytest.mark.parametrize(
    "said", [Said("c"), Said("a", side_first="left"), Said("a", strength=9), Said("a", note="x" * 5000)]  # type: ignore[arg-type]
)  # fmt: skip
def test_what_is_no_answer_is_refused(queue: tuple[Store, str, str], said: Said) -> None:
    store, study_id, _ = queue
    (mira,) = people(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    with pytest.raises(StoreError):
        answer(store, study_id, shown.assignment_id, mira.id, said)
    assert labels(store) == []


def test_nothing_is_shown_while_the_run_does_not_wait(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    (mira,) = people(store, "Mira")
    with store.write() as connection:
        connection.execute(s.runs.update().values(state="paused"))
    assert claim_next(store, study_id, mira.id) is None
    found = answered.progress(store, study_id, mira.id)
    assert (found.state, found.free, found.asked) == ("paused", 0, 6)


def test_who_leaves_holds_nobody_up(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    noor, _token = roles.invite(store, "Noor", "labeller", study_id)
    finish(queue, "Mira", lambda shown: "skip")
    assert queries.study(store, study_id).runs[0].state == "waiting"
    roles.revoke(store, noor.id)
    assert queries.study(store, study_id).runs[0].state == "queued"


def test_a_closed_link_writes_nothing_in_an_open_tab(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    noor, _ = roles.invite(store, "Noor", "labeller", study_id)
    shown = claim_next(store, study_id, noor.id)
    assert shown is not None
    roles.revoke(store, noor.id)
    for act in (
        lambda: answer(store, study_id, shown.assignment_id, noor.id, Said("a")),
        lambda: claim_next(store, study_id, noor.id),
    ):
        with pytest.raises(StoreError, match="link was closed"):
            act()
    assert labels(store) == []


def test_a_token_opens_one_study_and_is_not_kept(tmp_path: Path) -> None:
    store, study_id, _ = campaign(tmp_path / "store")
    person, token = roles.invite(store, "Mira", "labeller", study_id)
    assert roles.by_token(store, token) == person
    assert roles.by_token(store, token + "x") is None
    again, other = roles.invite(store, "Mira", "labeller", study_id)
    assert (again.id, roles.by_token(store, token)) == (person.id, None), "the old link opens nothing"
    roles.revoke(store, person.id)
    assert roles.by_token(store, other) is None
    store.engine.dispose()
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()
    for name, role, study in (("", "labeller", study_id), ("Mira", "labeller", ""), ("Mira", "labeller", "s0")):
        with pytest.raises(StoreError):
            roles.invite(open_store(tmp_path / "store"), name, role, study)  # type: ignore[arg-type]


def test_guidelines_have_versions(queue: tuple[Store, str, str]) -> None:
    store, study_id, _ = queue
    assert roles.guideline(store, study_id).version == 0
    roles.write_guideline(store, study_id, "Be fair.")
    roles.write_guideline(store, study_id, " Be fair. ")
    found = roles.write_guideline(store, study_id, "Be fair and brief.")
    assert (found.version, found.text) == (2, "Be fair and brief.")
    with pytest.raises(StoreError, match=r"20,000"):
        roles.write_guideline(store, study_id, "x" * 20_001)


def test_the_queue_is_kept_apart_by_study(tmp_path: Path) -> None:
    store, study_id, _ = campaign(tmp_path / "store")
    mira = roles.at_the_machine(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    with pytest.raises(StoreError):
        answer(store, "another", shown.assignment_id, mira.id, Said("a"))
    with store.read() as connection:
        found: Any = connection.execute(sa.select(sa.func.count()).select_from(s.labels)).scalar()
    assert found == 0
