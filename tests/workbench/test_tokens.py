"""Tokens on Data and the list of tasks on Studies, in every state; what was asked for can be stopped."""

import pytest
from streamlit.testing.v1 import AppTest

from engine.store import inbox, queries, tasks, writer
from engine.store.database import Store, open_store
from engine.tasks.base import ask, asked
from engine.tasks.import_data import ImportData
from engine.tasks.preview import Preview
from engine.tasks.token_counts import TokenCounts
from engine.tools import ToolsWorker
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.components.token_view import OPEN, length_facts, token_strip

ANSWER = {"prompt": 2, "response": 3, "fits": True, "tokenizer": "m <b>", "context_tokens": 64}


@pytest.fixture
def store(tmp_path) -> Store:
    return worlds.finished(tmp_path / "store", seeds=(1,))


def page(store: Store, monkeypatch, name: str, **query: str) -> AppTest:
    test = app(store.folder, monkeypatch, name, **query)
    assert not test.exception
    assert "could not be drawn" not in seen(test)
    return test


def press(test: AppTest, label: str) -> AppTest:
    return next(b for b in test.button if b.label == label).click().run()


def claimed(store: Store) -> tasks.TaskClaim:
    claim = tasks.claim_task(store, writer.register_worker(store, "tools", "cpu", 1, "here"))
    assert claim is not None
    return claim


# ---- what is drawn -------------------------------------------------------------------------------------------------
def test_every_token_is_there_as_text_and_the_response_stands_out():
    tokens = [
        ["<|user|>", "prompt"],
        [" hi", "prompt"],
        ["<script>", "response"],
        ["a\n", "response"],
        ["\x00", "response"],
    ]
    markup = token_strip({**ANSWER, "tokens": tokens})
    assert "<script>" not in markup
    assert markup.count("<bdi>") == 2
    assert markup.count('<bdi class="read">') == 3
    for shown in ("&lt;script&gt;", "·hi", "a↵", "\\x00", "5 of 64", "m &lt;b&gt;"):
        assert shown in markup


def test_long_texts_fold_and_none_of_their_tokens_is_lost():
    markup = token_strip({**ANSWER, "tokens": [["x", "response"]] * (OPEN + 7)})
    assert "show the other 7" in markup
    assert markup.count("<bdi") == OPEN + 7


def test_what_does_not_fit_says_why():
    markup = token_strip({"fits": False, "why": "It has 9 tokens & more.", "tokens": [], "prompt": 0, "response": 0})
    assert "It has 9 tokens &amp; more." in markup


def test_lengths_name_their_unit_and_what_does_not_fit():
    answer = {"n": 1200, "mean": 40.25, "max": 90, "over_length": 3, "context_tokens": 64, "tokenizer": "m",
              "quantiles": {"0.05": 10.0, "0.25": 20.0, "0.5": 38.0, "0.75": 60.0, "0.95": 80.0}}  # fmt: skip
    markup = length_facts(answer)
    for shown in ("1,200", "40.2", "90 % in 10 to 80", "<strong>3</strong>", "in 64 tokens"):
        assert shown in markup


# ---- the page in every state ---------------------------------------------------------------------------------------
def test_a_response_is_asked_for_waits_runs_fails_and_can_be_tried_again(store, monkeypatch):
    test = page(store, monkeypatch, "data")
    assert "As the model reads it" in seen(test)
    pills = next(g for g in test.button_group if g.key and g.key.startswith("tokens-"))
    pills.set_value("1").run()
    said = seen(test)
    assert "The token view waits for the tools worker." in said
    assert "No tools worker is here." in said
    claim = claimed(store)
    assert claim.kind == "preview"
    tasks.task_word(store, claim, "loading the tokenizer")
    test.run()
    assert "loading the tokenizer" in seen(test)
    tasks.end_task(store, claim, "failed", error="There is no model folder <b>here</b>.")
    test.run()
    said = seen(test)
    assert "The token view could not be made." in said
    assert "<b>here</b>" not in said
    press(test, "Try again")
    again = claimed(store)
    answer = {**ANSWER, "tokens": [["Q", "prompt"], ["A", "response"]]}
    tasks.end_task(store, again, "done", answer=answer)
    test.run()
    assert '<bdi class="read">A</bdi>' in seen(test)


def test_the_pools_lengths_are_counted_when_asked_and_can_be_stopped(store, monkeypatch):
    test = page(store, monkeypatch, "data")
    assert "Nobody has counted yet." in seen(test)
    press(test, "Count tokens")
    assert "The count waits for the tools worker." in seen(test)
    press(test, "Stop")
    assert "Nobody has counted yet." in seen(test)
    assert [task.state for task in queries.tasks(store)] == ["cancelled"]
    press(test, "Count tokens")
    assert [task.state for task in queries.tasks(store)] == ["queued", "cancelled"]


def test_without_a_study_there_is_no_tokenizer_and_nothing_is_offered(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    path = tmp_path / "mine.jsonl"
    path.write_text('{"prompt": "p", "chosen": "c", "rejected": "r"}\n')
    ask(store, ImportData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    said = seen(page(store, monkeypatch, "data"))
    assert "As the model reads it" not in said
    assert "Nobody has counted" not in said


# ---- the list of tasks ---------------------------------------------------------------------------------------------
def test_studies_lists_what_was_asked_with_state_and_reason(store, monkeypatch):
    assert not [e for e in page(store, monkeypatch, "studies").expander if e.label.startswith("Asked")]
    study_id = queries.studies(store)[0].id
    ask(store, TokenCounts(study_id=study_id))
    tasks.end_task(store, claimed(store), "failed", error="No room.")
    ask(store, Preview(study_id=study_id, response_id="r1"))
    test = page(store, monkeypatch, "studies")
    (asked_of,) = [e.label for e in test.expander if e.label.startswith("Asked")]
    assert asked_of == "Asked of the tools worker: 2 tasks, 1 under way"
    frame = next(d.value for d in test.dataframe if "why it failed" in d.value)
    assert frame["what"].tolist() == ["token view", "token counts"]
    assert frame["state"].tolist() == ["waits its turn", "failed"]
    assert frame["why it failed"].tolist() == ["", "No room."]
    press(test, "Stop")
    assert [task.state for task in queries.tasks(store)] == ["cancelled", "failed"]


def test_a_worker_stops_at_what_nobody_wants_any_more(store):
    task = TokenCounts(study_id=queries.studies(store)[0].id)
    number = ask(store, task)
    claim = claimed(store)
    assert inbox.stop_task(store, number)
    assert not tasks.task_word(store, claim, "still at it")
    assert not tasks.end_task(store, claim, "done", answer={"n": 1})
    assert not inbox.stop_task(store, number)
    found = asked(store, task)
    assert found is not None
    assert (found.state, found.answer) == ("cancelled", None)
