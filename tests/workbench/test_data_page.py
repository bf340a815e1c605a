"""Data: browse with search, a prompt with all that is known, and the import in every state."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store import browse, queries
from engine.store.database import Store, open_store
from engine.store.summaries import DatasetSummary, PromptResponses, ResponseText
from engine.tasks.import_data import ImportData
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.components.data_browser import dataset_names, recorded_words
from workbench.components.prompt_card import OPEN, PAIRS, answer_words, pairs_card, prompt_card

MODEL = Path(__file__).resolve().parents[2] / "sample_data" / "model"
GOOD = {"prompt": "How do I wash wool?", "chosen": "By hand, cold.", "rejected": "<img src=x> hot"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Store:
    return worlds.finished(tmp_path_factory.mktemp("data") / "finished", seeds=(1,))


def data(store: Store, monkeypatch, **query: str) -> AppTest:
    test = app(store.folder, monkeypatch, "data", **query)
    assert not test.exception
    assert "could not be drawn" not in seen(test)
    return test


def file(folder: Path, *rows: str, name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


# ---- browse --------------------------------------------------------------------------------------------------------
def test_an_empty_store_says_what_comes_next(tmp_path, monkeypatch):
    assert "No data set is here yet." in seen(data(open_store(tmp_path / "s"), monkeypatch))


def test_a_study_that_runs_or_failed_can_be_browsed(tmp_path, monkeypatch):
    assert "recorded comparisons" in seen(data(worlds.running(tmp_path / "r"), monkeypatch))
    assert "recorded comparisons" in seen(data(worlds.failed(tmp_path / "f"), monkeypatch))


def test_the_pool_has_its_counts_and_its_prompts_in_order(finished, monkeypatch):
    test = data(finished, monkeypatch)
    said = seen(test)
    assert "<label>prompts</label><strong>16</strong>" in said
    assert "<label>pairs</label><strong>96</strong>" in said
    assert "<label>recorded comparisons</label><strong>96</strong>" in said
    assert test.dataframe[0].value["#"].tolist() == list(range(1, 17))
    assert "1 to 16 of 16" in said


def test_a_search_in_the_link_finds_prompts_and_responses(finished, monkeypatch):
    test = data(finished, monkeypatch, q="half an hour")
    dataset_id = queries.datasets(finished)[0].id
    assert len(test.dataframe[0].value) == browse.search(finished, dataset_id, "half an hour").total == 16
    nothing = data(finished, monkeypatch, q="<b>no such</b>")
    assert "No prompt and no response holds that text." in seen(nothing)
    assert not nothing.dataframe


def test_a_prompt_in_the_link_is_read_with_responses_answers_and_labels(finished, monkeypatch):
    study = queries.studies(finished)[0]
    dataset_id = queries.datasets(finished)[0].id
    run = queries.study(finished, study.id).runs[1]
    picked = queries.batch(finished, run.id, 1)[0]
    pair = browse.pair_texts(finished, [picked.pair_id])[0]
    said = seen(data(finished, monkeypatch, prompt=pair.prompt_id))
    found = browse.prompt(finished, dataset_id, pair.prompt_id, study.id)
    assert found is not None
    assert f"{len(found.responses)} responses" in said
    assert "seed 1, round 1" in said
    assert " is better" in said
    assert "This data set has no such prompt." in seen(data(finished, monkeypatch, prompt="gone"))


def test_hostile_texts_are_text(finished, monkeypatch):
    dataset_id = queries.datasets(finished)[0].id
    for prompt in browse.search(finished, dataset_id).prompts:
        test = data(finished, monkeypatch, prompt=prompt.id)
        assert not [tag for tag in ("<script", "<img", "<iframe", "<a ", "<svg") if tag in seen(test).lower()]
        assert not test.markdown


def test_many_prompts_come_in_pages(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    rows = [json.dumps({**GOOD, "prompt": f"How do I wash number {n:03}?"}) for n in range(120)]
    ImportData(path=str(file(tmp_path, *rows))).do(store, lambda _: None)
    test = data(store, monkeypatch, prompts_page="3")
    assert "101 to 120 of 120" in seen(test)
    assert len(test.dataframe[0].value) == 20
    far = data(store, monkeypatch, prompts_page="3", q="number 001?")
    assert "1 to 1 of 1" in seen(far)
    fewer = data(store, monkeypatch, prompts_page="3", q="number 0")
    assert "of 100" in seen(fewer), "a page that is no longer there gives way"
    test.text_input(key="q").set_value("number 0").run()
    assert not test.exception
    assert "of 100" in seen(test)


# ---- its parts -----------------------------------------------------------------------------------------------------
def dataset(dataset_id: str, name: str) -> DatasetSummary:
    return DatasetSummary(dataset_id, name, name, "trl_explicit", "", 1, {}, 1, 2, 1, None)  # type: ignore[arg-type]


def test_data_sets_of_the_study_come_first_and_names_stay_apart():
    found = dataset_names(
        [dataset("d1aaaaaa", "a.jsonl"), dataset("d2bbbbbb", "pool.jsonl"), dataset("d3cccccc", "a.jsonl"),
         dataset("d4", "held.jsonl")],
        {"held_out:pool_like": "d4", "pool": "d2bbbbbb"},
    )  # fmt: skip
    assert list(found) == ["pool · pool.jsonl", "held-out set pool like · held.jsonl", "a.jsonl", "a.jsonl (3ccccc)"]


def test_recorded_answers_in_words():
    assert recorded_words({}) == "none in the file"
    assert recorded_words({"a": 3, "b": 2}) == "each for one side"
    assert recorded_words({"a": 3, "tie": 1200}) == "1,200 × tie"


def test_an_answer_is_said_in_the_numbers_of_the_responses():
    place = {"r1": 1, "r2": 4}
    assert answer_words("a", ("r2", "r1"), place) == "4 is better"
    assert answer_words("b", ("r2", "r1"), place) == "1 is better"
    assert answer_words("both_bad", ("r2", "r1"), place) == "both bad"


def test_a_huge_prompt_is_folded_and_its_pairs_are_bounded():
    responses = tuple(ResponseText(f"r{n:03}", f"<b>{n}</b>", "m", 0.5, None) for n in range(40))
    pairs = {f"x{a}-{b}": (f"r{a:03}", f"r{b:03}") for a in range(40) for b in range(a)}
    found = PromptResponses("p", (("user", "Q"),), "", responses, pairs, (("x39-0", "a", "<i>me</i>"),), ())
    card = prompt_card(found)
    assert f"show the other {40 - OPEN}" in card
    assert "<b>0</b>" not in card
    table = pairs_card(found, [], {}, "")
    assert table.count("<tr>") == PAIRS + 1
    assert table.index("&lt;i&gt;me") < table.index("–"), "the pair with an answer comes first"
    assert "780 pairs" in table


def test_a_prompt_without_pairs_says_when_they_come():
    found = PromptResponses("p", (("user", "Q"),), "", (), {}, (), ())
    assert "the sampler makes them" in pairs_card(found, [], {}, "").lower()
