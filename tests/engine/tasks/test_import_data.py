"""The import of a clean file, of a dirty one, of one that cannot be read, and of one that has changed meanwhile."""

import csv
import io
import json

import pytest

from engine.data.places import ROOT_VARIABLE
from engine.data.read import examine
from engine.errors import DataError
from engine.store import browse, queries, tasks
from engine.store.database import Store, open_store
from engine.store.files import Written, read_bytes
from engine.store.texts import load_dataset
from engine.tasks.base import ask, asked
from engine.tasks.import_data import ImportData
from engine.tools import ToolsWorker

GOOD = {"prompt": "How do I wash wool?", "chosen": "By hand, cold.", "rejected": "<img src=x> hot"}
ROWS = [
    json.dumps(GOOD),
    "not json at all {",
    json.dumps({**GOOD, "prompt": "ماذا؟ 🧶", "rejected": "By hand, cold."}),  # both the same
    json.dumps({**GOOD, "chosen": "  "}),
    json.dumps({**GOOD, "prompt": "And silk?"}),
    json.dumps(GOOD),  # says what row 1 says
    json.dumps({**GOOD, "chosen": "half of a pair: \ud800"}),
    json.dumps([1, 2]),
]


def silent(_: str) -> None:
    pass


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def dirty(tmp_path):
    path = tmp_path / "dirty.jsonl"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return path


def test_a_clean_file_is_imported_and_its_report_says_what_was_understood(tmp_path, store):
    path = tmp_path / "clean.jsonl"
    path.write_text(json.dumps(GOOD) + "\n")
    answer = ImportData(path=str(path)).do(store, silent)
    assert (answer["rows"], answer["refused"], answer["prompts"], answer["pairs"]) == (1, 0, 1, 1)
    assert answer["listed"] == [] and answer["file"] is None
    assert [d.id for d in queries.datasets(store)] == [answer["dataset_id"]]
    first = answer["first"][0]
    assert first["messages"] == [["user", GOOD["prompt"]]]
    assert {text for text, _, _ in first["responses"]} == {GOOD["chosen"], GOOD["rejected"]}
    a, b, better = first["recorded"][0]
    assert first["responses"][a if better == "a" else b][0] == GOOD["chosen"]
    assert json.loads(json.dumps(answer)) == answer


def test_a_dirty_file_is_not_imported_but_each_row_is_listed_with_its_reason(store, dirty):
    answer = ImportData(path=str(dirty)).do(store, silent)
    assert answer["dataset_id"] == ""
    assert queries.datasets(store) == []
    slow = examine(dirty).report
    assert answer["rows"] == len(ROWS)
    assert [row for row, _, _ in answer["listed"]] == [2, 3, 4, 7, 8]
    assert [[r, why] for r, why, _ in answer["listed"]] == [[item.row, item.reason] for item in slow.refused]
    assert answer["reasons"] == slow.reasons()
    assert sum(answer["reasons"].values()) == answer["refused"] == 5
    assert answer["repeated"] == 1


def test_the_file_of_refused_rows_lists_all_of_them(store, dirty):
    answer = ImportData(path=str(dirty)).do(store, silent)
    rows = list(csv.reader(io.StringIO(read_bytes(store.folder, Written(**answer["file"])).decode())))
    assert rows[0] == ["row", "reason", "what was found"]
    assert [[int(row), why, what] for row, why, what in rows[1:]] == answer["listed"]


def test_on_the_readers_word_the_other_rows_are_imported(store, dirty):
    answer = ImportData(path=str(dirty), skip_refused=True).do(store, silent)
    assert answer["refused"] == 5
    dataset = queries.datasets(store)[0]
    assert (dataset.id, dataset.name, dataset.refused) == (answer["dataset_id"], "dirty.jsonl", answer["reasons"])
    assert load_dataset(store, dataset.id).pairs.keys() == examine(dirty).data.pairs.keys()
    assert browse.search(store, dataset.id, "silk").total == 1


def test_nothing_that_can_be_used_is_an_error_with_the_reasons(tmp_path, store):
    path = tmp_path / "useless.jsonl"
    path.write_text(json.dumps({**GOOD, "rejected": GOOD["chosen"]}) + "\n")
    with pytest.raises(DataError, match="1 of 1 rows cannot be used"):
        ImportData(path=str(path), skip_refused=True).do(store, silent)
    with pytest.raises(DataError, match="There is no file"):
        ImportData(path=str(tmp_path / "gone.jsonl")).do(store, silent)


def test_only_below_the_data_root_or_what_was_uploaded(tmp_path, store, dirty, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "data"))
    with pytest.raises(DataError, match="the folder of data that this server reads"):
        ImportData(path=str(dirty)).do(store, silent)
    uploaded = store.folder / "uploads" / "x.jsonl"
    uploaded.parent.mkdir()
    uploaded.write_bytes(dirty.read_bytes())
    assert ImportData(path=str(uploaded)).do(store, silent)["refused"] == 5


def test_through_the_worker_it_is_done_or_failed_with_its_sentence(tmp_path, store, dirty):
    good, bad = ImportData(path=str(dirty)), ImportData(path=str(tmp_path / "none.csv"))
    for task in (good, bad):
        ask(store, task)
    assert {t.state for t in tasks.tasks(store)} == {"queued"}
    assert ToolsWorker(store).work(until_idle=True) == 2
    done, failed = asked(store, good), asked(store, bad)
    assert done is not None and failed is not None
    assert (done.state, failed.state) == ("done", "failed")
    assert done.answer is not None and done.answer["refused"] == 5
    assert "There is no file" in failed.error


def test_an_answer_holds_until_the_file_changes(store, dirty):
    task = ImportData(path=str(dirty), skip_refused=True)
    answer = task.do(store, silent)
    assert task.still_holds(store, answer)
    dirty.write_text(json.dumps(GOOD) + "\n")
    assert not task.still_holds(store, answer)
    assert not ImportData(path="somebody/some-data").still_holds(store, {**answer, "stamp": None})


def test_an_answer_whose_data_set_is_gone_no_longer_holds(tmp_path, store, dirty):
    task = ImportData(path=str(dirty), skip_refused=True)
    answer = task.do(store, silent)
    assert not task.still_holds(open_store(tmp_path / "other"), answer)


def test_a_changed_mapping_or_a_file_changed_in_its_folder_is_imported_anew(tmp_path, store):
    folder, house = tmp_path / "data", tmp_path / "house.yaml"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps({"q": "How?", "good": "a", "bad": "b"}) + "\n")
    (folder / "b.jsonl").write_text(json.dumps({"q": "And?", "good": "a", "bad": "b"}) + "\n")
    house.write_text("prompt: q\nchosen: good\nrejected: bad\n")
    task = ImportData(path=str(folder), format=str(house))
    answer = task.do(store, silent)
    assert task.still_holds(store, json.loads(json.dumps(answer)))
    house.write_text("prompt: q\nchosen: bad\nrejected: good\n\n")
    assert not task.still_holds(store, answer)
    turned = task.do(store, silent)
    assert turned["dataset_id"] != answer["dataset_id"]
    (folder / "b.jsonl").write_text(json.dumps({"q": "And what of it?", "good": "a", "bad": "b"}) + "\n")
    assert not task.still_holds(store, turned)
    assert ImportData(path="~nobody-of-that-name/x.jsonl").stamp() is None


def test_two_ways_to_read_a_file_list_their_refused_rows_each_for_itself(store, dirty, tmp_path):
    house = tmp_path / "house.yaml"
    house.write_text("prompt: prompt\nchosen: rejected\nrejected: chosen\n")
    answers = [ImportData(path=str(dirty), format=name).do(store, silent) for name in (None, str(house))]
    assert answers[0]["listed"] != answers[1]["listed"]
    for answer in answers:
        rows = list(csv.reader(io.StringIO(read_bytes(store.folder, Written(**answer["file"])).decode())))
        assert len(rows) == 1 + answer["refused"]
