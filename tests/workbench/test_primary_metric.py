"""A study that declares the log-likelihood of held-out labels decides on it, everywhere that a verdict is shown."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.analysis.power import SAMPLE, detectable_before
from engine.config import StudyConfig
from engine.cost import Sizes
from engine.errors import ConfigError
from engine.evidence import weighed
from engine.settings import RefereeSettings
from engine.store import queries
from engine.store.history import load_event
from engine.store.outcomes import outcomes
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.cli.main import app as cli
from workbench.power_words import can_show

DECLARED = {"metric": "log_likelihood", "second_random": False}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worlds.finished(tmp_path_factory.mktemp("metric") / "s", referee=DECLARED)


def test_a_pairs_value_is_the_log_of_its_chance_under_the_implicit_reward(store):
    detail = queries.study(store, queries.studies(store)[0].id)
    kept = outcomes(store, detail.summary.id, "pool_like", "log_likelihood")
    assert kept is not None
    run = next(run for run in detail.runs if run.strategy.name == "apl" and run.seed == 2)
    for number in range(len(kept.labels)):
        margins = load_event(store, run.id, number, "evaluated").outcomes["pool_like"]  # side a is the one preferred
        chance = 1 / (1 + np.exp(-margins))
        assert kept.values["apl"][2][number] == pytest.approx(np.log(chance))
        assert (kept.values["apl"][2][number] < 0).all()


def test_the_verdict_is_on_what_was_declared(store):
    detail = queries.study(store, queries.studies(store)[0].id)
    found = weighed(store, detail)
    kept = outcomes(store, detail.summary.id, "pool_like", "log_likelihood")
    assert kept is not None
    apart = [kept.values["apl"][n][-1].mean() - kept.values["random"][n][-1].mean() for n in (1, 2, 3)]
    assert found.found["apl"].verdict.difference.mean == pytest.approx(np.mean(apart))
    assert found.paired.query("strategy == 'apl'")["mean"].iloc[-1] == pytest.approx(np.mean(apart))
    accuracy = outcomes(store, detail.summary.id, "pool_like")
    assert accuracy is not None
    other = np.mean([accuracy.values["apl"][n][-1].mean() - accuracy.values["random"][n][-1].mean() for n in (1, 2, 3)])
    assert abs(other - np.mean(apart)) > 1e-3


def test_page_report_and_file_name_it(store, tmp_path, monkeypatch):
    said = seen(app(store.folder, monkeypatch, "curves"))
    assert "difference in log-likelihood (nats a pair)" in said
    assert "nats of log-likelihood a pair" in said
    words = ["study", "report", queries.studies(store)[0].id, "--store", str(store.folder)]
    given = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)
    assert given["metric"] == "nll", "the figure that decides is the one that is listed"
    assert given["declared"]["metric"] == "log_likelihood"
    assert all("nats of log-likelihood a pair on pool_like" in row["sentence"] for row in given["verdicts"])
    file = tmp_path / "report.html"
    CliRunner().invoke(cli, [*words, "--html", str(file)])
    assert "difference in log-likelihood (nats a pair)" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("metric", "target", "between"), [
    ("accuracy", 1.2, "between 0 and 1"), ("accuracy", -0.5, "between 0 and 1"), ("log_likelihood", 0.7, "below 0"),
])  # fmt: skip
def test_a_target_that_no_study_can_reach_is_refused(metric, target, between):
    with pytest.raises(ConfigError, match=between):
        worlds.config("x", (1,), 1, ("random",), referee={"metric": metric, "target": target})
    assert RefereeSettings(metric="log_likelihood", target=-0.6).target == -0.6


def test_what_it_can_show_is_reckoned_in_its_own_unit():
    base = {"name": "x", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random", "apl", "real"]}
    study = StudyConfig.from_dict({**base, "referee": {"metric": "log_likelihood"}})
    said = can_show(study, Sizes(prompts=300, responses=1200, pairs=900))
    prompts = Sizes(prompts=300, responses=1200, pairs=900).cut(study.evaluation.pairs_per_set).prompts
    found = detectable_before(5, prompts, 2, components=SAMPLE["log_likelihood"])
    assert f"±\u00a0{found.half_width:.3f} in log-likelihood (nats a pair)" in said
    assert SAMPLE["log_likelihood"] != SAMPLE["accuracy"]
