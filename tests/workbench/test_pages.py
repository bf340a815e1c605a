"""Every page on an empty store, a running study, a finished one and a failed run."""

import re
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from engine.store import inbox, queries, writer
from engine.store.database import open_store
from tests.workbench import worlds
from workbench import cache, commands

ROOT = Path(__file__).parents[2]
PAGES = (
    "studies", "data", "explore", "map", "dry_run", "batch", "label", "guideline", "label_quality", "curves", "export",
    "help",
)  # fmt: skip
NOT_YET = ("Data check", "New study")
"""Words of pages that are not built: a reader must not meet them."""


@pytest.fixture(scope="session")
def stores(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stores")
    for name, make in worlds.WORLDS.items():
        make(folder / name)
    return {name: folder / name for name in worlds.WORLDS}


def app(folder: Path, monkeypatch, page: str = "studies", **query: str) -> AppTest:
    monkeypatch.setenv("WORKBENCH_STORE", str(folder))
    config.set_option("server.address", "localhost")  # as .streamlit says, which a test in another folder does not read
    test = AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=30)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    if page != "studies":
        test.switch_page(f"../pages/{page}.py")
        test.run()
    return test


def command(test: AppTest) -> str:
    """On Export the command that writes the pairs; that of the adapter stands beside it."""
    return next(one.value for one in test.code if "--adapter" not in one.value)


def seen(test: AppTest) -> str:
    """Everything the page says: our own markup, and the labels of widgets."""
    parts = [element.proto.body for element in test.get("html")]
    parts += [widget.label for kind in (test.button, test.selectbox, test.text_input) for widget in kind]
    return "\n".join(parts)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("world", worlds.WORLDS)
def test_every_page_in_every_world_draws_without_a_fault(stores, monkeypatch, world, page):
    test = app(stores[world], monkeypatch, page)
    said = seen(test)
    assert not test.exception
    assert "could not be drawn" not in said
    assert page.replace("_", " ").capitalize() in said
    assert not [word for word in NOT_YET if word in said]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("data", "help")])
def test_an_empty_store_says_what_comes_next(stores, monkeypatch, page):
    test = app(stores["empty"], monkeypatch, page)
    assert "No study is here yet." in seen(test)
    if page in ("explore", "map", "dry_run", "label_quality", "curves", "export"):
        assert "To the page Studies" in [link.proto.label for link in test.get("page_link")]


@pytest.mark.parametrize("page", ["curves", "explore", "batch", "label_quality", "export"])
def test_a_page_that_waits_for_a_study_in_the_queue_leads_to_where_it_stands(tmp_path, monkeypatch, page):
    store = open_store(tmp_path)
    worlds.add_study(store, "in the queue", seeds=(1,))
    test = app(store.folder, monkeypatch, page)
    assert not test.exception
    assert "To the page Studies" in [link.proto.label for link in test.get("page_link")]
    assert "No worker is here." in seen(app(store.folder, monkeypatch)), "and there what it waits for"


def test_a_running_study_says_what_runs_now_and_can_be_paused(stores, monkeypatch):
    test = app(stores["running"], monkeypatch)
    said = seen(test)
    assert "Now: <b>APL, seed 2, round 2</b> · training, step 41 of 120 · loss 0.581" in said
    assert 'title="APL, seed 2: 1 of 2 rounds done, running"' in said
    assert "time left" in said
    assert {"Pause", "Cancel"} <= {button.label for button in test.button}


def test_pause_reaches_the_store_and_then_resume_is_offered(tmp_path, monkeypatch):
    store = worlds.running(tmp_path / "own", done=1)
    study_id = queries.studies(store)[0].id
    test = app(store.folder, monkeypatch)
    next(button for button in test.button if button.label == "Pause").click().run()
    assert {run.state for run in queries.study(store, study_id).runs} == {"done", "paused"}
    test.run()
    assert "Resume" in {button.label for button in test.button}
    assert "Pause" not in {button.label for button in test.button}


def test_a_failed_run_says_why_as_text_and_offers_to_retry(stores, monkeypatch):
    test = app(stores["failed"], monkeypatch)
    said = seen(test)
    assert "the loss is not finite" in said
    assert "&lt;b&gt;x00311&lt;/b&gt;" in said, "an error's text can hold a text of the data"
    assert "Retry" in {button.label for button in test.button}


def test_an_action_that_no_longer_fits_is_answered_with_a_sentence(tmp_path, monkeypatch):
    store = worlds.running(tmp_path / "own", done=1)
    test = app(store.folder, monkeypatch)
    button = next(button for button in test.button if button.label == "Pause")
    inbox.command(store, "cancel", study_id=queries.studies(store)[0].id)
    button.click().run()
    assert "It did not work." in seen(test)


def test_the_worker_line_says_who_answers_or_what_to_do(tmp_path, monkeypatch):
    store = open_store(tmp_path / "own")
    assert "No worker is here." in seen(app(store.folder, monkeypatch))
    worlds.worker(store)
    other = open_store(tmp_path / "other")
    worlds.worker(other)
    assert "Worker answers · last word" in seen(app(other.folder, monkeypatch))
    silent = open_store(tmp_path / "silent")
    writer.register_worker(silent, "device", "cpu", 1, "here", lease_s=-1)
    assert "The worker does not answer." in seen(app(silent.folder, monkeypatch))
    for _ in range(2):
        writer.register_worker(silent, "device", "cpu", 1, "here")
    cache.workers.clear()
    said = seen(app(silent.folder, monkeypatch))
    assert "2 workers answer · last word" in said
    assert "A worker (cpu) does not answer." in said
    assert "taken over by another" in said


def test_a_link_leads_to_strategy_seed_round_and_pair(stores, monkeypatch):
    store = open_store(stores["finished"])
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if (r.strategy.name, r.seed) == ("real", 2))
    third = queries.batch(store, run.id, 2)[2]
    said = seen(app(stores["finished"], monkeypatch, "batch", strategy="REAL", seed="2", round="2", pair=third.pair_id))
    assert f"Pair {third.pair_id[:9]}" in said
    assert "pick 3 of 6 · round 2" in said


def test_an_unknown_value_in_a_link_falls_back_and_says_so(stores, monkeypatch):
    test = app(stores["finished"], monkeypatch, study="<b>gone</b>")
    assert "The link asks for a study that is not here." in seen(test)
    assert "gone" not in seen(test)
    test.run()
    assert "The link asks for" not in seen(test), "it is said once"


@pytest.mark.parametrize("name", ["activedpo", "ACTIVEDPO", "Active-DPO", "ActiveDPO"])
def test_a_link_may_name_a_strategy_as_the_command_line_does(stores, monkeypatch, name):
    test = app(stores["finished"], monkeypatch, "batch", strategy=name)
    assert "The link asks for" not in seen(test)
    assert next(box for box in test.selectbox if box.key == "strategy").value == "ActiveDPO"
    assert test.query_params.get("strategy") in (None, "ActiveDPO", ["ActiveDPO"])


def test_next_and_previous_walk_through_the_batch(stores, monkeypatch):
    test = app(stores["finished"], monkeypatch, "batch")
    assert "pick 1 of 6" in seen(test)
    next(b for b in test.button if b.label == "Next").click().run()
    assert "pick 2 of 6" in seen(test)
    next(b for b in test.button if b.label == "Previous").click().run()
    assert "pick 1 of 6" in seen(test)


def test_the_warm_up_batch_is_named_and_a_scored_pick_has_its_sum(stores, monkeypatch):
    warm = seen(app(stores["finished"], monkeypatch, "batch", strategy="ActiveDPO", round="1"))
    assert "Warm-up batch: drawn at random" in warm
    scored = seen(app(stores["finished"], monkeypatch, "batch", strategy="ActiveDPO", round="2"))
    assert "score before the batch" in scored
    assert "Nearest labelled pair" in scored
    assert re.search(r"cosine [^<]*round 1\b", scored), "the nearest pair is one of an earlier round"


def test_cards_and_table_show_the_same_picks(stores, monkeypatch):
    cards = seen(app(stores["finished"], monkeypatch, "batch", view="cards"))
    assert [f"pick {n} of 6" in cards for n in range(1, 7)] == [True] * 6
    table = app(stores["finished"], monkeypatch, "batch", view="table")
    assert list(table.dataframe[0].value["rank"]) == [1, 2, 3, 4, 5, 6]


def test_hostile_texts_reach_the_page_escaped_only(stores, monkeypatch):
    for round_number in ("1", "2"):
        said = seen(app(stores["finished"], monkeypatch, "batch", view="cards", round=round_number))
        lowered = said.lower()
        assert not [tag for tag in ("<script", "<img", "<iframe", "<a ", "<svg") if tag in lowered]


def test_no_text_goes_through_markdown(stores, monkeypatch):
    for world in worlds.WORLDS:
        for page in PAGES:
            assert not app(stores[world], monkeypatch, page).markdown


def test_curves_show_both_held_out_sets_and_the_numbers(stores, monkeypatch):
    test = app(stores["finished"], monkeypatch, "curves")
    said = seen(test)
    assert "pool like · 500 held-out pairs" in said
    assert "balanced · 500 held-out pairs" in said
    assert len(test.get("plotly_chart")) == 4, "the paired differences and the verdicts' intervals are drawn below"
    assert "How to read this." in said
    assert said.count("<b>0.") == 8, "four strategies on two sets"


def test_a_figure_of_the_last_round_only_is_drawn_too(stores, monkeypatch):
    test = app(stores["finished"], monkeypatch, "curves", figure="win rate against the SFT model")
    assert len(test.get("plotly_chart")) == 3
    assert "128 prompts" in seen(test)


def test_export_counts_add_up_and_profiles_can_be_changed(stores, monkeypatch):
    test = app(stores["finished"], monkeypatch, "export")
    said = seen(test)
    assert "pairs asked" in said
    assert "--strategy activedpo --seed 1 --round 2" in command(test).replace("\\\n  ", "")
    test.radio[0].set_value("study").run()
    assert "--strategy" not in command(test)
    assert not test.exception
    next(box for box in test.selectbox if box.label == "Profile").set_value("audit").run()
    assert "could not be drawn" not in seen(test)


def test_a_choice_without_labels_is_an_empty_state_and_no_failure(stores, monkeypatch):
    said = seen(app(stores["failed"], monkeypatch, "export", strategy="ActiveDPO"))
    assert "There is nothing to export" in said
    assert "It did not work." not in said


def test_a_study_file_with_mistakes_names_all_of_them(tmp_path, stores, monkeypatch):
    bad = tmp_path / "study.yaml"
    bad.write_text("name: x\ndata: {pool: p.jsonl}\nmodel: {path: m}\nstrategies: [randon]\nrounds: 0\nseeds: []\n")
    test = app(stores["empty"], monkeypatch)
    next(t for t in test.text_input if t.label.startswith("Study file")).set_value(str(bad))
    next(b for b in test.button if b.label == "Start from this file").click().run()
    said = seen(test)
    assert "It did not work." in said
    assert all(where in said for where in ("strategies", "rounds", "seeds"))
    assert "No study is here yet." in said


def test_the_sample_study_starts_with_one_press(tmp_path, monkeypatch):
    if commands.sample() is None:
        pytest.skip("sample_data/study.yaml is not here, so there is no sample study to start.")
    test = app(tmp_path / "new", monkeypatch)
    assert "No study is here yet." in seen(test)
    assert "It keeps about" in seen(test)
    next(b for b in test.button if b.label == "Start the sample study").click().run()
    study = queries.studies(open_store(tmp_path / "new"))[0]
    assert study.state == "queued"
    assert "Queued. A worker takes it up by itself." in seen(test)
    assert "No round is done yet." in seen(test)


def test_a_store_that_cannot_be_opened_is_a_card(tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "workbench.db").write_bytes(b"this is no database" * 100)
    test = app(folder, monkeypatch)
    assert "It did not work." in seen(test)
    assert not test.exception


def test_studies_with_one_name_stay_apart(tmp_path, monkeypatch):
    store = worlds.finished(tmp_path / "twins", seeds=(1,), rounds=1, strategies=("random",))
    worlds.add_study(store, "How-to world, first look", seeds=(1,), rounds=1)
    test = app(store.folder, monkeypatch)
    options = next(box for box in test.selectbox if box.label == "Study").options
    assert len(set(options)) == 2
    assert options[1] == "How-to world, first look", "the older one keeps the name, so that links to it hold"
