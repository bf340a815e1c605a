"""`workbench export`: what it writes, what it says of it, what it refuses, the adapter, and the way to a hub."""

import json

import pytest
from typer.testing import CliRunner

from engine.data.answers import Subset
from engine.data.read import read
from engine.store import queries
from engine.store.labelled import asked_pairs
from engine.tasks.adapter import TakeAdapter
from tests.engine.data.export.hub import MAY_READ, MAY_WRITE, local_hub
from tests.workbench import worlds
from workbench.cli.main import app


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "store"
    return worlds.finished(folder, seeds=(1, 2), strategies=("random", "activedpo"))


def run(store, *words):
    done = CliRunner().invoke(app, ["export", queries.studies(store)[0].id, *map(str, words), "--store", store.folder])
    return done.exit_code, done.output


def test_the_files_are_those_of_the_subset_and_the_ticks_are_said(store, tmp_path):
    out = tmp_path / "out"
    code, said = run(store, "--strategy", "activedpo", "--seed", "1", "--out", out, "--licence", "mit")
    assert (code, "holds  Read again, it is the same subset" in said) == (0, True), said
    subset = Subset(study_id=queries.studies(store)[0].id, strategy="activedpo", seed=1)
    answers = [pair.votes[0].answer for pair in asked_pairs(store, subset)]
    ties = answers.count("tie")
    assert ties
    assert f"{len(answers)} asked, {len(answers) - ties} exported, {ties} ties" in said
    back = read(out / "data/train-00000-of-00001.jsonl").data
    assert set(back.pairs) == {p.pair_id for p in asked_pairs(store, subset) if p.votes[0].answer in ("a", "b")}
    assert "license: mit" in (out / "README.md").read_text(encoding="utf-8")
    assert "## Verdict" in (out / "README.md").read_text(encoding="utf-8")


def test_json_has_counts_and_ticks_and_nothing_else_on_the_way(store, tmp_path):
    words = ("--profile", "audit", "--format", "csv", "--score-at-least", "0.43", "--from-round", "2")
    code, said = run(store, "--strategy", "activedpo", *words, "--out", tmp_path / "audit", "--json")
    found = json.loads(said)
    assert (code, found["excluded"] > 0, found["out"]) == (0, True, str(tmp_path / "audit"))
    assert {tick["tone"] for tick in found["ticks"]} <= {"ok", "warn"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Nothing says where to write."),
        (("--out", "x", "--profile", "trm"), "trm"),
        (("--out", "x", "--format", "xml"), "No container is called 'xml'."),
        (("--out", "x", "--profile", "openai", "--format", "parquet"), "does not go into 'parquet'"),
        (("--out", "x", "--strategy", "apl"), "has no strategy 'apl'"),
        (("--out", "x", "--selection", "l0"), "has no saved selection 'l0'"),
        (("--out", "x", "--adapter", "--strategy", "activedpo"), "An adapter belongs to one run."),
    ],
)
def test_a_mistake_is_a_sentence_and_nothing_is_written(store, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    code, said = run(store, *words)
    assert (code, sentence in " ".join(said.split())) == (2, True), said
    assert not (tmp_path / "x").exists()


def test_it_goes_to_the_hub_with_the_token_of_the_environment_and_never_says_it(store, monkeypatch):
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", MAY_WRITE)
        code, said = run(store, "--strategy", "activedpo", "--push", "me/subset")
        assert (code, "me/subset" in said, MAY_WRITE in said) == (0, True, False), said
        assert {"README.md", "provenance.jsonl"} < set(hub.committed["me/subset"])
        monkeypatch.setenv("HF_TOKEN", MAY_READ)
        code, said = run(store, "--strategy", "activedpo", "--push", "me/subset")
        assert (code, "(403)" in said, MAY_READ in said) == (2, True, False)
        monkeypatch.delenv("HF_TOKEN")
        assert "No token for the hub is there." in run(store, "--strategy", "activedpo", "--push", "me/subset")[1]
    assert MAY_WRITE not in "".join(str(row) for row in queries.tasks(store))


def test_an_export_that_does_not_keep_the_contract_is_not_written(store, tmp_path, monkeypatch):
    from engine.data.export import contract

    bad = contract.Tick("bad", "Counts add up", "They do not.")
    monkeypatch.setattr(contract, "adds_up", lambda made, asked: bad)
    code, said = run(store, "--out", tmp_path / "out")
    assert (code, "nothing was written: Counts add up: They do not." in " ".join(said.split())) == (2, True)
    assert not (tmp_path / "out").exists()


def test_an_adapter_is_written_where_it_stays_and_sent_to_a_repository_of_models(store, tmp_path, monkeypatch):
    out, base = tmp_path / "out", str(tmp_path / "base")

    def write(task, store, folder, say):  # what a model would write, without one
        (folder / "additional").mkdir()
        (folder / "additional" / "template.jinja").write_text("{{ x }}")
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))

    monkeypatch.setattr(TakeAdapter, "write", write)
    words = ("--adapter", "--strategy", "activedpo", "--seed", "1", "--round", "2")
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", MAY_WRITE)
        code, said = run(store, *words, "--out", out, "--push", "me/adapter")
        assert (code, "2 files" in said) == (0, True), said
        assert (hub.kind["me/adapter"], hub.private["me/adapter"]) == ("model", True)
        assert hub.said["me/adapter"].startswith("Adapter of run ")
        sent = hub.committed["me/adapter"]
    assert sent["additional/template.jinja"] == b"{{ x }}"
    assert json.loads(sent["adapter_config.json"]) == {"base_model_name_or_path": "base"}
    assert json.loads((out / "adapter_config.json").read_text()) == {"base_model_name_or_path": base}
