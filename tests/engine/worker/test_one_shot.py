"""REAL and AEPO as published: one round, a pair a prompt; twins buy as much, the referee weighs each with its own."""

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.config import StudyConfig
from engine.cost import Sizes, estimate
from engine.evidence import arms_of, weighed
from engine.records import Picked, Pooled, Scored
from engine.replay import from_record, record_of, with_model
from engine.store import queries, schema
from engine.store.database import Store
from engine.store.history import load_events
from engine.store.outcomes import every_outcome, outcomes
from engine.worker import Worker
from tests.engine.worker.lives import queue, study_of
from workbench.components.study_card import _budget

SMALL = {
    "data": {"pool": "unused", "held_out": {"near": "unused"}},
    "rounds": 2,
    "labels_per_round": 3,
    "prompts_per_round": 6,
    "seeds": [1, 2, 3],
    "panel": [],
}


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Store:
    race = {"race": "as_published", "referee": {"second_random": False}, "strategies": ["real", "gradient_norm"]}
    study = study_of("recorded", tiny_model_dir, **{**SMALL, **race})
    store = queue(tmp_path_factory.mktemp("one shot"), study)
    Worker(store, "cpu").work(until_idle=True)
    assert {run.state for run in detail_of(store).runs} == {"done"}
    return store


def detail_of(store: Store) -> queries.StudyDetail:
    return queries.study(store, queries.studies(store)[0].id)


def test_it_buys_the_least_alike_pair_of_half_the_prompts_at_once_and_its_twin_of_another_half(raced: Store) -> None:
    runs = {run.strategy.name: run for run in detail_of(raced).runs if run.seed == 1}
    assert set(runs) == {"real", "random:as real", "gradient_norm", "random"}
    assert {key: (run.rounds_done, run.rounds_total) for key, run in runs.items()} == {
        "real": (1, 1), "random:as real": (1, 1), "gradient_norm": (2, 2), "random": (2, 2),
    }  # fmt: skip
    batches = {}
    for key in ("real", "random:as real"):
        events = load_events(raced, runs[key].id)[0]
        pooled = next(e for e in events if isinstance(e, Pooled))
        batches[key] = [pick.pair_id for e in events if isinstance(e, Picked) for pick in e.picks]
        prompt = {pair.id: pair.prompt_id for pair in pooled.made_pairs}
        assert (len(pooled.pair_ids), len(set(prompt.values())), len(batches[key])) == (24, 8, 4)
        assert len({prompt[pair_id] for pair_id in batches[key]}) == 4, "one pair a prompt"
        scored = next(e for e in events if isinstance(e, Scored))
        if key == "real":
            scores = dict(zip(pooled.pair_ids, np.asarray(scored.scores).tolist(), strict=True))
            best = {prompt[pair_id]: pair_id for pair_id in sorted(scores, key=scores.__getitem__)}
            assert batches[key] == sorted(best.values(), key=scores.__getitem__, reverse=True)[:4]
    assert batches["real"] != batches["random:as real"]
    assert with_model(raced, record_of(raced, runs["real"].id, 1)).same
    assert from_record(record_of(raced, runs["random:as real"].id, 1)).same


def test_the_referee_weighs_it_against_its_own_twin_at_its_own_labels(raced: Store) -> None:
    detail = detail_of(raced)
    assert arms_of(detail).twins == {"real": "random:as real", "gradient_norm": "random"}
    evidence = weighed(raced, detail)
    assert set(evidence.found) >= {"real"} and not evidence.why_none
    assert (evidence.found["real"].twin, evidence.found["real"].seeds) == ("random:as real", (1, 2, 3))
    axes = {one.labels: set(one.values) for one in every_outcome(raced, detail.summary.id, "near")}
    assert axes == {(0.0, 4.0): {"real", "random:as real"}, (0.0, 3.0, 6.0): {"gradient_norm", "random"}}
    whole = outcomes(raced, detail.summary.id, "near")
    assert whole is not None and set(whole.values) == {"gradient_norm", "random"}
    shown = evidence.paired.groupby("strategy")["labels"].max().to_dict()
    assert shown == {"real": 4.0, "gradient_norm": 6.0}


def test_the_budget_is_said_as_what_it_is(raced: Store, tiny_model_dir: Path) -> None:
    assert _budget(detail_of(raced)) == "36 and 6 shares of a pool"
    study = StudyConfig.from_dict(detail_of(raced).config)
    cost = estimate(study, Sizes(8, 24, 24), [Sizes(3, 9, 9)])
    assert cost.labels_asked == 3 * (2 * 4 + 2 * 6)
    assert cost.runs["real"]["trained"].backwards == 2 * 4, "one epoch, as published"


def test_of_many_responses_each_prompt_gives_its_one_pair(tmp_path: Path, tiny_model_dir: Path) -> None:
    """REAL's least similar pair of every prompt, AEPO's two of N, and their random twin's one of every prompt."""
    encoder = {"signals": [{"name": "embedding", "model": "policy"}]}
    race = {"race": "as_published", "referee": {"second_random": False}, "sampler": "all_pairs", "seeds": [1]}
    named = [{"name": "real", "per_prompt": True}, "aepo"]
    study = study_of("recorded", tiny_model_dir, **{**SMALL, **encoder, **race, "strategies": named})
    store = queue(tmp_path, study)
    Worker(store, "cpu").work(until_idle=True)
    runs = {run.strategy.name: run.id for run in detail_of(store).runs}
    for key in ("real", "random:as real", "aepo", "random:as aepo"):
        events = load_events(store, runs[key])[0]
        pooled, picked = (next(e for e in events if isinstance(e, kind)) for kind in (Pooled, Picked))
        prompt = {pair.id: pair.prompt_id for pair in pooled.made_pairs}
        assert len(pooled.pair_ids) > len(set(prompt.values()))
        assert sorted(prompt[pick.pair_id] for pick in picked.picks) == sorted(set(prompt.values())), key
        if not key.startswith("random"):
            scores = dict(zip(pooled.pair_ids, next(e for e in events if isinstance(e, Scored)).scores, strict=True))
            for pick in picked.picks:
                others = [pair_id for pair_id in prompt if prompt[pair_id] == prompt[pick.pair_id]]
                assert scores[pick.pair_id] == max(scores[pair_id] for pair_id in others)
    assert all(run.rounds_total == 1 for run in detail_of(store).runs)


def test_too_few_prompts_for_a_batch_of_one_pair_each_is_said(tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("recorded", tiny_model_dir, **{**SMALL, "labels_per_round": 9, "prompts_per_round": None,
                                                     "rounds": 1, "strategies": ["random"], "seeds": [1],
                                                     "one_per_prompt": True, "race": "none"})  # fmt: skip
    store = queue(tmp_path, study)
    Worker(store, "cpu").work(until_idle=True)
    said = detail_of(store).runs[0].error
    assert "Round 1 has 8 prompts with candidate pairs; 9 are to be labelled, one a prompt." in said


def test_a_study_from_before_that_setting_keeps_its_verdicts(
    raced: Store, tmp_path: Path, tiny_model_dir: Path
) -> None:
    """There REAL ran in the study's own rounds, beside plain random."""
    race = {"race": "as_published", "referee": {"second_random": False}, "strategies": ["random", "real"]}
    study = study_of("recorded", tiny_model_dir, **{**SMALL, **race})
    old = study.model_copy(update={"race": "controlled"})
    store = queue(tmp_path, old)
    with store.write() as connection:
        connection.execute(schema.studies.update().values(config=study.model_dump(mode="json")))
        keys = set(connection.execute(sa.select(schema.runs.c.strategy)).scalars())
    assert keys == {"random", "real"}
    assert arms_of(detail_of(store)).twins == {"real": "random"}
