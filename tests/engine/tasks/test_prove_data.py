"""The proof through the tools worker: nothing is imported, what was found is JSON, and it can be stopped in between."""

import csv
import io
import json
from pathlib import Path

import pytest

from engine.data.prepare import prepare_study
from engine.data.proof.prove import prove
from engine.errors import DataError
from engine.store import queries
from engine.store.database import Store, open_store
from engine.store.files import Written, read_bytes
from engine.tasks.first_rows import CUT, ROWS, FirstRows
from engine.tasks.import_data import ImportData
from engine.tasks.prove_data import ProveData
from engine.tasks.prove_leakage import ProveLeakage
from engine.tasks.prove_tokens import ProveTokens
from tests.engine.data.test_prepare import study
from tests.engine.tasks.test_import_data import GOOD, silent

MODEL = str(Path(__file__).resolve().parents[3] / "sample_data" / "model")
FILE = [GOOD, {**GOOD, "rejected": GOOD["chosen"]}, {**GOOD, "chosen": "  "}, {**GOOD, "prompt": "how do i wash WOOL?"}]


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def dirty(tmp_path) -> Path:
    path = tmp_path / "dirty.jsonl"
    path.write_text("\n".join(map(json.dumps, FILE)) + "\n", encoding="utf-8")
    return path


def test_the_proof_says_all_and_imports_nothing(store, dirty):
    answer = ProveData(path=str(dirty)).do(store, silent)
    assert queries.datasets(store) == []
    assert json.loads(json.dumps(answer)) == json.loads(json.dumps({**answer}))
    by_name = {finding["name"]: finding for finding in answer["findings"]}
    assert (by_name["identical"]["found"], by_name["empty"]["found"], by_name["refused"]["found"]) == (1, 1, 2)
    assert by_name["same_but_for_case"]["found"] == 1
    assert "near_duplicates" not in by_name
    assert answer["first"][0]["messages"] == [["user", GOOD["prompt"]]]
    assert answer["first"][0]["answers"] == [[0, 1, "first", ""]]
    rows = list(csv.reader(io.StringIO(read_bytes(store.folder, Written(**answer["file"])).decode())))
    assert [[int(row), why, what] for row, why, what in rows[1:]] == answer["listed"]
    assert [row for row, _, _ in answer["listed"]] == [2, 3]


def test_near_duplicates_are_their_own_stage(store, dirty):
    answer = ProveData(path=str(dirty), near_duplicates=True).do(store, silent)
    assert [finding["name"] for finding in answer["findings"]] == ["near_duplicates"]
    assert answer["findings"][0]["found"] == 2
    assert prove(dirty, near=True).findings[-1].found == 2


@pytest.mark.parametrize("near", [False, True])
def test_it_stops_when_it_is_told_to(store, tmp_path, near):
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({**GOOD, "prompt": f"How do I wash {n}?"}) + "\n" for n in range(2_500)))

    class Stop(Exception):
        pass

    def say(word: str) -> None:
        if word.startswith("1,000 rows"):
            raise Stop

    with pytest.raises(Stop):
        ProveData(path=str(path), near_duplicates=near).do(store, say)
    assert not (store.folder / "files" / "imports").exists()


def test_an_answer_holds_until_the_file_or_its_mapping_changes(store, tmp_path):
    path, house = tmp_path / "odd.jsonl", tmp_path / "house.yaml"
    path.write_text(json.dumps({"q": "How?", "good": "a", "bad": "b"}) + "\n")
    with pytest.raises(DataError, match="no format fits"):
        ProveData(path=str(path)).do(store, silent)
    house.write_text("prompt: q\nchosen: good\nrejected: bad\n")
    task = ProveData(path=str(path), format=str(house))
    answer = task.do(store, silent)
    assert answer["format"].startswith("mapped-")
    assert task.still_holds(store, answer)
    house.write_text("prompt: q\nchosen: bad\nrejected: good\n# the other way round\n")
    assert not task.still_holds(store, answer)
    assert not ProveData(path="somebody/some-data").still_holds(store, {"stamp": None})


def test_first_rows_are_shown_whatever_they_are_and_bounded(store, tmp_path):
    path = tmp_path / "odd.jsonl"
    rows = ["no json", *[json.dumps({"a": "x" * 9_000, "b": [{"c": n}] * 50, "n": float("nan")}) for n in range(40)]]
    path.write_text("\n".join(rows) + "\n")
    answer = FirstRows(path=str(path)).do(store, silent)
    assert len(answer["rows"]) <= ROWS
    assert len(answer["rows"][0]["a"]) == CUT
    assert len(answer["rows"][0]["b"]) == 20
    assert json.loads(json.dumps(answer, allow_nan=False))["rows"] == answer["rows"]
    bad = tmp_path / "bad.jsonl"
    bad.write_text("nothing\n")
    with pytest.raises(DataError, match="none of its first rows"):
        FirstRows(path=str(bad)).do(store, silent)


def test_rows_as_tokens_with_what_begins_and_ends_them(store, dirty):
    answer = ProveTokens(path=str(dirty), model=MODEL).do(store, silent)
    view = answer["views"][0]
    assert (view["row"], view["bos"], view["eos"]) == (1, ["<|bos|>", 1], ["<|eos|>", 1])
    kinds = [part for _, part in view["tokens"]]
    assert kinds == sorted(kinds), "the prompt, then the response, one boundary"
    assert "".join(text for text, part in view["tokens"] if part == "response") == GOOD["chosen"] + "<|eos|>"
    assert (answer["sample"], answer["n"], answer["over"], answer["refused"]) == (2, 4, 0, 0)
    json.dumps(answer)


def test_what_does_not_fit_the_context_is_counted_and_named(store, dirty):
    answer = ProveTokens(path=str(dirty), model=MODEL, context_tokens=12).do(store, silent)
    assert answer["over"] == 4
    assert answer["over_rows"] == [1, 4]
    assert not answer["views"][0]["fits"]
    assert "takes 12" in answer["views"][0]["why"]


def test_a_prompt_that_the_template_refuses_is_named(store, tmp_path):
    path = tmp_path / "roles.jsonl"
    turns = [{"role": "wizard", "content": "How?"}]
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "prompt": turns}) + "\n")
    answer = ProveTokens(path=str(path), model=MODEL).do(store, silent)
    assert (answer["n"], answer["refused"], answer["refused_rows"][0][0]) == (2, 1, 2)
    assert "wizard" in answer["refused_rows"][0][1]
    assert [view["fits"] for view in answer["views"]] == [True, False]


def test_what_a_held_out_file_shares_is_counted_until_either_file_changes(store, dirty, tmp_path):
    beside = tmp_path / "held_out.jsonl"
    rows = [GOOD, {**GOOD, "prompt": "How do I wash wool ?"}, {**GOOD, "prompt": "And silk?"}]
    beside.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task, words = ProveLeakage(path=str(dirty), held_out=str(beside)), []
    answer = json.loads(json.dumps(task.do(store, words.append)))
    assert (answer["held_out"], answer["same"], answer["near"]) == (3, 1, 1)
    assert words[:2] == ["reading the file", "reading the held-out file"]
    assert task.still_holds(store, answer)
    assert queries.datasets(store) == []
    for changed in (beside, dirty):
        before = changed.read_bytes()
        changed.write_bytes(before + before)
        assert not task.still_holds(store, answer)
        answer = task.do(store, silent)
    assert not ProveLeakage(path=str(dirty), held_out="some/where").still_holds(store, {"stamps": [[1, 2], None]})


def test_files_and_mappings_outside_the_data_root_are_not_read(store, dirty, tmp_path, monkeypatch):
    house, root = tmp_path / "house.yaml", tmp_path / "root"
    house.write_text("prompt: prompt\nchosen: chosen\nrejected: rejected\n")
    root.mkdir()
    monkeypatch.setenv("WORKBENCH_DATA_ROOT", str(root))
    inside = root / "dirty.jsonl"
    inside.write_bytes(dirty.read_bytes())
    kept = store.folder / "mappings" / "house.yaml"
    kept.parent.mkdir()
    kept.write_bytes(house.read_bytes())
    assert ProveData(path=str(inside), format=str(kept)).do(store, silent)["rows"] == 4
    for task in (
        ProveData(path=str(dirty)), ProveData(path=str(inside), format=str(house)), FirstRows(path=str(dirty)),
        ProveTokens(path=str(dirty), model=MODEL), ImportData(path=str(inside), format=str(house)),
        ProveLeakage(path=str(inside), held_out=str(dirty)), ProveLeakage(path=str(dirty), held_out=str(inside)),
    ):  # fmt: skip
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            task.do(store, silent)


def test_a_model_of_this_machine_is_loaded_from_below_the_root_or_as_a_studys_own(store, dirty, tmp_path, monkeypatch):
    study_id = prepare_study(store, study(tmp_path, Path(MODEL)))
    assert study_id
    monkeypatch.setenv("WORKBENCH_DATA_ROOT", str(tmp_path))
    assert ProveTokens(path=str(dirty), model=MODEL).do(store, silent)["n"] == 4
    for model in (str(Path(MODEL) / ".." / "model"), "/nowhere/at/all"):
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            ProveTokens(path=str(dirty), model=model).do(store, silent)
    with pytest.raises(DataError, match="the folder of data that this server reads"):
        ProveTokens(path=str(dirty), model=MODEL).do(open_store(tmp_path / "other"), silent)
