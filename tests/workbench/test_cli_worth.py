"""`workbench label quality|trace|relabel`: figures, every answer into a file, and labels back to the queue."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.store import queries
from engine.store.database import Store
from engine.store.relabel import out_again
from engine.store.traced import trace
from tests.workbench import lead_worlds
from workbench.cli.main import app

CALLED = "Answered by people"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, str]:
    return lead_worlds.answered(tmp_path_factory.mktemp("cli") / "store")


def told(store: Store, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["label", *words, "--store", str(store.folder)])
    assert done.exit_code == code, done.output
    return done.output


def test_quality_says_what_the_labels_are_worth(made):
    store, _, _ = made
    found = json.loads(told(store, "quality", CALLED, "--json"))
    assert found["labellers"] == 3
    assert found["answers"] == len(trace(store, made[1]))
    assert found["alpha"]["all pairs"]["pairs"] == 40
    assert len(found["suspects"]) == 20
    assert {one["name"] for one in found["by_labeller"]} == {"labeller 1", "labeller 2", "labeller 3"}
    assert all(one["low"] < one["skill"] < one["high"] for one in found["by_labeller"])
    assert sum(part["n"] for part in found["seconds_by_length"]) == found["answers"]
    assert found["cost_left"] is None, "nobody said what an hour costs"
    words = told(store, "quality", CALLED, "--pay", "30")
    for part in ("took the side shown first: ", "labeller 3", "skill", "answers an hour of work: ",
                 "left to the budget: 0 of 96, about 0 s of work, cost 0.00"):  # fmt: skip
        assert part in words, part
    assert "Ole" not in words and "Ole" in told(store, "quality", CALLED, "--names")


def test_quality_of_the_file_s_answers_is_told_as_well(tmp_path: Path):
    store = lead_worlds.recorded(tmp_path / "store")
    name = queries.studies(store)[0].name
    found = json.loads(told(store, "quality", name, "--source", "file", "--json"))
    assert (found["answers"], found["answers_left"]) == (288, None)
    words = told(store, "quality", name)
    for part in ("noise minus that of random pairs", "ActiveDPO", "drawn at random"):
        assert part in words, part


def test_trace_writes_every_answer_by_number_or_by_name_and_nothing_over_anything(made, tmp_path: Path):
    store, study_id, _ = made
    out = tmp_path / "answers.jsonl"
    told(store, "trace", CALLED, "--out", str(out))
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == len(trace(store, study_id))
    assert {row["labeller"] for row in rows} == {"labeller 1", "labeller 2", "labeller 3"}
    assert "Ole" not in out.read_text()
    assert "is there already" in told(store, "trace", CALLED, "--out", str(out), code=2)
    named = tmp_path / "named.csv"
    told(store, "trace", CALLED, "--out", str(named), "--names")
    assert "Ole" in named.read_text()
    assert "neither" in told(store, "trace", CALLED, "--out", str(tmp_path / "answers.xlsx"), code=2)


def test_relabel_takes_pairs_or_the_first_suspects(made):
    store, study_id, _ = made
    assert "No pair is named" in told(store, "relabel", CALLED, code=2)
    sent = json.loads(told(store, "relabel", CALLED, "--first", "3", "--answers", "1", "--json"))
    assert (sent["pairs"], sent["answers"]) == (3, 3)
    assert set(out_again(store, study_id)) == set(sent["ids"])
    words = told(store, "relabel", CALLED, "--pair", sent["ids"][0])
    assert words.startswith("0 pairs are back in the queue")
