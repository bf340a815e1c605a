"""The referee on screen: a word with its interval, no verdict where there is none, nothing before a run is done."""

import json
from collections.abc import Mapping

import numpy as np
from typer.testing import CliRunner

from engine.analysis.referee import findings
from engine.records import Outcomes
from engine.store import queries
from engine.store.outcomes import outcomes
from engine.store.summaries import StrategyRef
from tests.engine.analysis.test_referee import LEVELS
from tests.engine.analysis.test_referee import outcomes as world
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.cli.main import app as cli
from workbench.components import verdict_table

DECLARED = {"statistic": "final", "smallest": 0.02, "held_out": ""}


def drawn(found: Outcomes, monkeypatch, declared: Mapping[str, object] = DECLARED) -> str:
    said: list[str] = []
    monkeypatch.setattr(verdict_table, "show", said.append)
    refs = {name: StrategyRef(name, name.upper(), n) for n, name in enumerate(("random", "one"))}
    verdict_table.verdict_table(findings(found, "random"), refs, declared, "pool like")
    return "".join(said)


def test_a_gain_is_said_with_its_interval_and_what_it_saves(monkeypatch):
    said = drawn(world({"random": LEVELS, "one": [0.5, 0.7, 0.8, 0.85]}), monkeypatch)
    assert '<span class="chip ok">✓ better</span>' in said
    assert "ONE is better than random by +0.1" in said
    assert "% saved" in said.replace("\u202f", " ")
    assert "5 seeds, 200 prompts" in said
    assert "declared before the start" in said


def test_what_an_old_study_did_not_declare_is_not_called_declared(monkeypatch):
    said = drawn(world({"random": LEVELS, "one": LEVELS}), monkeypatch, {})
    assert "by the last round, which this study did not declare before its start" in said


def test_a_verdict_that_is_not_the_declared_one_says_so_in_text_and_for_machines(tmp_path):
    store = worlds.running(tmp_path / "s", done=8, seeds=(1, 2, 3, 4))
    words = ["study", "report", queries.studies(store)[0].id, "--store", str(store.folder)]
    run = CliRunner()
    lines = run.invoke(cli, words).output.splitlines()
    rows = json.loads(run.invoke(cli, [*words, "--json"]).output)["verdicts"]
    why = "only 2 of the 4 declared seeds are in"
    assert [row["exploratory"] for row in rows] == [why] * 3
    assert lines[-4] == f"Exploratory: {why}: not the verdict that was declared."
    assert lines[-3:] == [row["sentence"] for row in rows]


def test_a_loss_is_censored_and_not_guessed(monkeypatch):
    said = drawn(world({"random": LEVELS, "one": [0.5, 0.52, 0.53, 0.54]}), monkeypatch)
    assert '<span class="chip bad">✕ worse</span>' in said
    assert "not reached" in said
    assert "more than 180" in said


def test_two_seeds_get_no_verdict_and_no_interval(monkeypatch):
    said = drawn(world({"random": LEVELS, "one": LEVELS}, seeds=2), monkeypatch)
    assert '<span class="chip warn">! no verdict</span>' in said
    assert "it takes 3" in said
    assert "no interval, 2 seeds" in said


def test_outcomes_are_read_from_finished_runs_only(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1, 2, 3))
    study = queries.studies(store)[0]
    found = outcomes(store, study.id, "pool_like")
    assert found is not None
    assert sorted(found.values) == ["activedpo", "apl", "random", "real"]
    assert sorted(found.values["random"]) == [1, 2, 3]
    assert found.values["random"][1].shape == (len(found.labels), worlds.MEASURED)
    assert found.labels[1] == worlds.BATCH
    assert outcomes(store, study.id, "no such set") is None
    assert set(np.unique(found.values["random"][1])) <= {0.0, 0.5, 1.0}


def test_curves_shows_the_verdicts_of_a_finished_study(tmp_path, monkeypatch):
    store = worlds.finished(tmp_path / "s", seeds=(1, 2, 3))
    said = seen(app(store.folder, monkeypatch, "curves"))
    assert "Verdicts" in said
    assert said.count('class="chip') >= 3
    assert "3 strategies together" in said


def test_while_a_study_runs_its_finished_seeds_are_weighed(tmp_path, monkeypatch):
    said = seen(app(worlds.running(tmp_path / "s").folder, monkeypatch, "curves"))
    assert "no interval, 2 seeds" in said
    assert "✓ better" not in said


def test_where_no_strategy_is_finished_it_says_what_it_takes(tmp_path, monkeypatch):
    said = seen(app(worlds.failed(tmp_path / "s").folder, monkeypatch, "curves"))
    assert "There is no verdict yet." in said


def test_the_report_says_the_same_in_words_and_for_machines(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1, 2, 3))
    study = queries.studies(store)[0]
    run = CliRunner()
    text = run.invoke(cli, ["study", "report", study.id, "--store", str(store.folder)]).output
    given = run.invoke(cli, ["study", "report", study.id, "--store", str(store.folder), "--json"]).output
    rows = json.loads(given)["verdicts"]
    assert [row["strategy"] for row in rows] == ["activedpo", "apl", "real"]
    assert "Exploratory" not in text
    for row in rows:
        assert row["sentence"] in text
        assert row["exploratory"] == ""
        assert row["verdict"]["word"] in ("better", "worse", "not shown")
        assert row["verdict"]["low"] < row["verdict"]["difference"]["mean"] < row["verdict"]["high"]
    other = json.loads(
        run.invoke(cli, ["study", "report", study.id, "--metric", "nll", "--store", str(store.folder), "--json"]).output
    )
    assert other["verdicts"] == [], "the declared statistic is accuracy's"


def test_a_report_of_two_seeds_has_nulls_and_no_interval(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1, 2))
    study = queries.studies(store)[0]
    given = CliRunner().invoke(cli, ["study", "report", study.id, "--store", str(store.folder), "--json"]).output
    assert "NaN" not in given
    assert {row["verdict"]["word"] for row in json.loads(given)["verdicts"]} == {"no verdict"}
