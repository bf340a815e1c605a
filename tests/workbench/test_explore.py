"""Explore in every state: no study, nothing picked, under way, failed, warm-up, finished."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.records import Event, Pick, Picked, Scored
from engine.store import projected, queries, writer
from engine.store.database import Store, open_store
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from tests.workbench.worlds import scores_in
from workbench import browsing


def scored_events(events, strategy: str) -> list[Event]:
    """The world's events with scores: from round 2 on, the picks of a scoring strategy have the highest but one."""
    found: list[Event] = []
    pooled: tuple[str, ...] = ()
    for event in events:
        pooled = getattr(event, "pair_ids", pooled)
        if isinstance(event, Scored) and event.round > 1 and strategy != "random":
            rng = np.random.default_rng(sum(map(ord, strategy)) + event.round)
            event = replace(event, scores=rng.normal(0, 0.1, len(pooled)))
        if isinstance(event, Picked) and not event.warm_up and strategy != "random":
            scores = next(e.scores for e in reversed(found) if isinstance(e, Scored))
            top = np.argsort(-scores)[: worlds.BATCH + 1]
            rows = [*top[: worlds.BATCH - 1], top[worlds.BATCH]] if strategy == "activedpo" else top[: worlds.BATCH]
            gain = 0.1 if strategy == "activedpo" else None
            picks = [Pick(pooled[row], n, score=float(scores[row]), gain=gain) for n, row in enumerate(rows, start=1)]
            event = replace(event, picks=tuple(picks))
        if hasattr(event, "labels"):
            picked = next(e for e in reversed(found) if isinstance(e, Picked)).picks
            event = replace(
                event,
                labels=tuple(replace(label, pair_id=p.pair_id) for label, p in zip(event.labels, picked, strict=True)),
            )
        found.append(event)
    return found


def scored_world(folder: Path, stop_after: int | None = None) -> Store:
    """One seed, four strategies, two rounds; with `stop_after` the last run stands there."""
    store = open_store(folder)
    _, data = worlds.add_study(store, "Scored", seeds=(1,))
    me = worlds.worker(store)
    for n in range(4):
        claim = writer.claim_run(store, me, lease_s=3600)
        assert claim is not None
        name = claim.config.strategy.name
        for event in scored_events(worlds.events(data, name, 1, 2), name)[: stop_after if n == 3 else None]:
            writer.save_event(store, claim, event)
        if n < 3 or stop_after is None:
            writer.set_state(store, claim.run_id, "done")
    return store


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Store:
    return scored_world(tmp_path_factory.mktemp("explore") / "scored")


# ---- the page ------------------------------------------------------------------------------------------------------
def explore(store: Store, monkeypatch, **query: str) -> AppTest:
    test = app(store.folder, monkeypatch, "explore", **query)
    assert not test.exception
    assert "could not be drawn" not in seen(test)
    return test


def test_an_empty_store_says_what_comes_next(tmp_path, monkeypatch):
    assert "No study is here yet." in seen(explore(open_store(tmp_path / "s"), monkeypatch))


def test_a_run_without_a_pick_says_when_scores_come(tmp_path, monkeypatch):
    store = scored_world(tmp_path / "s", stop_after=1)
    assert "REAL, seed 1 has picked nothing yet." in seen(explore(store, monkeypatch, strategy="REAL"))


def test_a_failed_run_is_no_failure_of_the_page(tmp_path, monkeypatch):
    store = worlds.failed(tmp_path / "s")
    said = seen(explore(store, monkeypatch, strategy="ActiveDPO"))
    assert "Round 1 has no scores." in said
    assert "Picked by ActiveDPO" in said


def test_while_a_run_goes_on_its_finished_rounds_are_shown(tmp_path, monkeypatch):
    store = scored_world(tmp_path / "s", stop_after=10)
    said = seen(explore(store, monkeypatch, strategy="REAL"))
    assert "Scores of round 2, REAL" in said
    assert "4 runs compared" in said


def test_a_finished_round_has_its_charts_counts_and_table(scored, monkeypatch):
    test = explore(scored, monkeypatch)
    said = seen(test)
    assert "Scores of round 2, ActiveDPO" in said
    assert "96 of 96 candidate pairs have a score" in said
    assert "1 pick left of the line" in said
    assert "already answered" in said
    assert "picked by ActiveDPO 6" in said
    drawn = [chart.key for chart in test.get("plotly_chart")]
    assert [key.split("-")[0] for key in drawn[:4]] == ["scores", "rounds", "agree", "against"]
    assert len(test.dataframe[0].value) == worlds.BATCH
    assert "Scores are each strategy&#x27;s own" in said


def test_the_answered_are_those_labelled_by_runs_of_the_seed(scored, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", str(scored.folder))
    study = queries.studies(scored)[0]
    runs = queries.study(scored, study.id).runs
    assert browsing.answered(study.id, 1, 2) == {p.pair_id for r in runs for p in queries.batch(scored, r.id, 1)}


def test_a_warm_up_round_and_random_say_that_they_have_no_scores(scored, monkeypatch):
    said = seen(explore(scored, monkeypatch, round="1"))
    assert "Round 1 has no scores." in said
    assert "shared picks of 6" in said
    random = seen(explore(scored, monkeypatch, strategy="random"))
    assert "random has no scores: its picks are a draw." in random


def test_others_can_stand_beside_it_and_the_ecdf_too(scored, monkeypatch):
    test = explore(scored, monkeypatch, strategy="random", chart="ECDF")
    test.pills(key="also").set_value(["APL"]).run()
    assert "Scores of round 2, APL" in seen(test)
    assert not test.exception


def test_a_range_in_the_link_leads_to_its_pairs_and_a_pair_can_be_read(scored, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", str(scored.folder))
    study = queries.studies(scored)[0]
    found = browsing.round_of_seed(study.id, 1, 2)["apl"]
    scores = scores_in(found)
    pair_id = scores.idxmax()
    test = explore(scored, monkeypatch, brush="apl 0 to 9", pair=pair_id)
    said = seen(test)
    assert f"{(scores >= 0).sum()} pairs" in said
    assert test.dataframe[0].value["pair"].iloc[0] == pair_id
    assert f"Pair {pair_id[:9]}" in said
    assert "pick 1" in said


def test_shared_picks_and_ranks_lead_to_pairs(scored, monkeypatch):
    assert "Picked by APL and REAL" in seen(explore(scored, monkeypatch, brush="apl & real"))
    test = explore(scored, monkeypatch, brush="apl ~ real", agreement="ranks")
    assert "96 pairs scored by both" in seen(test)
    assert "Spearman, 96 pairs or more" in seen(test)


def test_words_that_fit_nothing_are_said_and_fall_back_to_the_picks(scored, monkeypatch):
    said = seen(explore(scored, monkeypatch, brush="<b>gone</b> 1 to 2"))
    assert "This round has no such pairs." in said
    assert "Picked by ActiveDPO" in said
    assert "<b>gone</b>" not in said
    assert "No pair lies there." in seen(explore(scored, monkeypatch, brush="apl 88 to 99"))


def test_hostile_texts_are_read_as_text(scored, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", str(scored.folder))
    data = worlds.preference_data()
    pairs = [p for p in data.pairs.values() if any("<script" in data.responses[i].text for i in (p.a, p.b))]
    for pair in pairs[:2]:
        test = explore(scored, monkeypatch, pair=pair.id)
        assert not [tag for tag in ("<script", "<img", "<iframe", "<a ") if tag in seen(test).lower()]
        assert not test.markdown


def test_a_change_of_strategy_keeps_what_stands_beside_it_where_it_can(scored, monkeypatch):
    test = explore(scored, monkeypatch, strategy="APL", also="ActiveDPO", against="ActiveDPO")
    assert "Scores of round 2, APL and ActiveDPO" in seen(test)
    test.selectbox(key="strategy").set_value("ActiveDPO").run()
    assert not test.exception
    said = seen(test)
    assert "could not be drawn" not in said
    assert "Scores of round 2, ActiveDPO" in said


def test_a_range_is_kept_as_a_selection_that_leads_to_the_map(scored, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", str(scored.folder))
    study = queries.studies(scored)[0]
    scores = scores_in(browsing.round_of_seed(study.id, 1, 2)["apl"])
    test = explore(scored, monkeypatch, brush="apl 0 to 9")
    next(b for b in test.button if b.label == "Keep this selection").click().run()
    assert not test.exception
    words = test.text_input(key="brush").value
    assert words.startswith("selection l")
    kept = projected.selection(scored, study.id, words.removeprefix("selection "))
    assert set(kept) == set(scores.index[scores >= 0])
    assert "Kept pairs" in seen(test)
    assert any(link.proto.label == "See them on the page Map" for link in test.get("page_link"))
