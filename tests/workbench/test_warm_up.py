"""Margins tie in round 1: it is said before a study starts, with a warm-up batch one step away."""

from pathlib import Path
from typing import Any

import yaml

from engine.config import StudyConfig
from engine.cost import Sizes
from engine.store import queries
from engine.store.database import open_store
from tests.workbench import worlds
from tests.workbench.test_cli import invoke, study_file
from tests.workbench.test_form import file_of, press, sample_model, widget
from tests.workbench.test_pages import app, seen
from workbench.warm_up_words import ties_at_first


def study(**changes: Any) -> StudyConfig:
    base = {"name": "x", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random", "apl", "real"]}
    return StudyConfig.from_dict({**base, **changes})


def test_those_that_rank_by_margins_are_named_and_no_others():
    assert "the first batch of APL is a seeded draw" in ties_at_first(study())
    assert "APL and APL, shuffled is" in ties_at_first(study(controls=["shuffled"]))
    assert ties_at_first(study(strategies=["random", "real", "activedpo"])) == ""
    assert ties_at_first(study(warm_up=True)) == ""


def test_the_form_says_it_and_ticks_the_box_on_a_click(tmp_path, monkeypatch):
    sample_model(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in ("pool", "a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("{}")
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, warm_up=False)
    monkeypatch.setattr("workbench.cache.sizes", lambda data: (Sizes(16, 64, 96), Sizes(9, 27, 27)))
    test = press(app(store.folder, monkeypatch), "Clone this study")
    assert "the first batch of APL is a seeded draw" in seen(test)
    assert "warm_up" not in file_of(test)
    press(test, "Begin with a warm-up batch")
    assert file_of(test)["warm_up"] is True
    assert widget(test, "checkbox", "warm up").value is True
    said = seen(test)
    assert "seeded draw" not in said
    assert "warm_up: no → yes" in said or "warm_up: False → True" in said


def test_the_command_line_says_it_before_it_queues_and_takes_it(tmp_path: Path, tiny_model_dir: Path):
    file = study_file(tmp_path, tiny_model_dir, strategies=["random", "apl_certainty"])
    where = ["--store", str(tmp_path / "s")]
    code, text = invoke("study", "run", str(file), "--detach", *where)
    assert code == 0
    assert "the first batch of APL certainty is a seeded draw" in text
    assert "--warm-up" in text
    code, text = invoke("study", "run", str(file), "--detach", "--warm-up", *where)
    assert (code, "seeded draw" in text) == (0, False)
    store = open_store(tmp_path / "s")
    taken = [queries.study(store, one.id).config["warm_up"] for one in queries.studies(store)]
    assert sorted(taken) == [False, True]
    plain = next(one.id for one in queries.studies(store) if not queries.study(store, one.id).config["warm_up"])
    code, text = invoke("study", "clone", plain, "--yaml", "--set", "warm_up=true", *where)
    assert yaml.safe_load(text)["warm_up"] is True
