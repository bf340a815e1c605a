"""The methods that learn by the round, and the gate, through a store and a worker on the tiny model, to their end."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from engine.records import Labelled, Picked, Trained
from engine.replay import record_of, with_model
from engine.store import queries, schema
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.test_loop import inputs, make_data, same
from tests.engine.worker.lives import left, queue, run_ids, study_of

HEADS = {"name": "reward_ensemble", "size": 3, "hidden": 8, "steps": 10}
SMALL: dict[str, Any] = {"rounds": 2, "labels_per_round": 3, "prompts_per_round": 6, "signals": [HEADS], "panel": []}
ALONE = {"regime": {"weights": "reset"}, "race": "none"}
GATE = {"name": "gated", "gamma": 0.001}


def events(store: Store, run_id: str, kind: type) -> list[Any]:
    return [event for event in load_events(store, run_id)[0] if isinstance(event, kind)]


def test_every_method_on_the_ensemble_runs_to_its_end(tmp_path: Path, tiny_model_dir: Path) -> None:
    names = ["bald", "bal_pm", "ae_dpo", "sea", "drts", "delta_ucb", "enn_variance"]
    store = queue(tmp_path, study_of("recorded", tiny_model_dir, strategies=names, **SMALL, **ALONE))
    Worker(store, "cpu").work(until_idle=True)
    detail = queries.study(store, queries.studies(store)[0].id)
    assert {run.state for run in detail.runs} == {"done"}, detail.summary.error
    assert not check(store.folder)
    for run in detail.runs:
        picked = events(store, run.id, Picked)
        batches = [[pick.pair_id for pick in event.picks] for event in picked]
        assert len({pair for batch in batches for pair in batch}) == 6
        members = 5 if run.strategy.name == "ae_dpo" else 3  # its paper's number, whatever the study gives the others
        assert picked[1].features["reward_ensemble"].shape == (3, 2, members)
        assert not any(event.pseudo for event in picked)
        scores = [pick.score for event in picked for pick in event.picks]
        assert all(score is not None and np.isfinite(score) for score in scores)
    kinds = {run.strategy.name: _made_on(store, run.id) for run in detail.runs}
    assert "draws of dropout" in kinds.pop("ae_dpo"), "a strategy may fix a parameter of its signals"
    assert all("reward heads on hidden states of the reference" in made for made in kinds.values())


def _made_on(store: Store, run_id: str) -> str:
    with store.read() as connection:
        detail = sa.select(schema.stages.c.detail).where(
            (schema.stages.c.run_id == run_id) & (schema.stages.c.stage == "scored") & (schema.stages.c.round == 2)
        )
        signals = connection.execute(detail).scalar_one()["signals"]
    return str(next(signal["made_on"] for signal in signals if signal["name"] == "reward_ensemble"))


def test_it_learns_from_responses_that_were_drawn_and_a_replay_picks_the_same(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Fresh responses every round: those that labels are about are no candidates any more. The cache is lost."""
    changes = {**SMALL, "labels_per_round": 2, "race": "none", "signals": [HEADS]}
    store = queue(tmp_path, study_of("generated", tiny_model_dir, strategies=["bal_pm"], **changes))
    Worker(store, "cpu").work(until_idle=True)
    run = run_ids(store)[0]
    assert queries.run(store, run).state == "done", queries.run(store, run).error
    shutil.rmtree(store.folder / "cache")
    found = with_model(store, record_of(store, run, 2))
    assert found.same and found.score_gap == 0.0
    assert set(found.signals) == {"prompt_embedding", "reward_ensemble"}


@pytest.mark.parametrize(
    ("strategy", "ensemble"),
    [("bald", HEADS), ("delta_ucb", {**HEADS, "members": "adapters", "size": 2}), ("ae_dpo", HEADS), (GATE, HEADS)],
    ids=["heads", "adapters", "dropout", "gated"],
)
def test_stopped_between_stages_it_goes_on_to_the_same_bits(strategy: Any, ensemble: Any, tiny_model_dir: Path) -> None:
    """Every time with an empty cache, so that heads and adapters are trained again: before a pool, picks, training."""
    from engine.loop import rounds

    changes = {**SMALL, **ALONE, "signals": [ensemble]}
    study = study_of("recorded", tiny_model_dir, strategies=[strategy], **changes)
    data, held_out = make_data(8, "pool"), {"near": make_data(3, "near")}
    whole = list(rounds(inputs(study, 0, data, held_out)))
    for cut in (7, 9, 11):
        same(list(rounds(inputs(study, 0, data, held_out), done=whole[:cut])), whole[cut:])


def test_pseudo_labels_train_cost_nothing_and_are_counted_apart(tmp_path: Path, tiny_model_dir: Path) -> None:
    changes = {**SMALL, **ALONE, "rounds": 3, "labels_per_round": 2}
    study = study_of("recorded", tiny_model_dir, strategies=[GATE], **changes)
    store = queue(tmp_path / "with", study)
    Worker(store, "cpu").work(until_idle=True)
    run = run_ids(store)[0]
    assert queries.run(store, run).state == "done"
    assert not check(store.folder)
    picked, trained = events(store, run, Picked), events(store, run, Trained)
    assert not picked[0].pseudo, "while the policy is its reference it is sure of nothing"
    assert picked[1].pseudo and picked[2].pseudo
    assert set(picked[1].pseudo.values()) <= {"a", "b"}
    for event in picked:
        assert not {pick.pair_id for pick in event.picks} & event.pseudo.keys()
    bought = [label for event in events(store, run, Labelled) for label in event.labels]
    assert [event.pseudo for event in trained] == [len(event.pseudo) for event in picked]
    assert [event.labels_used for event in trained] == [2, 4, 6], "labels alone, cumulative"
    assert {label.pair_id for label in bought} == {pick.pair_id for event in picked for pick in event.picks}
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.labels)).scalar_one() == 6
    assert queries.studies(store)[0].labels_bought == 6
    notes = dict(queries.notes(store, run)[1:])
    assert notes[2] == f"{trained[1].pseudo} pseudo-labels, the policy's own answers, trained beside 4 labels"

    silent = study_of("recorded", tiny_model_dir, strategies=[{**GATE, "pseudo_labels": False}], **changes)
    plain = queue(tmp_path / "without", silent)
    Worker(plain, "cpu").work(until_idle=True)
    other = events(plain, run_ids(plain)[0], Trained)
    assert [event.pseudo for event in other] == [0, 0, 0]
    assert trained[0].adapter_hash == other[0].adapter_hash
    assert trained[1].adapter_hash != other[1].adapter_hash
    again = queue(tmp_path / "again", study)
    Worker(again, "cpu").work(until_idle=True)
    assert left(again) == left(store)
