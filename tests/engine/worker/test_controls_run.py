"""Random on and off the policy, the other samplers, and the reference's responses, through a store and a worker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config import StudyConfig
from engine.records import Pooled
from engine.store import queries
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.samplers.small_server import SmallServer, running
from tests.engine.test_arms import study
from tests.engine.worker.lives import left, queue, run_ids, study_of
from tests.engine.worker.test_roots_run import done

HOT = {"name": "policy", "responses": 4, "temperature": 0.8, "max_new_tokens": 7, "unended": "keep"}
BOTH = {
    "race": "controlled",
    "referee": {"second_random": False},
    "controls": ["random_on_policy", "random_off_policy"],
}


def pools(store: Store) -> dict[str, list[Pooled]]:
    """Arm → its pools, round by round."""
    detail = queries.study(store, queries.studies(store)[0].id)
    return {
        run.strategy.name: [e for e in load_events(store, run.id)[0] if isinstance(e, Pooled)] for run in detail.runs
    }


def test_random_on_and_off_the_policy_run_to_their_end_beside_a_study_that_draws(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    drawn = study_of("generated", tiny_model_dir, rounds=2, strategies=["random"], sampler=HOT, **BOTH)
    found = pools(done(tmp_path, drawn))
    assert set(found) == {"random", "random:on policy", "random:off policy, SFT model"}
    once, later = found["random:off policy, SFT model"]
    assert {response.source for response in once.made} == {"SFT model, T 0.8"}
    common = {response.prompt_id for response in once.made} & {response.prompt_id for response in later.made}
    drawn_for = [{r.id for r in event.made if r.prompt_id in common} for event in (once, later)]
    assert common and drawn_for[0] == drawn_for[1], "drawn once: a prompt has the same responses in round 2"
    first, second = found["random:on policy"]
    assert {response.source for response in first.made} == {"policy, round 0, T 0.8"}
    assert {response.source for response in second.made} == {"policy, round 1, T 0.8"}
    assert max(sum(r.prompt_id == p.prompt_id for r in first.made) for p in first.made) == 4
    assert first.made == found["random"][0].made, "as the study itself draws, so the first round is the same"


def test_random_on_the_policy_beside_a_study_of_given_pairs(sample_study: StudyConfig, tmp_path: Path) -> None:
    """The sample model ends its responses by itself, within the longest generation of the study."""
    from engine.data.read import read

    pool = read(sample_study.data.pool).data
    store = queue(tmp_path, sample_study, pool.only_prompts(list(pool.prompts)[:8]))
    Worker(store, "cpu").work(until_idle=True)
    assert {run.state for run in queries.study(store, queries.studies(store)[0].id).runs} == {"done"}
    found = pools(store)
    assert all(len(event.made) > 8 for event in found["random:on policy"])
    assert not any(event.made for event in found["random"])
    assert not check(store.folder)


@pytest.fixture
def sample_study() -> StudyConfig:
    root = Path(__file__).parents[3] / "sample_data"
    if not (root / "model" / "model.safetensors").exists():
        pytest.skip("The sample model is not here.")
    own = {"data": {"pool": str(root / "skewed" / "pool.jsonl")}, "sampler": "all_pairs", "strategies": ["random"]}
    controls = {**BOTH, "controls": ["random_on_policy"]}
    longest = {"pairs_per_set": 6, "generate": "never", "max_new_tokens": 96}
    return study_of(
        "generated", root / "model", rounds=1, regime={"pool": "fixed"}, evaluation=longest, **own, **controls
    )


def test_the_control_on_the_policy_draws_as_the_study_does() -> None:
    gold = {"oracle": {"name": "gold", "scorer": "howto"}, "controls": ["random_on_policy"]}

    def control(**changes: Any) -> dict[str, Any]:
        runs = study(strategies=["random"], **{**gold, **changes}).runs(seeds=[1])
        (found,) = [run.study for run in runs if run.key == "random:on policy"]
        assert found.regime.pool == "regenerated"
        return found.sampler.spec()

    plain = {"name": "policy", "model": "policy", "responses": 3, "temperature": 1.0, "top_p": 1.0, "unended": "drop"}
    assert control() == {**plain, "max_new_tokens": 64}
    assert control(evaluation={"max_new_tokens": 200}) == {**plain, "max_new_tokens": 200}
    assert control(sampler=HOT) == {**plain, **HOT}
    assert control(sampler={**HOT, "model": "reference"}) == {**plain, **HOT}
    pilaf = {"name": "pilaf", "beta": 0.5, "top_p": 0.9, "max_new_tokens": 9}
    assert control(sampler=pilaf) == {**plain, "responses": 2, "top_p": 0.9, "max_new_tokens": 9}
    served = {"name": "server", "model": "large", "responses": 5, "max_new_tokens": 9}
    assert control(sampler=served) == {**plain, "responses": 5, "max_new_tokens": 9}


SHORT = {"max_new_tokens": 7, "unended": "keep"}


@pytest.mark.parametrize(
    "sampler", [{"name": "pilaf", "beta": 3.0, **SHORT}, {"name": "policy", "model": "reference", **SHORT}],
    ids=["pilaf", "reference"],
)  # fmt: skip
def test_other_draws_run_to_their_end_and_after_a_kill_to_the_same(
    sampler: dict[str, Any], tmp_path: Path, tiny_model_dir: Path
) -> None:
    drawn = study_of("generated", tiny_model_dir, rounds=2, strategies=["random"], sampler=sampler)
    calm, store = done(tmp_path / "calm", drawn), queue(tmp_path / "stopped", drawn)
    first, second = pools(calm)["random"]
    sources = {response.source for response in second.made}
    if sampler["name"] == "pilaf":
        assert {r.source for r in first.made} == {"π_θ of the policy, round 0, T 1"}, "as the plain sampler at first"
        assert sources == {f"{who} of the policy, round 1, T 1" for who in ("π_θ", "π⁺", "π⁻")}
    else:
        assert sources == {"SFT model, T 1"}

    class Stopping(Worker):
        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence in ("round 2, pooled", "round 2, scored") and sentence not in said:
                said.append(sentence)
                self.stop()

    said: list[str] = []
    for _ in range(3):
        Stopping(store, "cpu").work(until_idle=True)
    assert len(said) == 2
    assert left(store) == left(calm)


@pytest.fixture
def server() -> Iterator[SmallServer]:
    pytest.importorskip("openai", reason='The package openai is not installed (extra "server").')
    with running(SmallServer()) as found:
        yield found


def test_a_study_on_a_server_fails_with_a_sentence_and_goes_on_without_asking_twice(
    server: SmallServer, tmp_path: Path, tiny_model_dir: Path
) -> None:
    sampler = {"name": "server", "url": server.url, "responses": 3, "at_once": 2, "attempts": 1}
    drawn = study_of("generated", tiny_model_dir, rounds=2, strategies=["random"], sampler=sampler)
    store = queue(tmp_path, drawn)
    server.trouble = lambda number, body: (400, b'{"error": {"message": "no more"}}', {}) if number >= 7 else None
    Worker(store, "cpu").work(until_idle=True)
    run = queries.run(store, run_ids(store)[0])
    assert (run.state, "refuses the request for model 'small': 400" in run.error) == ("failed", True)
    kept = [json.dumps(body, sort_keys=True) for body in server.asked[:7]]
    server.trouble, server.asked = lambda number, body: None, []
    from engine.store import inbox

    inbox.command(store, "retry", run_id=run.id)
    Worker(store, "cpu").work(until_idle=True)
    assert queries.run(store, run.id).state == "done"
    asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(asked) == 2 * 6 * 3 - 7
    assert not set(asked) & set(kept)
    assert len(set(asked)) == len(asked)


def test_where_nothing_is_left_of_the_draws_the_sentence_says_why(tmp_path: Path, tiny_model_dir: Path) -> None:
    short = {"name": "policy", "responses": 2, "max_new_tokens": 2}
    store = queue(tmp_path, study_of("generated", tiny_model_dir, strategies=["random"], sampler=short))
    Worker(store, "cpu").work(until_idle=True)
    error = queries.run(store, run_ids(store)[0]).error
    assert "candidate pairs; 3 are to be labelled. Left out: " in error
    assert "reached max_new_tokens" in error
