"""The page Export: what is chosen, what becomes of it, the check by the tools worker, and what it then offers."""

import io
import json
import shlex
import zipfile

import pytest

from engine.data.answers import Subset
from engine.store import inbox, queries
from engine.store.labelled import asked_pairs
from engine.tasks.adapter import TakeAdapter
from engine.tasks.base import asked
from engine.tasks.check_export import CheckExport, packed
from engine.tools import ToolsWorker
from tests.engine.data.export.hub import MAY_WRITE, local_hub
from tests.workbench import worlds
from tests.workbench.test_pages import app, command, seen
from workbench import exporting


@pytest.fixture
def store(tmp_path):
    return worlds.finished(tmp_path / "store", seeds=(1,), strategies=("random", "activedpo"))


def pressed(test, label):
    next(button for button in test.button if button.label == label).click().run()
    return test


def offered(test):
    """The labels of the download buttons that can be pressed, but for the notebook, which holds no data."""
    labels = [element.proto.label for element in test.get("download_button") if not element.proto.disabled]
    return [label for label in labels if label != "Open as notebook"]


def choose(test, what):
    next(radio for radio in test.radio if radio.label == "What").set_value(what).run()


def test_it_shows_first_rows_counts_and_the_card_and_offers_nothing_unchecked(store, monkeypatch):
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    said = seen(test)
    assert "First rows" in said
    assert "pairs that train" in said
    assert "The card" in said
    assert "It has not been checked yet." in said
    assert offered(test) == []
    table = next(frame.value for frame in test.dataframe if "chosen" in frame.value)
    assert len(table) == 5
    assert not test.exception


def test_the_download_comes_with_ticks_that_hold_and_goes_when_the_study_moves_on(store, monkeypatch):
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    pressed(test, "Check and pack")
    assert "The check waits for the tools worker." in seen(test)
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert "Read again, it is the same subset" in said
    assert "does not hold" not in said
    assert "README.md, as it is packed" in said
    assert "## Verdict" in said
    assert [label.split(",")[0] for label in offered(test)] == ["Download"]
    kinds = queries.tasks(store, "check_export")
    with zipfile.ZipFile(io.BytesIO(packed(store, kinds[0].answer))) as folder:
        rows = [json.loads(line) for line in folder.read("data/train-00000-of-00001.jsonl").splitlines()]
    study = queries.studies(store)[0].id
    of = asked_pairs(store, Subset(study_id=study, strategy="activedpo", seed=1, upto_round=2))
    assert {row["pair_id"] for row in rows} == {p.pair_id for p in of if p.votes[0].answer in ("a", "b")}
    assert kinds[0].request["verdict"], "what the referee says, or why nothing"
    push(test, store, monkeypatch, sent=rows)
    choose(test, "strategy")
    assert offered(test) == [], "another subset has not been checked"
    assert "Repository" not in seen(test)


def push(test, store, monkeypatch, sent):
    """From the page to a hub: a name that is none, then one; the token is neither on the page nor in the request."""
    field = next(field for field in test.text_input if field.label == "Repository")
    field.set_value("subset").run()
    assert "It is named as owner/name." in seen(test)
    assert "Push it" not in {button.label for button in test.button}
    next(field for field in test.text_input if field.label == "Repository").set_value("me/subset").run()
    assert "This page takes no token" in seen(test)
    pressed(test, "Push it")
    assert "The push waits for the tools worker." in seen(test)
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", MAY_WRITE)
        ToolsWorker(store).work(until_idle=True)
        test.run()
        lines = hub.committed["me/subset"]["data/train-00000-of-00001.jsonl"].splitlines()
        assert f"sent to <code>{hub.url}/datasets/me/subset</code>" in seen(test)
    assert [json.loads(line) for line in lines] == sent
    assert MAY_WRITE not in seen(test) + str(queries.tasks(store))


def test_a_tick_that_does_not_hold_is_shown_and_nothing_is_offered(store, monkeypatch):
    study = queries.studies(store)[0].id
    with store.write(study) as connection:  # the pool is a held-out set as well: every pair is in both
        from engine.store import schema as s

        datasets = connection.execute(s.studies.select()).one().datasets
        connection.execute(s.studies.update().values(datasets={**datasets, "held_out:near": datasets["pool"]}))
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    pressed(test, "Check and pack")
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert "pairs are in held-out set near too" in said
    assert "It is not offered." in said
    assert test.get("download_button"), "it stands there, and cannot be pressed"
    assert "Push to the hub" not in {part.label for part in test.expander}
    assert offered(test) == []


def test_selections_and_filters_are_counted_and_stand_in_the_command(store, monkeypatch):
    study = queries.studies(store)[0].id
    every = asked_pairs(store, Subset(study_id=study))
    kept = inbox.save_selection(store, study, [pair.pair_id for pair in every[:4]], {})
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    choose(test, "selection")
    assert "has no saved selection" in seen(test)
    next(field for field in test.text_input if field.label == "Saved selection").set_value(kept).run()
    assert f"--selection {kept}" in command(test)
    linked = app(store.folder, monkeypatch, "export", strategy="ActiveDPO", what="a saved selection", sel=kept)
    assert any(f"--selection {kept}" in code.value for code in linked.code), "the link leads to it"
    choose(test, "strategy")
    next(field for field in test.number_input if field.label == "Score at least").set_value(0.43).run()
    said = seen(test)
    assert "Excluded, no score: 5." in said
    assert "Excluded, score outside the range:" in said
    assert "--score-at-least 0.43" in command(test)


def test_every_profile_can_be_shown_and_its_containers_are_those_it_goes_into(store, monkeypatch):
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")

    def take(profile):
        next(box for box in test.selectbox if box.label == "Profile").set_value(profile).run()

    for profile in ("kto", "openai", "label_studio", "audit"):
        take(profile)
        assert f"--profile {profile}" in command(test)
        assert not test.exception
    take("plain")  # this world has prompts of several turns
    assert "has room for one, the user" in seen(test)
    assert "It did not work." not in seen(test)


def test_the_adapter_is_asked_for_and_its_failure_is_a_sentence(store, monkeypatch):
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    pressed(test, "Pack it")
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert "The adapter could not be made." in seen(test), "the model of this world is not there"
    task = queries.tasks(store, "take_adapter")[0]
    assert (task.state, task.request["round"], task.request["merged"]) == ("failed", 2, False)
    assert asked(store, CheckExport(subset=Subset(study_id="s"))) is None


def test_an_adapter_too_large_for_a_browser_lies_in_the_store_and_has_a_command(store, monkeypatch):
    place = "files/exports/adapter.0.zip"
    (store.folder / place).parent.mkdir(parents=True)
    (store.folder / place).write_bytes(b"as if it were large")
    answer = {"file": {"path": place, "bytes": exporting.LARGEST + 1, "sha256": ""}}
    monkeypatch.setattr(TakeAdapter, "do", lambda task, store, say: answer)
    test = app(store.folder, monkeypatch, "export", strategy="ActiveDPO")
    pressed(test, "Pack it")
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert f"200.0 MB are too much for a browser. The archive lies in the store: <code>{place}</code>." in seen(test)
    assert offered(test) == []
    (words,) = [shlex.split(code.value.replace("\\\n", "")) for code in test.code if "--adapter" in code.value]
    assert words[3:] == ["--adapter", "--strategy", "activedpo", "--seed", "1", "--round", "2", "--out", "./adapter"]
