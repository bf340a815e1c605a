"""The page Map in every state under AppTest."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store import inbox, queries, tasks, writer
from engine.store.database import Store, open_store
from engine.store.projected import read_points, selection
from engine.store.summaries import StrategyRef
from engine.tasks.base import ask, asked
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench import cache, mapping
from workbench.components.map_controls import COLOURS, POINTS

A, B = StrategyRef("activedpo", "ActiveDPO", 1), StrategyRef("apl", "APL", 2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study whose map is made."""
    store = worlds.finished(tmp_path_factory.mktemp("map") / "finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        ask(store, projection(store))
        ToolsWorker(store).work(until_idle=True)
    return store.folder


def projection(store: Store) -> Projection:
    return Projection(study_id=queries.studies(store)[0].id)


def claimed(store: Store) -> tasks.TaskClaim:
    worker = writer.register_worker(store, "tools", "cpu", 1, "here")
    claim = tasks.claim_task(store, worker, lease_s=3600)
    assert claim is not None
    return claim


def labels(test: AppTest) -> set[str]:
    return {button.label for button in test.button}


def test_without_a_study_the_page_names_the_next_step(tmp_path, monkeypatch):
    test = app(open_store(tmp_path / "empty").folder, monkeypatch, "map")
    assert not test.exception
    assert "No study is here yet." in seen(test)


@pytest.mark.parametrize("world", ["running", "failed"])
def test_the_pool_of_a_study_that_is_not_done_can_be_mapped(tmp_path, monkeypatch, world):
    store = worlds.WORLDS[world](tmp_path / world)
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    ask(store, projection(store))
    ToolsWorker(store).work(until_idle=True)
    for strategy in ("random", "ActiveDPO"):
        test = app(store.folder, monkeypatch, "map", strategy=strategy, colour="score")
        assert not test.exception
        assert "96 of 96 pairs drawn." in seen(test)


def test_a_map_is_asked_for_waits_runs_fails_and_is_tried_again(tmp_path, monkeypatch):
    store = worlds.finished(tmp_path / "own", seeds=(1,), strategies=("random", "activedpo"))
    test = app(store.folder, monkeypatch, "map")
    said = seen(test)
    assert "This pool has no map yet." in said
    assert "No tools worker is here." in said
    assert asked(store, projection(store)) is None, "looking at a page computes nothing"
    next(b for b in test.button if b.label == "Make the map").click().run()
    assert "The map waits for the tools worker." in seen(test)
    assert "Make the map" not in labels(test)

    claim = claimed(store)
    tasks.task_word(store, claim, "reading responses, <b>16</b> of 64")
    tasks.task_word(store, claim, "reading responses, 16 of 64")
    cache.workers.clear()  # type: ignore[attr-defined]  # it is asked every two seconds only
    test = app(store.folder, monkeypatch, "map")
    said = seen(test)
    assert "The map is being made." in said
    assert "reading responses, 16 of 64" in said
    assert "width:25%" in said
    assert "No tools worker is here." not in said

    tasks.end_task(store, claim, "failed", error="The disk is full: <b>x</b>. Free some space.")
    test = app(store.folder, monkeypatch, "map")
    assert "The disk is full: &lt;b&gt;x&lt;/b&gt;" in seen(test)
    next(b for b in test.button if b.label == "Try again").click().run()
    assert "The map waits for the tools worker." in seen(test)


def test_a_tools_worker_alone_is_no_worker_for_runs(tmp_path, monkeypatch):
    store = worlds.open_store(tmp_path / "tools")
    writer.register_worker(store, "tools", "cpu", 1, "here")
    assert "No worker is here." in seen(app(store.folder, monkeypatch, "map"))


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_map_is_drawn_in_every_colour(finished, monkeypatch, points, colour):
    test = app(finished, monkeypatch, "map", points=points, colour=colour)
    said = seen(test)
    assert not test.exception
    assert "could not be drawn" not in said
    assert len(test.get("plotly_chart")) == 2
    n = 64 if points == "responses" else 96
    assert f"{n} of {n} {points} drawn." in said
    assert "sentence encoder all-MiniLM-L6-v2" in said
    assert not test.markdown


def test_facts_and_table_are_those_of_the_round(finished, monkeypatch):
    test = app(finished, monkeypatch, "map", strategy="ActiveDPO", round="2", seed="2")
    store = open_store(finished)
    run = next(r for r in queries.study(store, queries.studies(store)[0].id).runs
               if (r.strategy.name, r.seed) == ("activedpo", 2))  # fmt: skip
    picks = {p.pair_id for p in queries.batch(store, run.id, 2)}
    table = test.dataframe[0].value
    assert set(table.loc[table["state"] == "picked", "pair"]) == picks
    assert (table["state"] == "labelled").sum() == len({p.pair_id for p in queries.batch(store, run.id, 1)} - picks)
    assert "<strong>12</strong>" in seen(test), "all answers of both rounds"


def test_picks_of_nobody_and_of_all(finished, monkeypatch):
    test = app(finished, monkeypatch, "map")
    test.multiselect[0].set_value([]).run()
    assert "picked" not in set(test.dataframe[0].value["state"])
    test.multiselect[0].set_value(["random", "ActiveDPO", "APL", "REAL"]).run()
    assert not test.exception
    assert sum(name.startswith("picked by") for name in legend(test)) == 4


def legend(test: AppTest) -> list[str]:
    return [trace["name"] for trace in json.loads(test.get("plotly_chart")[0].proto.spec)["data"] if "name" in trace]


def test_umap_is_made_when_asked_for_and_the_map_by_pca_stands_meanwhile(tmp_path, monkeypatch):
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, strategies=("random",))
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    monkeypatch.setattr("engine.tasks._places.umap_places", lambda rows, seed, purpose: rows[:][:, :2])
    ask(store, projection(store))
    ToolsWorker(store).work(until_idle=True)
    test = app(store.folder, monkeypatch, "map", method="UMAP")
    said = seen(test)
    assert "This pool has no map by UMAP yet." in said
    assert "PCA of the whole pool" in said
    next(b for b in test.button if b.label == "Make it by UMAP").click().run()
    assert "The map by UMAP waits for the tools worker." in seen(test)
    ToolsWorker(store).work(until_idle=True)
    said = seen(app(store.folder, monkeypatch, "map", method="UMAP"))
    assert "no map by UMAP" not in said
    assert "UMAP, 15 neighbours" in said


def test_a_range_of_dissimilarity_in_the_link_chooses_its_pairs(finished, monkeypatch):
    test = app(finished, monkeypatch, "map", unlike="0.9 to 1.1")
    found = asked(open_store(finished), projection(open_store(finished)))
    assert found is not None
    unlike = read_points(open_store(finished), found.answer["files"]["pairs"])["dissimilarity"]
    n = int(((unlike >= 0.9) & (unlike <= 1.1)).sum())
    assert 0 < n < 96
    said = seen(test)
    assert f"{n} of 96 pairs" in said
    assert "The whole pool, 0.90 to 1.10" in said
    assert len(test.dataframe[0].value) == n
    figure = json.loads(test.get("plotly_chart")[0].proto.spec)
    assert any("selectedpoints" in trace for trace in figure["data"]), "the map marks them"
    next(b for b in test.button if b.label == "Keep this selection").click().run()
    kept = test.text_input(key="sel").value
    assert kept.startswith("l")
    assert len(selection(open_store(finished), found_study(finished), kept)) == n
    assert test.text_input(key="unlike").value == "", "what is kept is looked at, and the range has done its work"
    assert "Saved selection" in seen(test)
    assert "two numbers" in seen(app(finished, monkeypatch, "map", unlike="much"))


def found_study(folder: Path) -> str:
    return queries.studies(open_store(folder))[0].id


def test_clusters_have_names_a_table_and_stand_in_the_stamp(finished, monkeypatch):
    test = app(finished, monkeypatch, "map")
    said = seen(test)
    assert "picked so far" in said
    assert "clusters: k-means of the first 50 directions; seed 0" in said
    figure = json.loads(test.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["annotations"]


def test_a_lasso_outlasts_a_change_of_the_figure_and_is_let_go_when_told(finished, monkeypatch):
    """The chart's own state cannot be set here, so what its callback keeps is put in its place."""
    test = app(finished, monkeypatch, "map", round="2")
    before = test.session_state[mapping.LASSO]
    box = {"box": [{"x": [-100.0, 100.0], "y": [-100.0, 100.0]}]}
    test.session_state[mapping.LASSO] = replace(before, now=box)
    test.run()
    assert "Chosen on the map" in seen(test)
    assert shapes(test) == 0, "the figure stays as it is, and keeps the lasso itself"
    test.selectbox(key="colour").set_value("round").run()
    assert "Chosen on the map" in seen(test)
    assert shapes(test) == 1, "a new figure has it drawn in"
    next(b for b in test.button if b.label == "Choose anew").click().run()
    assert "The whole pool" in seen(test)
    assert shapes(test) == 0
    assert test.session_state[mapping.LASSO].turn == before.turn + 1


def shapes(test: AppTest) -> int:
    return len(json.loads(test.get("plotly_chart")[0].proto.spec)["layout"].get("shapes", ()))


def test_a_pair_in_the_link_is_read_below_the_map(finished, monkeypatch):
    store = open_store(finished)
    run = queries.study(store, queries.studies(store)[0].id).runs[1]
    pick = queries.batch(store, run.id, 2)[0]
    said = seen(app(finished, monkeypatch, "map", strategy=run.strategy.title, round="2", pair=pick.pair_id))
    assert f"Pair {pick.pair_id[:9]}" in said
    lowered = said.lower()
    assert not [tag for tag in ("<script", "<img", "<iframe", "<a ", "<svg") if tag in lowered]
    assert "Pair gone" not in seen(app(finished, monkeypatch, "map", pair="gone"))


def test_a_saved_selection_travels_in_the_link(finished, monkeypatch):
    store = open_store(finished)
    study = queries.studies(store)[0].id
    ids = [p.pair_id for p in queries.batch(store, queries.study(store, study).runs[0].id, 1)][:3]
    kept = inbox.save_selection(store, study, ids, {"what": "pairs"})
    test = app(finished, monkeypatch, "map", sel=kept)
    said = seen(test)
    assert "Saved selection" in said
    assert "3 of 96 pairs" in said
    assert set(test.dataframe[0].value["pair"]) == set(ids)
    next(b for b in test.button if b.label == "Close the saved selection").click().run()
    assert "The whole pool" in seen(test)
    assert "no saved selection of that name" in seen(app(finished, monkeypatch, "map", sel="gone"))


def test_a_map_whose_files_are_gone_can_be_made_again(tmp_path, monkeypatch):
    store = worlds.finished(tmp_path / "own", seeds=(1,), rounds=1, strategies=("random",))
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    ask(store, projection(store))
    ToolsWorker(store).work(until_idle=True)
    found = asked(store, projection(store))
    assert found is not None
    (store.folder / found.answer["files"]["pairs"]["path"]).unlink()
    assert "Make the map" in labels(app(store.folder, monkeypatch, "map"))
