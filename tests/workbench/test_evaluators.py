"""Models as evaluators of a whole study: figures are the model's own, and what is asked is said before the start."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.cost import Cost, Work
from engine.oracles.base import ORACLES
from engine.records import Evaluated
from engine.store import queries
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.test_loop import config, make_data
from tests.engine.worker.lives import queue, run_ids
from tests.workbench.test_pages import app
from workbench.asked_words import beforehand
from workbench.cli.main import app as cli

REWARD = {"name": "reward_model", "device": "cpu"}
JUDGE = {"name": "judge", "url": "http://127.0.0.1:9/v1"}


def test_a_reward_model_measures_win_rate_and_mean_reward(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = config(tiny_model_dir, oracle="recorded", evaluator=REWARD, strategies=["random"])
    store = queue(tmp_path / "store", study)
    Worker(store, "cpu").work(until_idle=True)
    run_id = run_ids(store)[0]
    assert queries.run(store, run_id).state == "done", queries.run(store, run_id).error
    last = [event for event in load_events(store, run_id)[0] if isinstance(event, Evaluated)][-1]
    found = {metric.name: metric for metric in last.metrics}
    known = make_data(3, "near").prompts
    prompts = [known[answer.prompt_id] for answer in last.generations]
    scores = ORACLES.build(REWARD).score_texts(prompts, [answer.text for answer in last.generations])
    assert found["gold_reward"].value == pytest.approx(np.mean(scores), abs=1e-5)
    assert found["gold_reward"].unit == "score of the evaluator"
    assert 0 <= found["win_rate"].value <= 1 and found["win_rate"].n == len(prompts) == 3
    test = app(store.folder, monkeypatch, "curves")
    assert not test.exception
    offered = [option for box in test.selectbox for option in box.options]
    assert any("mean reward of generations" in str(option).lower() for option in offered), offered
    done = CliRunner().invoke(cli, ["study", "show", queries.studies(store)[0].id, "--store", str(store.folder)])
    assert done.exit_code == 0


def paying(labels: int, a_run: int = 0) -> Cost:
    return Cost(a_run, labels, labels, 1, Work())


def test_what_models_and_people_will_be_asked_is_said_before_the_start(tiny_model_dir: Path) -> None:
    study = config(tiny_model_dir, oracle=JUDGE, evaluator={**JUDGE, "rubric": "Shorter."}, seeds=[1, 2])
    said = " ".join(beforehand(study, paying(70)))
    assert "The judge is asked 140 times for 70 labels" in said
    assert f"times for {3 * 2 * len(study.entrants())} comparisons of generations at most" in said
    assert "Evaluator and labeller are of one kind (judge)" in said
    apart = beforehand(config(tiny_model_dir, oracle=JUDGE, evaluator=REWARD), paying(70))
    assert len(apart) == 1 and "one kind" not in apart[0]
    none = beforehand(config(tiny_model_dir, oracle="recorded"), paying(70))
    assert none == ["No evaluator is named, and recorded answers compares no new texts: there is no win rate."]
    alone = " ".join(beforehand(config(tiny_model_dir, oracle=REWARD), paying(70)))
    assert "names no evaluator, so the labeller (reward_model) scores" in alone


def test_routing_says_the_bounds_of_its_split_of_the_batches(tiny_model_dir: Path) -> None:
    """Not of all labels that people are asked for, which hold the audit slice and the held-out sample."""
    study = config(
        tiny_model_dir, oracle={"name": "routing", "models": [REWARD], "check_share": 0.2, "held_out_pairs": 4},
        strategies=["random"], evaluator=REWARD, rounds=4, labels_per_round=5,
    )  # fmt: skip
    said = beforehand(study, paying(9999, a_run=20))
    assert said[0].startswith("Of 20 labels people answer at least about 4 (the random share) and at most all")
    assert said[1] == "The audit slice and the held-out sample, up to 6 pairs, are people's alone."
    assert "of one kind (reward_model behind routing)" in said[-1] or "the same (reward_model behind" in said[-1]


def test_the_command_says_it_before_it_queues_a_study(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    study = {
        "name": "said before", "race": "none", "strategies": ["random"], "seeds": [1, 2], "rounds": 1,
        "data": {"pool": str(sample / "skewed" / "tune_pool.jsonl"),
                 "held_out": {"pool_like": str(sample / "skewed" / "tune_heldout.jsonl")}},
        "model": {"path": str(sample / "model"), "device": "cpu"}, "labels_per_round": 8, "prompts_per_round": 32,
        "oracle": {"name": "noisy", "of": REWARD}, "evaluator": REWARD, "evaluation": {"prompts": 8},
    }  # fmt: skip
    for name, changes, words in (
        ("one", {}, "Evaluator and labeller are the same (reward_model behind noisy)"),
        ("two", {"oracle": JUDGE}, "The judge is asked 32 times for 16 labels"),
        ("three", {"evaluator": JUDGE}, "The judge is asked 32 times for 16 comparisons of generations at most"),
    ):
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps({**study, **changes}))
        done = CliRunner().invoke(cli, ["study", "run", str(file), "--detach", "--store", str(tmp_path / "store")])
        assert done.exit_code == 0, done.output
        assert words in " ".join(done.output.split())
