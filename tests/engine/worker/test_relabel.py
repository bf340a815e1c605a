"""A campaign whose lead doubts labels: what is traced, what goes back to the queue, and what comes of it."""

from pathlib import Path
from typing import Any

import pytest

from engine.data.answers import Subset
from engine.data.profiles.audit import answers_of
from engine.errors import StoreError
from engine.store import answered, assignments, corrected, roles
from engine.store.assignments import Said
from engine.store.labelled import asked_pairs
from engine.store.relabel import out_again, send_back
from engine.store.traced import file_votes, picked_by, trace, votes_of
from engine.store.votes import standing
from tests.engine.worker.test_campaign import begun, errors, everything, state, work
from workbench.worth import worth


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Any:
    """A finished campaign that Mira answered, with a guideline, a correction and a probe panel."""
    folder = tmp_path_factory.mktemp("relabel")
    more = {"evaluation": {"pairs_per_set": 4, "generate": "never", "probe": 4}}
    store, study_id, run_id = begun(folder, tiny_model_dir, {"repeat_share": 0.3}, labels_per_round=4, **more)
    mira = roles.at_the_machine(store, "Mira")
    roles.write_guideline(store, study_id, "Prefer what is true.")
    version = roles.guideline(store, study_id)
    shown = assignments.claim_next(store, study_id, mira.id)
    said = Said("b", seconds=7.5, guideline_id=version.id, note="short")
    first = shown.assignment_id
    assignments.answer(store, study_id, first, mira.id, said)
    answered.correct(store, study_id, mira.id, first, Said("tie", guideline_id=version.id))
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    return store, study_id, run_id, mira, first


def test_every_label_says_who_when_what_was_shown_first_under_which_guideline_and_what_it_corrects(done: Any) -> None:
    store, study_id, run_id, mira, _ = done
    rows = trace(store, study_id)
    one, other = rows.iloc[0], rows.iloc[1]
    assert (one["labeller"], one["person"], one["answer"], one["guideline"]) == (mira.id, "Mira", "b", 1)
    assert one["shown_first"] in ("a", "b")
    assert (one["seconds"], one["note"], one["run_id"]) == (7.5, "short", run_id)
    assert (one["corrected_by"], one["stands"]) == (other["label"], False)
    assert (other["corrects"], other["answer"], other["stands"], other["kind"]) == (
        one["label"], "tie", True, one["kind"],
    )  # fmt: skip
    assert one["kind"] == "held_out"
    assert {"held_out", "audit", "label"} <= set(rows["kind"])
    assert (rows["characters"] > 0).all()
    assert rows["at"].notna().all()
    assert len(votes_of(rows)) == len(rows) - 1
    with pytest.raises(StoreError, match="There is no study"):
        trace(store, "nothing")


def test_what_is_sent_back_is_asked_of_somebody_else_and_changes_the_label(done: Any) -> None:
    store, study_id, run_id, mira, _ = done
    picked = picked_by(store, study_id)
    pair, other = picked["pair_id"].iloc[0], picked["pair_id"].iloc[1]
    assert corrected.changed_since(store, run_id) == []
    sent = send_back(store, study_id, [pair, other], 2)
    assert (sent.pairs, sent.answers, sent.waiting, sent.alone) == (2, 4, 0, 2)
    again = send_back(store, study_id, [pair])
    assert (again.pairs, again.waiting) == (0, 1)
    assert out_again(store, study_id) == {pair: 2, other: 2}
    assert state(store, study_id) == "done", "no run waits for it"
    assert assignments.claim_next(store, study_id, mira.id) is None, "nobody is asked about a pair twice"
    for name in ("Ole", "Ida"):
        who = roles.at_the_machine(store, name)
        n = everything(store, study_id, who, lambda shown: "b" if shown.pair_id == pair else "a")
        assert n == 2
    assert out_again(store, study_id) == {}
    changed = corrected.changed_since(store, run_id)
    assert [(one.pair_id, one.was, one.now) for one in changed] == [(pair, "a", "b")], "two against one"
    votes = next(p for p in asked_pairs(store, Subset(study_id=study_id)) if p.pair_id == pair).votes
    assert [vote.answer for vote in votes] == ["a", "b", "b"]
    found = worth(store, study_id)
    assert found.alpha.pairs == 2
    assert {one.name for one in found.labellers} >= {mira.id}
    assert errors(store) == []


def test_who_skips_what_came_back_hands_it_on(done: Any) -> None:
    store, study_id, _, _, _ = done
    pair = picked_by(store, study_id)["pair_id"].iloc[2]
    send_back(store, study_id, [pair])
    tom, una = (roles.at_the_machine(store, name) for name in ("Tom", "Una"))
    shown = assignments.claim_next(store, study_id, tom.id)
    assert shown.pair_id == pair
    assert assignments.answer_and_next(store, study_id, shown.assignment_id, tom.id, Said("skip")) is None
    assert assignments.claim_next(store, study_id, una.id).pair_id == pair


def test_what_cannot_be_sent_back_is_told_so(done: Any, tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, _, _, _ = done
    with pytest.raises(StoreError, match="were not labelled in this study"):
        send_back(store, study_id, ["x" + "0" * 16])
    with pytest.raises(StoreError, match="cannot be sent back"):
        send_back(store, study_id, [])
    first, first_id, _ = begun(tmp_path / "first", tiny_model_dir, {"settled_by": "first"})
    with pytest.raises(StoreError, match="takes the first answer"):
        send_back(first, first_id, [picked_by(store, study_id)["pair_id"].iloc[0]])


def test_the_files_own_answers_are_votes_too(done: Any) -> None:
    store, study_id, _, _, _ = done
    votes = file_votes(store, study_id)
    assert set(votes["labeller"]) == {"answer 1"}
    found = worth(store, study_id, "file")
    assert found.source == "file"
    assert len(found.votes) == len(votes)
    assert found.labellers == ()


def test_the_audit_names_guideline_and_correction(done: Any) -> None:
    store, study_id, _, mira, _ = done
    pair = picked_by(store, study_id)["pair_id"].iloc[3]
    with store.read() as connection:
        label = next(v for v in standing(connection, study_id, [pair], mira.id) if v.kind == "label")
    version = roles.write_guideline(store, study_id, "Prefer what is short.")
    answered.correct(store, study_id, mira.id, label.assignment_id or 0, Said("b", guideline_id=version.id))
    rows = [row for asked in asked_pairs(store, Subset(study_id=study_id)) for row in answers_of(asked)]
    before, after = [row for row in rows if row["pair_id"] == pair and row["labeller"] == mira.id]
    assert (before["corrected"], before["corrects"], before["guideline"]) == (True, None, None)
    assert (after["corrected"], after["corrects"], after["guideline"]) == (False, before["label"], 2)
