"""Data, Import: the proof of a file in every state, mapping by hand, and the step that brings it in."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.data.places import here
from engine.errors import StoreError
from engine.store import browse, queries, tasks, writer
from engine.store.database import open_store
from engine.tasks.base import ask
from engine.tasks.prove_data import ProveData
from engine.tools import ToolsWorker
from tests.workbench.test_data_page import GOOD, MODEL, data, file
from tests.workbench.test_pages import seen
from workbench import asking
from workbench.components import data_import


def dirty(folder: Path) -> Path:
    other = json.dumps({**GOOD, "prompt": "And silk?"})
    return file(folder, json.dumps(GOOD), "not json {", other, json.dumps({**GOOD, "chosen": " "}))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "../../etc/x.csv", "..", "C:\\x\\y.json", "", "ü 1.jsonl", "x" * 300])
def test_an_upload_lies_below_its_hash_whatever_it_is_called(tmp_path, name):
    path = data_import.save_upload(tmp_path, name, b"content")
    assert path.read_bytes() == b"content"
    assert path.parent.parent == tmp_path / "uploads"
    assert path.name not in ("", ".", "..")
    assert data_import.save_upload(tmp_path, name, b"content") == path


def test_an_upload_that_cannot_be_saved_is_a_store_error(tmp_path):
    path = data_import.save_upload(tmp_path, "a.csv", b"x")
    path.unlink()
    path.mkdir()  # in the way
    with pytest.raises(StoreError):
        data_import.save_upload(tmp_path, "a.csv", b"x")


def test_a_path_is_given_in_full_and_a_hub_id_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.csv").write_text("x")
    assert data_import.located(" here.csv ") == str(tmp_path / "here.csv")
    assert data_import.located("somebody/some-data") == "somebody/some-data"
    assert data_import.located("gone.csv") == str(tmp_path / "gone.csv")
    for text in ("~nobody-of-that-name/x.csv", "a\0b", "x" * 5000):
        assert data_import.located(text)
        assert here(text) is None


def test_without_a_file_the_import_says_so(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    assert "No file is named yet." in seen(data(store, monkeypatch, part="import"))


def button(test: AppTest, label: str) -> None:
    next(b for b in test.button if b.label == label).click().run()


def test_a_named_file_waits_is_proven_refuses_rows_and_is_imported_without_them(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), dirty(tmp_path)
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "This file has not been read yet." in seen(test)
    button(test, "Read the file")
    said = seen(test)
    assert "The proof waits for the tools worker." in said
    assert "No tools worker is here." in said
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert "not imported yet" in said
    assert "<label>rows refused</label><strong>2</strong>" in said
    assert test.dataframe[0].value["row"].tolist() == [2, 4]
    assert test.get("download_button")
    assert "<img" not in said
    test.selectbox(key="reason").set_value("not JSON (1)").run()
    assert test.dataframe[0].value["row"].tolist() == [2]
    assert queries.datasets(store) == [], "the proof imports nothing"
    assert f"workbench data import {path} --skip-refused" in {code.value for code in test.code}, "as the button does"
    button(test, "Import the other 2 rows")
    assert "The import waits for the tools worker." in seen(test)
    assert queries.datasets(store) == []
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert "✓ imported" in seen(test)
    assert queries.datasets(store)[0].refused == {"not JSON": 1, "empty response": 1}
    button(test, "Browse it")
    assert "mine.jsonl" in str(test.selectbox(key="dataset").value)
    assert test.dataframe[0].value["prompt"].tolist() == ["How do I wash wool?", "And silk?"]


def test_an_import_that_ends_while_the_page_is_drawn_is_not_offered_again(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    path = file(tmp_path, json.dumps(GOOD))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    look = asking.asked

    def then_it_ends(task):
        found = look(task)
        if found is not None and found.state == "queued":
            ToolsWorker(store).work(until_idle=True)
        return found

    monkeypatch.setattr(asking, "asked", then_it_ends)
    button(test, "Import 1 row")
    offered = [one.label for one in test.button]
    assert "Import 1 row" not in offered
    assert "Browse it" in offered


def test_near_duplicates_are_a_stage_that_is_asked_for(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    path = file(tmp_path, json.dumps(GOOD), json.dumps({**GOOD, "prompt": "how do I  wash WOOL?"}))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "Near-duplicates were not looked for." in seen(test)
    button(test, "Look for them")
    assert "The search waits for the tools worker." in seen(test)
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert "Near-duplicate prompts</b>" in seen(test)
    assert "All 2 prompts" in seen(test)


def test_what_a_held_out_file_shares_is_shown_as_text(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), file(tmp_path, json.dumps({**GOOD, "prompt": "<b>And</b> silk?"}))
    beside = file(tmp_path, json.dumps({**GOOD, "prompt": "<b>And</b> silk?"}), json.dumps(GOOD), name="held.jsonl")
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "what a held-out file shares with this one" in seen(test)
    assert "Compare them" not in {b.label for b in test.button}
    test.text_input(key="beside").set_value(str(beside)).run()
    button(test, "Compare them")
    assert "The comparison waits for the tools worker." in seen(test)
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert f"workbench data check {path} --held-out {beside}" in {code.value for code in test.code}
    assert f'held_out: {{"held_out": "{beside}"}}' in "".join(code.value for code in test.code)
    assert "Of the 2 held-out prompts, in this file too: 1; near another prompt of it: 0." in said
    assert "<li><bdi>&lt;b&gt;And&lt;/b&gt; silk?</bdi></li>" in said


def test_the_first_rows_are_shown_as_the_model_reads_them(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), file(tmp_path, json.dumps(GOOD))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    test.text_input(key="proof_model").set_value(str(MODEL)).run()
    button(test, "Show the tokens")
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert f"workbench data check {path} --model {MODEL} --no-near-duplicates" in {code.value for code in test.code}
    assert "It begins with one &lt;|bos|&gt;, ends with one &lt;|eos|&gt;." in said
    assert "<label>do not fit</label><strong>0</strong>" in said


BEST = "[the better one](https://example.org) of both is the one that stands at the very "
ODD = [
    {
        "q": "How do I wash wool?",
        "texts": {"left": "By hand, cold.", "right": "<b>Boil</b> it."},
        "best": f"{BEST}left",
    },
    {"q": "And silk?", "texts": {"left": "With steel wool.", "right": "Cold."}, "best": f"{BEST}right"},
    {"q": "And linen?", "texts": {"left": "Warm.", "right": "Hot."}, "best": "="},
]


def test_a_file_that_no_format_fits_is_mapped_by_hand_kept_and_imported(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), file(tmp_path, *map(json.dumps, ODD))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "no format fits" in seen(test)
    button(test, "Map its columns by hand")
    button(test, "Look at its first rows")
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert "Not complete yet." in seen(test)

    def choose(part: str, column: str) -> None:
        test.selectbox(key=f"map-{part}-{path}").set_value(column).run()

    choose("prompt", "q")

    def means(n: int, meaning: str) -> None:
        next(box for box in test.selectbox if box.label == f"Value {n} means").set_value(meaning).run()

    test.radio(key=f"way-{path}").set_value("two, and a column that says which is better").run()
    for part, column in (("first", "texts.left"), ("second", "texts.right"), ("answer", "best")):
        choose(part, column)
    assert "Not complete yet." in seen(test), "what the values mean is still to be said"
    assert "<bdi>[the better one](https://example.org)" in seen(test)
    means(1, "the first is better")
    assert "2 of the first 3 rows cannot be read so." in seen(test)
    means(2, "the second is better")
    means(3, "tie")
    assert "3 of the first 3 rows" in seen(test)
    assert "<b>Boil" not in seen(test)
    test.text_input(key="mapping_name").set_value("odd ones").run()
    button(test, "Keep it and read the file")
    assert test.selectbox(key="format").value == "mapping odd-ones"
    assert "The proof waits for the tools worker." in seen(test), "the one press has asked for it"
    ToolsWorker(store).work(until_idle=True)
    test.run()
    assert "mapped by hand: prompt from q" in seen(test)
    button(test, "Import 3 rows")
    ToolsWorker(store).work(until_idle=True)
    kept = queries.datasets(store)[0]
    assert kept.format.startswith("mapped-")
    assert kept.pairs == 3
    assert browse.recorded(store, kept.id)["tie"] == 1


def test_while_it_is_read_the_page_says_how_far(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), dirty(tmp_path)
    ask(store, ProveData(path=str(path)))
    me = writer.register_worker(store, "tools", "cpu", 1, "here")
    claim = tasks.claim_task(store, me)
    assert claim is not None
    tasks.task_word(store, claim, "12,000 rows read")
    said = seen(data(store, monkeypatch, part="import", path=str(path)))
    assert "The proof is being made." in said
    assert "12,000 rows read" in said
    assert "No tools worker is here." not in said


def test_a_file_that_cannot_be_read_says_why_and_can_be_tried_again(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    path = file(tmp_path, json.dumps({"text": "<b>x</b>"}))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    test = data(store, monkeypatch, part="import", path=str(path))
    said = seen(test)
    assert "The proof could not be made." in said
    assert "no format fits" in said
    assert "<b>x</b>" not in said
    next(b for b in test.button if b.label == "Try again").click().run()
    assert "The proof waits for the tools worker." in seen(test)


def test_a_file_that_has_changed_is_offered_to_be_read_again(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    path = file(tmp_path, json.dumps(GOOD))
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    assert "Read it again" not in seen(data(store, monkeypatch, part="import", path=str(path)))
    file(tmp_path, json.dumps(GOOD), json.dumps({**GOOD, "prompt": "And silk?"}))
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "The file has changed since it was read." in seen(test)
    next(b for b in test.button if b.label == "Read it again").click().run()
    assert "The proof waits for the tools worker." in seen(test)


def test_an_uploaded_file_is_kept_and_named_in_the_field(tmp_path, monkeypatch):
    store = open_store(tmp_path / "s")
    test = data(store, monkeypatch, part="import")
    uploader = test.get("file_uploader")[0]
    if not hasattr(uploader, "set_value"):
        pytest.skip("This version's AppTest cannot upload; the journey in Chromium does.")
    uploader.set_value(("up.jsonl", (json.dumps(GOOD) + "\n").encode(), "application/json")).run()
    path = Path(test.text_input(key="path").value)
    assert path.name == "up.jsonl"
    assert path.is_relative_to(store.folder / "uploads")
    assert "This file has not been read yet." in seen(test)


def test_the_list_of_refused_rows_that_is_gone_is_said(tmp_path, monkeypatch):
    store, path = open_store(tmp_path / "s"), dirty(tmp_path)
    ask(store, ProveData(path=str(path)))
    ToolsWorker(store).work(until_idle=True)
    for listed in (store.folder / "files" / "imports").iterdir():
        listed.unlink()
    test = data(store, monkeypatch, part="import", path=str(path))
    assert "Read the file again." in seen(test)
