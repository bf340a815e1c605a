"""A mapping by hand: what it reads, what it refuses, how it is kept, and what it is filed under."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.formats.base import BadRow, ParsedRow
from engine.data.formats.mapped import Mapped, at, columns_of, mapping_of, mapping_text, read_mapping, word
from engine.data.read import examine, read
from engine.errors import ConfigError, DataError
from engine.study_file import absolute
from tests.contracts.test_formats import ANYTHING, places, spoil

ROW = {
    "q": "How do I wash wool?",
    "out": {"left": "By hand, cold.", "right": "Boil it."},
    "best": 2.0,
    "who": "ann",
    "grade": {"left": "3", "right": 4},
    "kind": "laundry",
    "by.model": "m1",
}
BY_ANSWER = {
    "prompt": "q", "first": "out.left", "second": "out.right", "answer": "best", "answers": {1: "first", 2: "second"},
    "labeller": "who", "score_first": "grade.left", "score_second": "grade.right", "topic": "kind",
    "source_first": "by.model",
}  # fmt: skip
LISTED = {"prompt": "p", "responses": "all", "text": "said", "score": "mark"}


def test_two_responses_with_an_answer() -> None:
    found = mapping_of(BY_ANSWER).parse(ROW)
    assert [(r.text, r.source, r.score) for r in found.responses] == [("By hand, cold.", "m1", 3), ("Boil it.", "", 4)]
    assert [(c.first, c.second, c.answer, c.labeller) for c in found.comparisons] == [(0, 1, "second", "ann")]
    assert found.topic == "laundry"


def test_chosen_and_rejected_and_a_list() -> None:
    pair = mapping_of({"prompt": "q", "chosen": "out.right", "rejected": "out.left", "system": "kind"}).parse(ROW)
    assert [m.role for m in pair.messages] == ["system", "user"]
    assert pair.comparisons[0].answer == "first"
    rows = {"p": "And?", "all": [{"said": "a", "mark": 1}, {"said": "b"}, "c"]}
    found = mapping_of(LISTED).parse(rows)
    assert [(r.text, r.score) for r in found.responses] == [("a", 1), ("b", None), ("c", None)]
    assert found.comparisons == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"q": None}, "there is no prompt"),
        ({"out": {"left": "a"}}, "there is no second"),
        ({"out": {"left": "a", "right": "  "}}, "empty response"),
        ({"best": 7}, "an answer that the mapping does not know"),
        ({"best": None}, "there is no answer"),
        ({"grade": {"left": "high"}}, "not a finite number"),
        ({"q": [{"role": "assistant", "content": "Hello."}]}, "ends with an assistant turn"),
    ],
)
def test_what_a_row_lacks_is_said(change, words) -> None:
    with pytest.raises(BadRow, match=words):
        mapping_of(BY_ANSWER).parse({**ROW, **change})


def test_a_value_that_is_not_there_may_have_a_meaning() -> None:
    mapped = mapping_of({**BY_ANSWER, "answers": {1: "first", "": "tie"}})
    assert mapped.parse({**ROW, "best": None}).comparisons[0].answer == "tie"
    assert [word(value) for value in (True, 1.0, 1, " a ", None)] == ["true", "1", "1", "a", ""]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "prompt: no column"),
        ({"prompt": "q"}, "none is named"),
        ({"prompt": "q", "chosen": "a"}, "rejected: no column"),
        ({"prompt": "q", "chosen": "a", "rejected": "b", "first": "c", "second": "d"}, "are named"),
        ({"prompt": "q", "first": "a", "second": "b", "answer": "c"}, "answers: say what"),
        ({"prompt": "q", "chosen": "a", "rejected": "b", "colour": "c"}, "colour"),
        ({**BY_ANSWER, "answers": {"1": "left"}}, "answers.1"),
    ],
)
def test_a_mapping_that_cannot_be_meant_names_every_finding(wrong, words) -> None:
    with pytest.raises(ConfigError, match=words):
        mapping_of(wrong)


def test_it_is_kept_as_yaml_and_read_again(tmp_path: Path) -> None:
    mapped = mapping_of(BY_ANSWER)
    path = tmp_path / "house.yaml"
    path.write_text(mapping_text(mapped))
    assert read_mapping(path) == mapped
    assert read_mapping(path).key() == mapped.key() != mapping_of({**BY_ANSWER, "topic": "who"}).key()
    for content in (b"[1, 2]", b"a: [", b"\xff\xfe", b"x" * 70_000, b"prompt: 3"):
        path.write_bytes(content)
        with pytest.raises((ConfigError, DataError)):
            read_mapping(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_mapping(tmp_path / "none.yaml")


def test_a_file_is_read_by_its_mapping_and_filed_under_it(tmp_path: Path) -> None:
    data, house = tmp_path / "odd.jsonl", tmp_path / "house.yaml"
    data.write_text(json.dumps(ROW) + "\n" + json.dumps({**ROW, "best": 9}) + "\n")
    house.write_text(mapping_text(mapping_of(BY_ANSWER)))
    with pytest.raises(DataError, match="no format fits"):
        examine(data)
    report = examine(data, str(house)).report
    assert (report.format, report.rows) == (mapping_of(BY_ANSWER).key(), 2)
    assert [item.row for item in report.refused] == [2]
    assert "prompt from q" in report.why_format
    assert len(read(data, str(house), skip_refused=True).data.pairs) == 1


def test_a_study_names_a_mapping_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text("prompt: q")
    (tmp_path / "trl_explicit").mkdir()
    found = absolute({"data": {"pool": "x/y", "format": "house.yaml"}}, tmp_path)
    assert found["data"]["format"] == str((tmp_path / "house.yaml").resolve())
    assert absolute({"data": {"format": "trl_explicit"}}, tmp_path)["data"]["format"] == "trl_explicit"


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_spoilt_row_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    mapping, row = data.draw(st.sampled_from([(BY_ANSWER, ROW), (LISTED, {"p": "?", "all": [{"said": "a"}, "b"]})]))
    row = json.loads(json.dumps(row))
    spoil(row, data.draw(st.sampled_from(list(places(row)))), data.draw(ANYTHING))
    try:
        found = mapping_of(mapping).parse(row)
    except BadRow:
        return
    assert isinstance(found, ParsedRow)
    assert all(isinstance(r.text, str) and r.text.strip() for r in found.responses)


def test_columns_are_listed_with_those_within_them() -> None:
    assert columns_of([ROW])[:4] == ["q", "out", "out.left", "out.right"]
    assert len(columns_of([{f"c{n}": n for n in range(500)}])) == 200
    assert at(ROW, "by.model") == "m1"
    assert at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert at(ROW, "nowhere.at.all") is None
    assert Mapped().sniff([ROW]) is False


def test_a_conversation_is_a_response_only_behind_its_own_prompt() -> None:
    mapped = mapping_of({"prompt": "q", "system": "s", "chosen": "good", "rejected": "bad"})
    asked, reply = {"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}
    row = {"q": "How?", "s": "Be brief.", "good": [asked, reply], "bad": [{**reply, "content": "Not so."}]}
    assert [r.text for r in mapped.parse(row).responses] == ["So.", "Not so."]
    whole = [{"role": "system", "content": "Be brief."}, asked, reply]
    assert mapped.parse({**row, "good": whole}).responses[0].text == "So."
    for wrong, words in (
        ([asked], "not the assistant's"),
        ([asked, reply, asked], "not the assistant's"),
        ([{**asked, "content": "Why?"}, reply], "is not the prompt"),
        ([asked, reply, asked, reply], "is not the prompt"),
    ):
        with pytest.raises(BadRow, match=words):
            mapped.parse({**row, "good": wrong})


def test_a_mapping_in_the_home_of_nobody_gets_a_sentence() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_mapping("~nobody-of-that-name/house.yaml")
