"""Every kind of arm through a store and a worker, on the tiny model."""

from pathlib import Path

import pytest

from engine.store import queries
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.worker.lives import queue, study_of

GOLD = {"oracle": {"name": "gold", "scorer": "howto"}}
SMALL = {"rounds": 2, "labels_per_round": 3, "prompts_per_round": 6, "seeds": [1]}


def done(folder: Path, model: Path, **changes: object) -> tuple[Store, dict[str, str]]:
    """The store of a study that ran to its end, and arm → run id."""
    store = queue(folder, study_of("recorded", model, **{**SMALL, **changes}))
    Worker(store, "cpu").work(until_idle=True)
    detail = queries.study(store, queries.studies(store)[0].id)
    assert {run.state for run in detail.runs} == {"done"}, detail.summary.error
    assert not check(store.folder)
    return store, {run.strategy.name: run.id for run in detail.runs}


def picks(store: Store, run_id: str, number: int) -> list[str]:
    return [pick.pair_id for pick in queries.batch(store, run_id, number)]


def test_every_control_runs_to_its_end_and_does_what_it_says(tmp_path: Path, tiny_model_dir: Path) -> None:
    controls = ["full_labels", "shuffled", "norm_only", "largest_oracle_margin", "smallest_oracle_margin"]
    store, runs = done(
        tmp_path, tiny_model_dir, strategies=["activedpo"], race="controlled", warm_up=True, controls=controls, **GOLD
    )
    assert set(runs) == {
        "activedpo", "random", "random:again", "full_labels", "activedpo:shuffled", "gradient_norm",
        "largest_oracle_margin", "smallest_oracle_margin",
    }  # fmt: skip
    batches = {arm: tuple(picks(store, run_id, 1)) for arm, run_id in runs.items() if arm != "full_labels"}
    assert len(set(batches.values())) == 1, "the warm-up batch is the same for all"
    later = {arm: tuple(picks(store, run_id, 2)) for arm, run_id in runs.items() if arm != "full_labels"}
    for one, other in (("random", "random:again"), ("activedpo", "activedpo:shuffled")):
        assert later[one] != later[other]
    whole = load_events(store, runs["full_labels"])[0]
    assert max(event.round for event in whole) == 1
    pool = queries.datasets(store)
    assert len(picks(store, runs["full_labels"], 1)) == max(found.prompts for found in pool) * 3
    gaps = {}
    for arm in ("largest_oracle_margin", "smallest_oracle_margin"):
        scored = queries.scores(store, runs[arm], 2).set_index("pair_id")
        gap = (scored["gold_score.a"] - scored["gold_score.b"]).abs()
        gaps[arm] = (gap[list(later[arm])].min(), gap[list(later[arm])].max(), gap)
    low, _, every = gaps["largest_oracle_margin"]
    assert low >= every.drop(list(later["largest_oracle_margin"])).max()
    _, high, every = gaps["smallest_oracle_margin"]
    assert high <= every.drop(list(later["smallest_oracle_margin"])).min()


def test_as_published_each_draws_its_own_pool_and_its_twin_draws_the_same_way(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.samplers.policy import OnPolicy
    from engine.strategies.activedpo import ActiveDPO

    short = {"name": "policy", "responses": 3, "max_new_tokens": 6, "unended": "keep"}
    monkeypatch.setattr(ActiveDPO, "published", {**ActiveDPO.published, "sampler": short})
    store, runs = done(
        tmp_path, tiny_model_dir, strategies=["activedpo", "real"], race="as_published",
        referee={"second_random": False}, **GOLD,
    )  # fmt: skip
    assert set(runs) == {"activedpo", "random:as activedpo", "real", "random:as real"}
    made = {arm: any(event.made for event in load_events(store, run)[0] if hasattr(event, "made"))
            for arm, run in runs.items()}  # fmt: skip
    assert made == {"activedpo": True, "random:as activedpo": True, "real": False, "random:as real": False}
    pooled = {
        arm: next(e.pair_ids for e in load_events(store, runs[arm])[0] if hasattr(e, "made") and e.round == 1)
        for arm in ("activedpo", "random:as activedpo")
    }
    assert pooled["activedpo"] == pooled["random:as activedpo"], "a seed draws the same for both while policies agree"
    assert OnPolicy.generates
