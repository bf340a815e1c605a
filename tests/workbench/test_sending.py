"""Another labelling tool, on the page Label: pairs go out by a press, the answered file comes back by a worker."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.data.export.queue import tasks_of
from engine.errors import StoreError
from engine.store import outgoing, queries, roles
from engine.store.assignments import claim_next
from engine.store.database import Store
from engine.tasks.base import ask, asked
from engine.tasks.take_answers import TakeAnswers
from engine.tools import ToolsWorker
from tests.engine.store.campaign_world import campaign, finish, labels
from tests.workbench.test_cli_label import annotated, run
from tests.workbench.test_label import press
from tests.workbench.test_pages import app, seen
from workbench import sending

Made = tuple[Store, str, str]
BAD = {"data": {"prompt": "<b>no</b> responses"}, "annotations": [{"result": []}]}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return campaign(tmp_path / "store", batch=4)


def offered(test: AppTest) -> list[str]:
    return [one.proto.label for one in test.get("download_button")]


def answers(store: Store, study_id: str, file: Path, n: int = 3) -> Path:
    """A file of the first n pairs that are out, answered, one of another study, and a row that says nothing."""
    tasks = json.loads(tasks_of(outgoing.given_out(store, study_id), "label_studio")["pairs.json"])
    other = {"data": {"prompt": "Another?", "response_a": "<b>yes</b>", "response_b": "no"}}
    rows = [*(annotated(task, "left", "mira@example.org") for task in tasks[:n]), annotated(other, "left", "")]
    file.write_text(json.dumps([*rows, BAD]))
    return file


def test_pairs_are_sent_out_by_a_press_and_can_be_downloaded_till_they_are_answered(made, monkeypatch):
    store, study_id, _ = made
    test = app(store.folder, monkeypatch, "label")
    assert "4 pairs in the queue that nobody else holds; 0 pairs out" in seen(test)
    test.number_input(key="tool-pairs-4").set_value(3).run()
    press(test, "Send out 3 pairs")
    assert "3 pairs out: download the file below" in seen(test)
    assert (outgoing.out(store, study_id), outgoing.free(store, study_id)) == (3, 0), "the last one is on the desk"
    assert "Download the 3 pairs that are out" in offered(test)
    first = [pair.pair_id for pair in outgoing.given_out(store, study_id)]
    assert [pair.pair_id for pair in outgoing.given_out(store, study_id)] == first, "as often as it is asked for"
    press(test, "Take them back")
    assert (outgoing.out(store, study_id), outgoing.free(store, study_id)) == (0, 3), "one lies on the lead's desk"
    press(test, "Send out 4 pairs")
    assert (outgoing.out(store, study_id), outgoing.free(store, study_id)) == (4, 0), "that one goes out, too"
    assert "4 answers are to come from another tool." in seen(test)
    press(test, "Take them back")
    with pytest.raises(StoreError, match="No pair of this study is out"):
        outgoing.given_out(store, study_id)


def test_what_stays_in_the_queue_is_downloaded_without_being_reserved(made, monkeypatch):
    store, study_id, _ = made
    test = app(store.folder, monkeypatch, "label")
    test.toggle(key="tool-shared").set_value(True).run()
    assert "Download 3 pairs" in offered(test)
    assert not [button for button in test.button if button.label.startswith("Send out")]
    assert len(sending._copied(study_id, "argilla", 2)) == 2
    assert outgoing.out(store, study_id) == 0


def test_one_file_is_downloaded_as_it_is_and_several_as_a_zip(made):
    store, study_id, _ = made
    pairs = _pairs(store, study_id)
    assert sending.file_kind("argilla")[0] == "pairs.jsonl"
    assert sending.packed(pairs, "argilla").count(b"\n") == 4
    assert sending.file_kind("label_studio")[0] == "label_studio.zip"
    with zipfile.ZipFile(io.BytesIO(sending.packed(pairs, "label_studio"))) as found:
        assert sorted(found.namelist()) == ["label_studio.xml", "pairs.json"]
        assert len(json.loads(found.read("pairs.json"))) == 4


def test_the_answered_file_is_taken_in_by_the_tools_worker_with_a_report(made, tmp_path, monkeypatch):
    store, study_id, _ = made
    with outgoing.sent_out(store, study_id, "label_studio"):
        pass
    file = answers(store, study_id, tmp_path / "<i>answers.json")
    ask(store, TakeAnswers(study_id=study_id, path=str(file)))
    test = app(store.folder, monkeypatch, "label")
    assert "The taking in waits for the tools worker." in seen(test), "found again in another tab"
    ToolsWorker(store).work(until_idle=True)
    test.run()
    said = seen(test)
    assert not test.exception
    assert "<i>answers" not in said
    for words in ("a new answer", "a pair that nobody asked about in this study", "1 pair of this study was still out"):
        assert words in said, words
    assert "Not simply written: 1 answer" in [one.label for one in test.expander]
    assert "Refused: 1 row" in [one.label for one in test.expander]
    assert len(labels(store)) == 3
    assert not [button for button in test.button if button.label == "Take it in again"], "it would bring nothing new"


def test_what_became_of_each_answer_is_told_and_a_second_time_brings_nothing(made, tmp_path):
    store, study_id, _ = made
    with outgoing.sent_out(store, study_id, "argilla", reserved=False):
        pass
    tasks = json.loads(tasks_of(list(_pairs(store, study_id)), "label_studio")["pairs.json"])
    file = tmp_path / "answers.json"
    file.write_text(json.dumps([annotated(task, "left", "noor@example.org") for task in tasks]))
    finish(made, "Mira")
    task = TakeAnswers(study_id=study_id, path=str(file))
    answer = task.do(store, lambda words: None)
    assert answer["ways"] == {"written": 0, "late": 4, "corrected": 0, "told before": 0, "not asked": 0}
    assert {way for _, _, way in answer["unwritten"]} == {"late"}
    assert task.still_holds(store, answer)
    again = task.do(store, lambda words: None)
    assert (again["ways"]["told before"], len(labels(store))) == (4, 8)
    file.write_text(file.read_text() + "\n")
    assert not task.still_holds(store, answer), "the file has changed"


def test_a_file_that_cannot_be_read_fails_with_a_sentence(made, tmp_path):
    store, study_id, _ = made
    file = tmp_path / "answers.json"
    file.write_text("[1, 2]")
    task = TakeAnswers(study_id=study_id, path=str(file))
    ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    found = asked(store, task)
    assert found is not None and found.state == "failed" and found.error
    assert labels(store) == []


def test_an_upload_is_kept_and_then_taken_in(made, tmp_path, monkeypatch):
    store, study_id, _ = made
    with outgoing.sent_out(store, study_id, "label_studio"):
        pass
    content = answers(store, study_id, tmp_path / "answers.json", 4).read_bytes()
    test = app(store.folder, monkeypatch, "label")
    (uploader,) = test.get("file_uploader")
    if not hasattr(uploader, "set_value"):
        pytest.skip("this Streamlit's AppTest cannot upload")
    uploader.set_value([("answers.json", content, "application/json")]).run()
    press(test, "Take the answers in")
    ToolsWorker(store).work(until_idle=True)
    assert len(labels(store)) == 4
    assert queries.study(store, study_id).runs[0].state == "queued", "and the run goes on"


def test_a_labeller_has_none_of_it(made, monkeypatch):
    store, study_id, _ = made
    _, token = roles.invite(store, "Mira", "labeller", study_id)
    test = app(store.folder, monkeypatch, "label", token=token)
    assert not [one for one in test.expander if one.label == "Another labelling tool"]
    assert not test.get("file_uploader")


def test_the_command_sends_some_and_writes_them_once_more(made, tmp_path):
    store, study_id, _ = made
    at = (study_id, "--store", str(store.folder), "--out")
    code, told = run("label", "export", *at, str(tmp_path / "some"), "--at-most", "3")
    assert (code, told["pairs"], outgoing.out(store, study_id)) == (0, 3, 3)
    code, told = run("label", "export", *at, str(tmp_path / "again"), "--again")
    assert (code, told["pairs"], outgoing.out(store, study_id)) == (0, 3, 3)
    assert (tmp_path / "some" / "pairs.json").read_bytes() == (tmp_path / "again" / "pairs.json").read_bytes()
    assert claim_next(store, study_id, roles.at_the_machine(store, "Mira").id) is not None, "one is left here"
    assert "0 pairs cannot be sent out" in run("label", "export", *at, str(tmp_path / "x"), "--at-most", "0")[1]
    code, said = run("label", "export", *at, str(tmp_path / "y"), "--again", "--shared")
    assert (code, "all of it" in said) == (2, True)


def _pairs(store: Store, study_id: str) -> list[outgoing.Outgoing]:
    with outgoing.sent_out(store, study_id, "label_studio", reserved=False) as pairs:
        return pairs
