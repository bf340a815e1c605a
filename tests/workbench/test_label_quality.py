"""The page Label quality over people's answers and over those of a file: figures, names, files, and labelling again."""

import json

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine.store import inbox, queries, roles
from engine.store import schema as s
from engine.store.assignments import claim_next
from engine.store.database import Store, open_store
from engine.store.relabel import out_again
from engine.store.traced import trace
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.workbench import lead_worlds, worlds
from tests.workbench.test_pages import app, seen
from tests.workbench.test_states import said
from workbench import quality
from workbench.worth import BY_LOT, worth


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> tuple[Store, str, str]:
    made = lead_worlds.answered(tmp_path_factory.mktemp("lead") / "campaign")
    inbox.tour_seen(made[0])
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Store:
    return lead_worlds.recorded(tmp_path_factory.mktemp("lead") / "recorded")


def test_people_s_answers_are_weighed(campaign, monkeypatch):
    store, study_id, _ = campaign
    words = seen(app(store.folder, monkeypatch, "label_quality"))
    for part in ("Krippendorff", "differ from oneself", "two answers differ", "took the side shown first",
                 "answers an hour of work", "left to the budget", "How long an answer takes", "labeller 3",
                 "Send back to the queue", "cannot be told yet"):  # fmt: skip
        assert part in words, part
    assert "Mia" not in words, "people are numbered until names are asked for"
    test = app(store.folder, monkeypatch, "label_quality")
    assert "cost left" not in words, "nobody said what an hour costs"
    test.number_input(key="an-hour").set_value(30.0).run()
    assert "cost left" in seen(test)
    found = worth(store, study_id)
    skill = {one.name: one.skill for one in found.labellers}
    best, worst = (roles.at_the_machine(store, who).id for who in ("Ole", "Ida"))
    assert skill[best] > skill[worst]
    assert found.left.target == 96  # 40 pairs, two answers each, a fifth of them once more
    assert found.noise.itself.n > 5
    assert found.pace.median > 5


def test_names_are_shown_as_text_once_they_are_asked_for(campaign, monkeypatch):
    store, _, _ = campaign
    test = app(store.folder, monkeypatch, "label_quality")
    test.toggle(key="names").set_value(True).run()
    words = seen(test)
    assert "Mia &lt;b&gt;M&lt;/b&gt;" in words
    assert "labeller 1" not in words


def test_every_answer_goes_out_by_number_or_by_name(campaign, monkeypatch):
    store, study_id, _ = campaign
    monkeypatch.setenv("WORKBENCH_STORE", str(store.folder))
    rows = quality._traced(str(store.folder), study_id, False, 0)
    lines = [json.loads(line) for line in quality.as_file(rows, "jsonl").decode().splitlines()]
    assert len(lines) == len(trace(store, study_id))
    assert {line["labeller"] for line in lines} == {"labeller 1", "labeller 2", "labeller 3"}
    assert {line["guideline"] for line in lines} == {1}
    assert all(line["shown_first"] in ("a", "b") and line["seconds"] > 0 and line["at"] for line in lines)
    assert not any(line["note"] for line in lines), "a note may say who wrote it"
    named = quality.as_file(quality._traced(str(store.folder), study_id, True, 0), "csv").decode()
    assert "Mia <b>M</b>" in named
    assert "<b>sure</b>" in named


def test_a_press_sends_doubtful_labels_back_to_the_queue(tmp_path, monkeypatch):
    store, study_id, _ = lead_worlds.answered(tmp_path / "store")
    inbox.tour_seen(store)
    test = app(store.folder, monkeypatch, "label_quality")
    first = worth(store, study_id).suspects["pair_id"].head(20).tolist()
    next(button for button in test.button if button.label == "Send back to the queue").click().run()
    assert not test.exception
    assert "Back in the queue: 20 pairs, 40 answers asked." in seen(test)
    assert out_again(store, study_id) == dict.fromkeys(first, 2)
    assert "A is better" in seen(app(store.folder, monkeypatch, "label")), "though the run is done"
    uma = roles.at_the_machine(store, "Uma")
    assert claim_next(store, study_id, uma.id).pair_id in first


def test_labels_against_the_margins_of_the_policy_are_the_first_suspects(campaign):
    store, study_id, _ = campaign
    found = worth(store, study_id).suspects
    assert found["margin"].notna().all()
    assert found["chance"].is_monotonic_decreasing
    against = found["margin"] < 0
    assert against.head(int(against.sum())).mean() > 0.8


def test_the_file_s_labellers_are_weighed_by_strategy_and_nobody_can_be_asked(recorded, monkeypatch):
    words = seen(app(recorded.folder, monkeypatch, "label_quality"))
    for part in (
        "drawn at random",
        "ActiveDPO",
        "minus that of pairs drawn at random",
        "take the list away",
        "labeller 1",
    ):
        assert part in words, part
    assert "Ida" not in words
    assert "cannot be told yet" not in words
    test = app(recorded.folder, monkeypatch, "label_quality")
    test.segmented_control(key="answers").set_value("recorded in the pool's file").run()
    assert "288" in seen(test), "96 pairs, three answers each"
    assert "Every answer" not in seen(test)
    send = [b for b in app(recorded.folder, monkeypatch, "label_quality").button if b.label == "Send back to the queue"]
    assert send[0].disabled


def test_noise_is_told_by_scores_where_no_pair_has_two_answers(tmp_path):
    store = worlds.finished(tmp_path / "store", seeds=(1, 2))
    with store.write() as connection:  # the file's scores: the side that was answered has the higher one
        of = s.dataset_responses
        for n, row in enumerate(connection.execute(sa.select(of)).all()):
            connection.execute(of.update().where(of.c.row == row.row).values(score=float(n % 7)))
    found = worth(store, queries.studies(store)[0].id)
    assert found.measure == "score"
    assert {name for name, _ in found.bought} == {"ActiveDPO", "APL", "REAL"}
    assert all(one.n and one.n_random for _, one in found.bought)
    assert found.by_strategy[0][0] == BY_LOT


def test_a_study_without_an_answer_says_what_comes(tmp_path, monkeypatch):
    store = open_store(tmp_path / "store")
    worlds.add_study(store, "just queued", seeds=(1,), strategies=("random", "activedpo"))
    assert "No answer is here yet." in said(app(store.folder, monkeypatch, "label_quality"))


def test_agreement_by_the_clusters_of_a_map(recorded, monkeypatch):
    study_id = queries.studies(recorded)[0].id
    assert worth(recorded, study_id).by_cluster == ()
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    ask(recorded, Projection(study_id=study_id))
    ToolsWorker(recorded).work(until_idle=True)
    found = worth(recorded, study_id)
    assert found.by_cluster
    assert sum(one.pairs for _, one in found.by_cluster) <= found.alpha.pairs
    assert "cluster: " in seen(app(recorded.folder, monkeypatch, "label_quality"))


def test_suspects_of_several_seeds_say_the_seed_and_what_is_unknown_is_no_none():
    def script():
        import pandas as pd

        from engine.analysis.suspects import COLUMNS, again
        from workbench.components.suspect_table import suspect_table

        rows = [("p1", seed, "a", 0.9, None, 0, 1, 0.1) for seed in (1, 2)]
        found = pd.DataFrame(rows, columns=COLUMNS)
        suspect_table(found, {}, {}, again(found, 2), "suspects", None)

    test = AppTest.from_function(script).run()
    assert not test.exception
    shown = test.dataframe[0]
    assert shown.value["seed"].tolist() == [1, 2]
    assert shown.proto.placeholder == "–"
