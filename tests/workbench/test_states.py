"""Every component in every state that it has: empty, queued, running, failed, finished, as the table `states` says.

A component that is in no row of it and under no reason fails the first test.
"""

import json

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.database import Store
from tests.workbench.batch_states import BATCH
from tests.workbench.label_states import LABEL
from tests.workbench.lead_states import LEAD
from tests.workbench.state_stores import filled, state_stores
from tests.workbench.states import EMPTY_OVER, NO_STATE, ON_ITS_OWN
from tests.workbench.states import WHERE as ELSEWHERE
from tests.workbench.test_pages import ROOT, app, seen
from workbench import cache

WHERE = {**ELSEWHERE, **BATCH, **LABEL, **LEAD}


def test_every_component_is_in_the_table():
    there = {path.stem for path in (ROOT / "workbench" / "components").glob("*.py")} - {"__init__"}
    listed = [*WHERE, *ON_ITS_OWN, *NO_STATE]
    assert sorted(there) == sorted(listed), "a new component takes its rows here, in all the states that it has"
    assert not [name for name, rows in WHERE.items() if "finished" not in rows or len(rows) < 2]
    assert not [test for test in ON_ITS_OWN.values() if test not in globals()]


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, Store]:
    return state_stores(tmp_path_factory.mktemp("states"))


def said(test: AppTest) -> str:
    """What `seen` gives, and what stands in tables, as tables hold it."""
    cells = [str(table.value.to_dict("list")) for table in test.dataframe]
    return "\n".join([seen(test), *cells])


@pytest.mark.parametrize(("component", "state"), [(c, state) for c, rows in WHERE.items() for state in rows])
def test_a_component_says_what_its_state_asks_for(stores, monkeypatch, component, state):
    row = WHERE[component][state]
    store = stores[EMPTY_OVER.get(component, state) if state == "empty" else state]
    cache.workers.clear()  # type: ignore[attr-defined]  # it is asked every two seconds only
    test = app(store.folder, monkeypatch, row.page, **filled(row.query, store))
    if row.press:
        next(b for b in test.button if b.label == row.press).click().run()
    assert not test.exception
    forward = [one for kind in ("button", "download_button") for one in test.get(kind) if one.proto.type == "primary"]
    assert row.press or len(forward) < 2, "one step goes forward; a form that was opened lies over its page"
    words = said(test)
    assert "could not be drawn" not in words
    assert not [word for word in row.words if word not in words]
    assert not [word for word in row.without if word in words]


# ---- on their own --------------------------------------------------------------------------------------------------
def test_the_notebook_button_gives_a_notebook_when_there_is_a_study(stores, monkeypatch):
    for state, there in (("empty", False), ("queued", True), ("finished", True)):
        test = app(stores[state].folder, monkeypatch, "curves")
        assert not test.exception
        assert ("Open as notebook" in [one.proto.label for one in test.get("download_button")]) == there, state


def test_news_is_a_button_while_there_is_any():
    def draw(now: int) -> None:
        from workbench.components.news import news

        news(3, lambda: now)

    for now, labels in ((3, []), (4, ["1 new round: show"]), (5, ["2 new rounds: show"])):
        test = AppTest.from_function(draw, args=(now,)).run()
        assert not test.exception
        assert [button.label for button in test.button] == labels


def test_a_cost_card_without_a_cost_says_why_and_with_one_what_it_takes():
    def draw(known: bool, paced: bool) -> None:
        from engine.cost import Pace, Sizes, estimate
        from tests.workbench.worlds import config
        from workbench.components.cost_card import cost_card

        study = config("x", (1,), 2, ("random", "activedpo"))
        size = Sizes(16, 64, 96)
        cost = estimate(study, size, [size], 0) if known else None
        cost_card(cost, Pace(0.1, 0.2, 0.3, 4) if paced else None, {"activedpo": "<b>A</b>"}, "<b>why</b>")

    empty = seen(AppTest.from_function(draw, args=(False, False)).run())
    assert "&lt;b&gt;why&lt;/b&gt;" in empty
    assert "forwards" not in empty
    unpaced = seen(AppTest.from_function(draw, args=(True, False)).run())
    assert "not known yet" in unpaced
    assert "&lt;b&gt;A&lt;/b&gt;" in unpaced
    paced = seen(AppTest.from_function(draw, args=(True, True)).run())
    assert "not known yet" not in paced
    assert "Time at the pace of 4 finished runs" in paced


def test_a_task_table_shows_what_waits_runs_failed_and_is_done():
    def draw(states: list[str]) -> None:
        from datetime import UTC, datetime

        from engine.store.summaries import TaskSummary
        from workbench.components.task_table import task_table

        when = datetime(2026, 1, 1, tzinfo=UTC)
        words = {"running": "7 rows"}
        errors = {"failed": "It broke."}
        found = [
            TaskSummary(
                n, "import_data", state, words.get(state, ""), None, errors.get(state, ""), when, {"path": "<b>x</b>"}
            )
            for n, state in enumerate(states)
        ]
        task_table(found, {"import_data": "an import"}, lambda task_id: None)

    test = AppTest.from_function(draw, args=(["queued", "running", "failed", "done"],)).run()
    assert not test.exception
    assert [button.label for button in test.button] == ["Stop", "Stop"]
    assert "waits for the tools worker" in seen(test)
    assert "7 rows" in seen(test)
    assert test.dataframe[0].value["why it failed"].tolist() == ["", "", "It broke.", ""]
    assert test.expander[0].label == "Asked of the tools worker: 4 tasks, 2 under way"
    done = AppTest.from_function(draw, args=(["done"],)).run()
    assert not done.button
    assert done.expander[0].label == "Asked of the tools worker: 1 task"


def test_two_tasks_that_failed_or_were_not_asked_for_stand_on_one_page():
    def draw(state: str) -> None:
        from datetime import UTC, datetime

        from engine.store.summaries import TaskSummary
        from workbench.components.task_card import task_card

        for n, what in enumerate(("The proof", "The search"), start=1):
            when = datetime(2026, 1, 1, tzinfo=UTC)
            task = TaskSummary(n, "prove_data", "failed", "", None, "It broke.", when, {}) if state else None
            task_card(task, what=what, before=("Not yet.", "Why."), button="Do it", alive=True, on_ask=lambda: None,
                      on_stop=lambda _: None, primary=n == 1)  # fmt: skip

    failed = AppTest.from_function(draw, args=("failed",)).run()
    assert not failed.exception
    assert [button.label for button in failed.button] == ["Try again", "Try again"]
    asked = AppTest.from_function(draw, args=("",)).run()
    assert not asked.exception
    assert [button.proto.type for button in asked.button] == ["primary", "secondary"]


def test_a_token_view_shows_tokens_or_why_it_cannot():
    from workbench.components.token_view import token_strip

    assert "It does not fit." in token_strip({"fits": False, "why": "<b>too long</b>"})
    assert "&lt;b&gt;" in token_strip({"fits": False, "why": "<b>too long</b>"})
    tokens = [["<img>", "prompt"], [" yes", "response"]]
    answer = {"fits": True, "prompt": 1, "response": 1, "context_tokens": 64, "tokenizer": "t", "tokens": tokens}
    shown = token_strip(json.loads(json.dumps(answer)))
    assert "&lt;img&gt;" in shown
    assert "1 token of the prompt, 1 of the response · 2 of 64" in shown
