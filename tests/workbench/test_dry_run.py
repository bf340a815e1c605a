"""The page Dry run in every state under AppTest, and its parts on their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine.store import queries, schema, tasks, texts, writer
from engine.store.database import Store, open_store
from engine.strategies.base import STRATEGIES
from engine.tasks import _at_hand
from engine.tasks.base import asked
from engine.tasks.score_pool import ScorePool
from engine.tools import ToolsWorker
from tests.workbench import lab_worlds, worlds
from tests.workbench.test_pages import app, seen
from workbench import cache, laboratory
from workbench.lab_words import as_words, read_words, title_of
from workbench.wording import count

FOUR = ("random", "activedpo", "apl", "real")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No worker is waited for, no pool is held from the test before."""
    monkeypatch.setattr(laboratory, "SOON_S", 0.0)
    _at_hand._HELD.clear()
    cache.workers.clear()  # type: ignore[attr-defined]
    yield
    _at_hand._HELD.clear()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return worlds.finished(tmp_path / "own", seeds=(1,), strategies=FOUR)


def page(store: Store, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    return app(store.folder, monkeypatch, "dry_run", **{"as": "SFT model", **query})


def done(store: Store, test: AppTest) -> AppTest:
    """The page once a tools worker has answered what it asked for."""
    assert ToolsWorker(store).work(until_idle=True) == 1
    return test.run()


def labels(test: AppTest) -> set[str]:
    return {button.label for button in test.button}


def test_without_a_study_or_a_data_set_the_page_names_the_next_step(tmp_path, monkeypatch):
    test = app(open_store(tmp_path / "empty").folder, monkeypatch, "dry_run")
    assert not test.exception
    assert "No study is here yet." in seen(test)


def test_where_a_study_takes_one_pair_a_prompt_the_page_says_so(store, monkeypatch):
    said = "one pair a prompt"
    assert said not in seen(page(store, monkeypatch))
    of = schema.studies
    with store.write(queries.studies(store)[0].id) as connection:
        config = connection.execute(sa.select(of.c.config)).scalar_one()
        connection.execute(of.update().values(config={**config, "one_per_prompt": True}))
    assert said in seen(page(store, monkeypatch))


@pytest.mark.parametrize(
    ("changes", "words", "picks"),
    [
        ({}, str(worlds.BATCH), worlds.BATCH),
        ({"label_share": 0.25}, "25 % of the pool", 24),
        ({"label_share": 0.25, "one_per_prompt": True}, "25 % of prompts", 4),
    ],
)
def test_a_batch_is_what_the_study_itself_would_buy_of_the_pool(store, monkeypatch, changes, words, picks):
    of = schema.studies
    with store.write(queries.studies(store)[0].id) as connection:
        config = connection.execute(sa.select(of.c.config)).scalar_one()
        connection.execute(of.update().values(config={**config, **changes}))
    lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1))
    test = page(store, monkeypatch, **{"with": "real; random"})
    size = next(box for box in test.number_input if box.label == "Pairs in a batch")
    assert (size.value, size.proto.placeholder) == (None, words)
    test = done(store, test)
    assert not test.exception
    assert f"of {picks} picks" in seen(test)
    assert "--pairs" not in "".join(code.value for code in test.code)
    next(box for box in test.number_input if box.label == "Pairs in a batch").set_value(3)
    assert "of 3 picks" in seen(done(store, test.run()))


def test_a_scoring_is_priced_then_asked_for_waits_runs_fails_and_is_tried_again(store, monkeypatch):
    test = page(store, monkeypatch)
    said = seen(test)
    assert "What scoring will take" in said
    assert "This pool is not scored yet with this model." in said
    assert "64 texts" in said.replace("<strong>", "").replace("</strong> <small>", " ")
    assert "Time at the pace of 4 finished runs with this model here." in said
    task = ScorePool.model_validate(lab_worlds.request(store, *FOUR, seed=1))
    assert asked(store, task) is None, "looking at a page scores nothing"
    next(b for b in test.button if b.label == "Score the pool").click().run()
    assert "The scoring waits for the worker." in seen(test)
    assert "Score the pool" not in labels(test)

    me = writer.register_worker(store, "device", "cpu", 1, "here", lease_s=3600)
    claim = tasks.claim_task(store, me, wants="device", lease_s=3600)
    assert claim is not None
    tasks.task_word(store, claim, "round 1, embedding, 16 of 64 responses")
    said = seen(page(store, monkeypatch))
    assert "The scoring is being made." in said
    assert "width:25%" in said
    tasks.end_task(store, claim, "failed", error="The disk is full: <b>x</b>.")
    test = page(store, monkeypatch)
    assert "The scoring could not be made." in seen(test)
    assert "&lt;b&gt;x" in seen(test)
    next(b for b in test.button if b.label == "Try again").click().run()
    assert "The scoring waits for the worker." in seen(test)


def test_a_scored_pool_is_compared_without_being_asked_for(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, *FOUR, seed=1))
    test = page(store, monkeypatch)
    assert "The dry run waits for the tools worker." in seen(test)
    test = done(store, test)
    said = seen(test)
    assert not test.exception
    assert "could not be drawn" not in said
    for words in ("Where picks agree", "Where rankings agree", "How picks differ from the pool", "Redundancy of each"):
        assert words in said
    assert "random gives none" not in said
    assert "Only ActiveDPO" in said
    assert "in the order drawn" not in said, "ActiveDPO and APL stand side by side at first, and both give scores"
    figures = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    assert len(figures) == 3
    assert len(figures[0]["data"][0]["x"]) == 12, "a cell for every two, both ways round"
    assert len(figures[1]["data"][0]["x"]) == 6
    assert len(test.dataframe) == 2, "both share no pair"
    assert not test.markdown
    lowered = said.lower()
    assert not [tag for tag in ("<script", "<img", "<iframe", "<a ", "<svg") if tag in lowered]


def test_the_lists_are_those_of_the_batches(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, *FOUR, seed=1))
    query = {"with": "random; activedpo; real", "one": "2 ActiveDPO", "other": "3 REAL", "k": "20"}
    test = done(store, page(store, monkeypatch, **query))
    answer = next(task.answer for task in tasks.tasks(store, "dry_run") if task.answer)
    picks = {found["name"]: found["picks"] for found in answer["strategies"]}
    one, other = set(picks["activedpo"]), set(picks["real"])
    assert len(one) == len(other) == 20
    said = seen(test)
    assert f"{len(one - other)} pairs, best first" in said
    assert f"{count(len(one & other), 'pair')}, in the order of ActiveDPO" in said
    assert f"{96 - len(one | other)} pairs, nearest to being picked first" in said
    assert test.dataframe[0].value["pick 2"].tolist() == [picks["activedpo"].index(i) + 1
                                                             for i in picks["activedpo"] if i not in other]  # fmt: skip
    pair = picks["activedpo"][3]
    assert f"Pair {pair[:9]}" in seen(page(store, monkeypatch, **query, pair=pair))
    third = seen(page(store, monkeypatch, **query, third="only the second"))
    assert "Only REAL" in third
    assert "Neither" not in third


def test_a_parameter_changes_the_choice_and_the_link(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, *FOUR, seed=1))
    test = done(store, page(store, monkeypatch, **{"with": "activedpo; real"}))
    next(n for n in test.number_input if n.label == "ridge").set_value(2.5).run()
    words = next(t for t in test.text_input if t.key == "with")
    assert words.value == "activedpo ridge=2.5; real"
    test = done(store, test)
    assert "ActiveDPO, ridge 2.5" in seen(test)
    next(b for b in test.button if b.label == "Compare with a copy").click().run()
    assert next(t for t in test.text_input if t.key == "with").value == "activedpo ridge=2.5; activedpo ridge=2.5; real"
    next(b for b in test.button if b.label == "Remove").click().run()
    next(b for b in test.button if b.label == "Remove").click().run()
    assert next(t for t in test.text_input if t.key == "with").value == "real"
    next(s for s in test.selectbox if s.label == "Add a strategy").set_value("apl").run()
    assert next(t for t in test.text_input if t.key == "with").value == "real; apl"
    next(t for t in test.text_input if t.key == "with").set_value("real keep=similar").run()
    assert next(s for s in test.selectbox if s.label == "keep").value == "similar"


def test_another_setting_of_a_signal_has_to_be_scored(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "apl", "real", seed=1))
    test = done(store, page(store, monkeypatch, **{"with": "apl; real"}))
    assert "Where picks agree" in seen(test)
    next(n for n in test.number_input if n.label == "samples").set_value(16).run()
    assert next(t for t in test.text_input if t.key == "signals").value == "prompt_entropy samples=16"
    said = seen(test)
    assert "A strategy needs a signal that is not scored yet." in said
    assert "256</strong> <small>responses" in said, "16 draws for each of 16 prompts"
    next(t for t in test.text_input if t.key == "signals").set_value("").run()
    assert next(n for n in test.number_input if n.label == "samples").value == 8
    assert "Where picks agree" in seen(test)


def test_a_strategy_whose_signal_is_missing_asks_for_that_alone(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1))
    said = seen(page(store, monkeypatch, **{"with": "real; activedpo"}))
    assert "A strategy needs a signal that is not scored yet." in said
    assert "1 signal of 2 lie there already and cost nothing." in said
    assert "✓ scored" in said


def test_what_a_strategy_cannot_do_stands_beside_it(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1), failed="No label was bought yet: <b>x</b>.")
    test = done(store, page(store, monkeypatch, **{"with": "real; random"}))
    said = seen(test)
    assert not test.exception
    assert "picks nothing" in said
    assert "&lt;b&gt;x" in said
    assert "It takes two strategies that pick." in said


def test_margins_that_are_all_equal_are_said(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "apl_certainty", "real", seed=1), zero=True)
    test = done(store, page(store, monkeypatch, **{"with": "apl_certainty; real; random"}))
    assert not test.exception
    assert seen(test).count("All its scores are equal here, so its picks are a seeded draw.") == 2


def test_too_large_a_batch_is_a_sentence_for_each(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1))
    said = seen(done(store, page(store, monkeypatch, k="500", **{"with": "real; random"})))
    assert said.count("500 pairs were asked for, 96 are left in the pool.") == 2


def test_many_strategies_and_their_copies_are_drawn(store, monkeypatch):
    named = ["random", "activedpo", "activedpo ridge=5", "activedpo unit_norm=off", "gradient_norm", "real",
             "real keep=similar", "real per_prompt=true", "apl", "apl keep_share=0.2", "apl_certainty",
             "apl_certainty band=uncertain"]  # fmt: skip
    chosen, wrong = read_words("; ".join(named), STRATEGIES)
    assert wrong == []
    lab_worlds.scored(store, lab_worlds.request(store, *{x.name for x in chosen}, seed=1))
    test = done(store, page(store, monkeypatch, **{"with": as_words(chosen)}))
    assert not test.exception
    assert "could not be drawn" not in seen(test)
    assert len(json.loads(test.get("plotly_chart")[0].proto.spec)["data"][0]["x"]) == 12 * 11


def test_a_run_as_it_stands_before_a_round_and_after_the_last(store, monkeypatch):
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "activedpo")
    for model, number in (("as of this round", 2), ("after the last round", 3)):
        asked_for = lab_worlds.request(store, *FOUR, run_id=run.id, round=number)
        lab_worlds.scored(store, asked_for)
        said = seen(done(store, page(store, monkeypatch, **{"as": model, "strategy": "ActiveDPO"})))
        assert f"ActiveDPO, seed 1, before the picks of round {number}" in said
        assert "Redundancy of each batch" in said


def test_a_data_set_without_a_study_asks_for_a_model(tmp_path, monkeypatch):
    store = open_store(tmp_path / "data")
    texts.add_dataset(store, name="mine", path="mine.jsonl", format_name="made", sha256="11",
                      data=worlds.preference_data(), rows=16, refused={})  # fmt: skip
    said = seen(app(store.folder, monkeypatch, "dry_run"))
    assert "No model is named." in said
    said = seen(app(store.folder, monkeypatch, "dry_run", model="some/model", prompts="4"))
    assert "This pool is not scored yet with this model." in said
    assert "16 texts" in said.replace("<strong>", "").replace("</strong> <small>", " ")
    wrong = seen(app(store.folder, monkeypatch, "dry_run", model="some/model", prompts="<b>"))
    assert "Prompts is a whole number above 0" in wrong


def test_a_link_that_cannot_be_read_says_so_and_the_rest_is_shown(store, monkeypatch):
    lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1))
    text = "real; nothing; activedpo ridge=-1; real keep; 'x"
    test = done(store, page(store, monkeypatch, **{"with": text}))
    said = seen(test)
    assert not test.exception
    assert "Not everything in the link can be read." in said
    for words in ("nothing", "ridge=-1", "has no &#x27;=&#x27;"):
        assert words in said


def test_scores_that_left_the_cache_are_made_again(store, monkeypatch):
    task = lab_worlds.scored(store, lab_worlds.request(store, "real", seed=1))
    test = done(store, page(store, monkeypatch, **{"with": "real; random"}))
    answer = tasks.tasks(store, "dry_run")[0].answer
    (store.folder / "cache" / f"{answer['scores']}.npy").unlink()
    test = page(store, monkeypatch, **{"with": "real; random"})
    assert "The dry run waits for the tools worker." in seen(test)
    (store.folder / "cache" / f"{task.pool_key()}.npy").unlink()
    assert "Score the pool" in labels(page(store, monkeypatch, **{"with": "real; random"}))


def test_words_are_read_as_they_were_written():
    text = "activedpo ridge=0.5 unit_norm=off; real keep=similar per_prompt=true; random"
    chosen, wrong = read_words(text, STRATEGIES)
    assert wrong == []
    assert as_words(chosen) == text
    assert read_words(as_words(chosen), STRATEGIES)[0] == chosen
    assert [title_of(x) for x in chosen] == [
        "ActiveDPO, ridge 0.5, unit norm off", "REAL, keep similar, per prompt yes", "random"]  # fmt: skip
