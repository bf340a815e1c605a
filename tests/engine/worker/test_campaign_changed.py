"""What changes after it was used: corrections, a batch that was closed, answers that a clone begins with."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import StoreError
from engine.records import STAGES, Evaluated, Labelled, Picked
from engine.store import answered, assignments, closing, corrected, queries, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said
from engine.store.bank import LENT, loan
from engine.store.history import load_events
from tests.engine.worker.campaign_runs import begun, errors, everything, labels, state, study, work


def test_a_correction_after_training_is_told_and_the_run_goes_on_from_before_it(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    assert corrected.changed_since(store, run_id) == []
    batch = next(e for e in load_events(store, run_id)[0] if isinstance(e, Picked))
    pair_id = batch.picks[0].pair_id
    mine = next(one for one in answered.earlier(store, study_id, mira.id) if one.pair_id == pair_id)
    number = answered.correct(store, study_id, mira.id, mine.assignment_id, Said("b"))
    assert answered.correct(store, study_id, mira.id, mine.assignment_id, Said("b")) == number, "told twice"
    row = labels(store)[-1]
    assert (row.corrects, row.answer, row.assignment_id) == (mine.number, "b", None)
    assert queries.study(store, study_id).summary.labels_unique == 8, "a correction is the same purchase"
    (changed,) = corrected.changed_since(store, run_id)
    assert (changed.round, changed.pair_id, changed.was, changed.now) == (1, pair_id, "a", "b")
    before = load_events(store, run_id)[0]
    corrected.go_back(store, run_id, 1)
    kept = load_events(store, run_id)[0]
    assert len(kept) == 4, "evaluated, pooled, scored and picked stand"
    with pytest.raises(StoreError, match="queued"):
        corrected.go_back(store, run_id, 1)
    while state(store, study_id) != "done":
        work(store)
        everything(store, study_id, mira)
    after = load_events(store, run_id)[0]
    assert [len(events) for events in (before, after)] == [1 + 2 * len(STAGES)] * 2
    given = next(e for e in after if isinstance(e, Labelled))
    assert {x.pair_id: x.answer for x in given.labels}[pair_id] == "b"
    assert corrected.changed_since(store, run_id) == []
    assert errors(store) == []


def test_a_corrected_held_out_answer_is_told_too(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    oldest = answered.earlier(store, study_id, mira.id)[-1]
    answered.correct(store, study_id, mira.id, oldest.assignment_id, Said("b"))
    assert [(c.round, c.was, c.now) for c in corrected.changed_since(store, run_id)] == [(0, "a", "b")]
    corrected.go_back(store, run_id, 0)
    work(store)
    measured = next(e for e in load_events(store, run_id)[0] if isinstance(e, Evaluated)).measured
    assert dict((pair, answer) for rows in measured.values() for pair, _, answer in rows)[oldest.pair_id] == "b"
    assert corrected.changed_since(store, run_id) == []


def test_a_batch_is_closed_without_the_pairs_that_nobody_answered(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    shown = assignments.claim_next(store, study_id, mira.id)
    assert shown is not None
    assignments.answer(store, study_id, shown.assignment_id, mira.id, Said("b"))
    late = assignments.claim_next(store, study_id, mira.id)
    assert late is not None
    assert closing.close_batch(store, run_id) == 1
    work(store)
    given = next(e for e in load_events(store, run_id)[0] if isinstance(e, Labelled))
    assert sorted(label.answer for label in given.labels) == ["b", "skip"]
    assignments.answer(store, study_id, late.assignment_id, mira.id, Said("a"))
    assert labels(store)[-1].detail == {"kind": "label", "late": True}, "late answers are kept"
    assert [(c.was, c.now) for c in corrected.changed_since(store, run_id)] == [("skip", "a")]
    assert errors(store) == []


def test_labels_are_lent_to_a_clone_and_not_asked_again(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, _ = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets)).scalar_one()
    again = study(tiny_model_dir, {"lease_minutes": 5.0})
    lent = loan(store, study_id, again, datasets["pool"])
    clone = writer.queue_study(store, again, datasets, {LENT: lent})
    work(store)
    assert state(store, clone) == "done", "the same pairs are picked, and all of them are answered"
    given = [e for e in load_events(store, queries.study(store, clone).runs[0].id)[0] if isinstance(e, Labelled)]
    assert [e.reused for e in given] == [2, 2]
    assert len(labels(store)) == 8
    assert queries.study(store, clone).summary.labels_unique == 0
    assert errors(store) == []
