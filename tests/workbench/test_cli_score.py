"""`workbench strategy score`: priced, scored in a process of its own, compared; a second time without a model."""

import json
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
    made = study_in(tmp_path_factory.mktemp("score"), tiny_model_dir)
    Worker(made, "cpu").work(until_idle=True)
    return made


def told(store: Store, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["strategy", "score", *words, "--store", str(store.folder)])
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout


def test_a_run_is_priced_scored_once_and_compared(store: Store) -> None:
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "activedpo")
    words = ("random", "activedpo", "real keep=similar", "--study", study.name, "--run", run.id, "--round", "2",
             "--pairs", "4")  # fmt: skip
    price = json.loads(told(store, *words, "--price", "--json"))
    assert price["signals"] == ["embedding", "reward_gradient"]
    assert price["backwards"] == 36 + 2 * 4  # the pool, and both responses of the four picks so far
    assert price["tokens"] > 0
    assert price["seconds"] > 0
    adapters = ("bald", *words[3:], "--signal", "reward_ensemble members=adapters size=3")
    tuned = json.loads(told(store, *adapters, "--price", "--json"))
    assert tuned["backwards"] == 2 * 3 * 1 * 4, "three adapters, two texts a pair, one epoch of the first round's four"
    first = json.loads(told(store, *words, "--json"))
    assert first["scored"]["tokens"] >= 0
    picks = [pick.pair_id for pick in queries.batch(store, run.id, 2)]
    assert first["strategies"][1]["picks"] == picks
    again = json.loads(told(store, *words, "--json"))
    assert again["scored"] == {}
    assert again["price"]["signals"] == []
    assert again["strategies"][1]["picks"] == picks
    text = told(store, *words)
    for part in ("All signals lie in the cache", "REAL, keep similar", "by chance", "2 and 3", "4 earlier picks"):
        assert part in text


def test_mistakes_are_sentences(store: Store) -> None:
    study = queries.studies(store)[0].id
    assert "ridge" in told(store, "activedpo ridge=-1", "--study", study, code=2)
    assert "name a study, or a data set and a model" in told(store, "random", code=2)
    assert "There is no study 'gone'" in told(store, "random", "--study", "gone", code=2)
    assert "There is no run 'gone'" in told(store, "random", "--study", study, "--run", "gone", code=2)
    assert "There is no data set 'gone'" in told(store, "random", "--dataset", "gone", "--model", "m", code=2)
