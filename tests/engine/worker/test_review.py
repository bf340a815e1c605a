"""A run that stops for review: it goes on to the same bits where nobody changed a thing, else with the edited batch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data.pool import rows_of
from engine.records import Event, Labelled, Pick, Picked, Pooled, Scored, Spent, stage_of
from engine.replay import from_record, record_of
from engine.store import edits, inbox, queries, reviews
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.store.outcomes import outcomes
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.test_loop import config, make_data
from tests.engine.worker import lives


def study(model: Path, **changes: Any) -> Any:
    more = {"rounds": 2, "labels_per_round": 4, "panel": ["token_entropy"], "strategies": ["activedpo"]}
    return config(model, **{**more, "evaluation": {"pairs_per_set": 4, "generate": "never"}, **changes})


def begun(folder: Path, model: Path, **changes: Any) -> tuple[Store, str, str]:
    store = lives.queue(folder, study(model, **changes), make_data(8, "pool"))
    Worker(store, "cpu").work(until_idle=True)
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    return store, run.study_id, run.id


def state(store: Store, study_id: str) -> tuple[str, bool]:
    run = queries.study(store, study_id).runs[0]
    return run.state, run.edited


def told(store: Store, run_id: str) -> list[Event]:
    return [replace(event, spent=Spent()) for event in load_events(store, run_id)[0]]


def go_on(store: Store, run_id: str) -> None:
    edits.release(store, run_id)
    Worker(store, "cpu").work(until_idle=True)


@pytest.mark.parametrize("warm_up", [False, True])
def test_released_as_it_was_it_gives_the_bits_of_a_run_without_review(
    tmp_path: Path, tiny_model_dir: Path, *, warm_up: bool
) -> None:
    plain, _, plain_run = begun(tmp_path / "plain", tiny_model_dir, warm_up=warm_up)
    store, study_id, run_id = begun(tmp_path / "review", tiny_model_dir, warm_up=warm_up, review=True)
    for number in (1, 2):
        assert state(store, study_id) == ("review", False)
        assert stage_of(load_events(store, run_id)[0][-1]) == "picked"
        Worker(store, "cpu").work(until_idle=True)  # there is nothing to do for it
        assert len(told(store, run_id)) == 6 * number - 2
        edits.pin(store, run_id, number, reviews.review(store, run_id, number).own[0].pair_id)
        go_on(store, run_id)
    assert state(store, study_id) == ("done", False)
    assert bits(told(store, run_id)) == bits(told(plain, plain_run))
    assert outcomes(store, study_id, "near") is not None


def changed(store: Store, run_id: str) -> tuple[list[str], list[Pick]]:
    """Drop the first pick, swap the second; what is left, and the strategy's own list."""
    own = list(reviews.review(store, run_id, 1).own)
    pool = next(event for event in load_events(store, run_id)[0] if isinstance(event, Pooled))
    other = sorted(set(pool.pair_ids) - {pick.pair_id for pick in own})[0]
    edits.drop(store, run_id, 1, own[0].pair_id, "Ada")
    edits.swap(store, run_id, 1, own[1].pair_id, Pick(other, 1), "Ada")
    return [other, own[2].pair_id, own[3].pair_id], own


def test_an_edited_batch_is_what_is_labelled_and_the_run_is_marked(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, review=True)
    wanted, own = changed(store, run_id)
    inbox.command(store, "pause", run_id=run_id)
    inbox.command(store, "resume", run_id=run_id)
    Worker(store, "cpu").work(until_idle=True)  # another life in between: the edits are still there
    assert state(store, study_id) == ("review", False)
    go_on(store, run_id)
    assert state(store, study_id) == ("review", True)
    _, _, _, picked, labelled, *_ = load_events(store, run_id)[0]
    assert isinstance(picked, Picked) and isinstance(labelled, Labelled)
    assert [pick.pair_id for pick in picked.picks] == [label.pair_id for label in labelled.labels] == wanted
    assert list(picked.own) == own
    assert [pick.pair_id for pick in queries.batch(store, run_id, 1)] == wanted
    go_on(store, run_id)
    assert state(store, study_id) == ("done", True)
    assert outcomes(store, study_id, "near") is None, "an edited run takes no part in a verdict"
    assert [(b.round, len(b.changes)) for b in reviews.edited_batches(store, study_id)] == [(1, 2)]
    assert not [finding for finding in check(store.folder) if finding.severity == "error"]
    dropped = {own[0].pair_id, own[1].pair_id}
    second = next(event for event in load_events(store, run_id)[0] if isinstance(event, Pooled) and event.round == 2)
    assert dropped <= set(second.pair_ids), "a pair that was dropped can be picked again"


def test_its_features_are_the_signals_of_the_pairs_it_holds(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Of a signal that is kept for the whole pool: read off it, pair by pair."""
    store, _, run_id = begun(tmp_path, tiny_model_dir, review=True, strategies=["smallest_margin"])
    changed(store, run_id)
    go_on(store, run_id)
    _, pooled, scored, picked, *_ = load_events(store, run_id)[0]
    assert isinstance(pooled, Pooled) and isinstance(scored, Scored) and isinstance(picked, Picked)
    pairs = {pair.id: pair for pair in pooled.made_pairs}
    for signal in scored.signals:
        if signal.name in picked.features:
            rows = rows_of(signal, [pairs[pick.pair_id] for pick in picked.picks])
            assert np.array_equal(picked.features[signal.name], signal.values[rows])
    assert picked.features
    same = record_of(store, run_id, 1)
    assert from_record(same).same, "the strategy's own list comes again from the record"


def test_a_kill_after_the_release_changes_nothing(tmp_path: Path, tiny_model_dir: Path) -> None:
    """A worker that stopped before the edited batch was kept, or before it was labelled: as one that went through."""
    found = []
    for name, stop_after in (("whole", None), ("before", 0), ("between", 1)):
        store, study_id, run_id = begun(tmp_path / name, tiny_model_dir, review=True, rounds=1)
        changed(store, run_id)
        edits.release(store, run_id)
        worker = Worker(store, "cpu")
        if stop_after is not None:
            _stop_after(worker, stop_after)
            assert worker.work() == 0
            assert queries.study(store, study_id).runs[0].state == "queued"
        Worker(store, "cpu").work(until_idle=True)
        assert state(store, study_id) == ("done", True)
        found.append(bits(told(store, run_id)))
    assert found[0] == found[1] == found[2]


def _stop_after(worker: Worker, events: int) -> None:
    """It is told to stop before it keeps the event after so many."""
    whole = worker.loop

    def loop(*given: Any) -> Any:
        for number, event in enumerate(whole(*given)):
            if number == events:
                worker.stop()
                worker._check()
            yield event

    worker.loop = loop
