"""`workbench run why`: the terms come to the score that the round kept, with and without arrays in the cache."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.store import queries
from engine.store.database import Store
from engine.worker import Worker
from tests.engine.worker.test_real_loop import study_in
from workbench.cli.main import app


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Store:
    made = study_in(tmp_path_factory.mktemp("why"), tiny_model_dir)
    Worker(made, "cpu").work(until_idle=True)
    return made


def told(store: Store, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["run", "why", *words, "--store", str(store.folder)])
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout


def run_of(store: Store, strategy: str) -> str:
    study = queries.studies(store)[0].id
    return next(run.id for run in queries.study(store, study).runs if run.strategy.name == strategy)


def test_the_terms_of_each_pick_come_to_its_score(store: Store) -> None:
    run = run_of(store, "activedpo")
    shutil.rmtree(store.folder / "cache")  # what the round read is computed again, in a process of its own
    found = json.loads(told(store, run, "2", "--json"))
    kept = {pick.pair_id: pick for pick in queries.batch(store, run, 2)}
    assert [pick["pair"] for pick in found["picks"]] == list(kept)
    assert found["says"].startswith("a = ")
    for pick in found["picks"]:
        terms = [part["value"] for part in pick["parts"] if not part["read"]]
        assert sum(terms) == pytest.approx(kept[pick["pair"]].score, rel=1e-4)
        assert all(part["symbol"] for part in pick["parts"] if not part["read"])
        assert pick["instead"]["pair_id"] not in kept
    words = told(store, run, "2", "--pairs", "1")
    for part in (found["says"], "with nothing labelled, ‖φ‖²/λ: ", "instead, were it not there", "more picks are left"):
        assert part in words


def test_a_drawn_round_says_what_comes_next_and_mistakes_are_sentences(store: Store) -> None:
    run = run_of(store, "activedpo")
    found = json.loads(told(store, run, "1", "--json"))
    assert len(found["picks"]) == len(queries.batch(store, run, 1))
    assert f"Run {run} has no picks in round 9." in told(store, run, "9", code=2)
    assert "gone" in told(store, "gone", "1", code=2)
