"""What a file too large to be read whole, a single row and odd JSON are told."""

import json
from pathlib import Path

import pytest

from engine.data import containers
from engine.data.read import examine
from engine.errors import DataError
from tests.engine.data.test_containers import LINES, ROWS


def test_a_large_json_file_is_read_row_by_row_and_told_where_it_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "x.json", json.dumps(ROWS)
    path.write_text(whole)
    read_whole = examine(path)
    monkeypatch.setattr(containers, "MAX_JSON", 100)
    assert examine(path).data == read_whole.data
    for broken, said in (
        (whole[:-20], rf"not JSON: after {len(ROWS) - 1} whole rows it "),
        (whole + "{}", rf"goes on after its list of {len(ROWS)} rows"),
        (json.dumps({"rows": ROWS}), "holds an object, not a list of rows"),
        (whole.replace("]", ', {"prompt": 1, "prompt": 2}]'), "the key 'prompt' stands twice"),
    ):
        path.write_text(broken)
        with pytest.raises(DataError, match=said):
            examine(path)


def test_of_one_row_it_is_said_in_the_singular(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(LINES.splitlines()[0])
    assert examine(tmp_path / "x.jsonl").report.why_format == "its only row has prompt, chosen, rejected"
    (tmp_path / "y.jsonl").write_text("no json")
    with pytest.raises(DataError, match=r"y.jsonl: its only row cannot be read \(row 1: not JSON"):
        examine(tmp_path / "y.jsonl")


def test_what_json_cannot_hold_is_said_in_our_words(tmp_path: Path) -> None:
    good = LINES.splitlines()[0].decode()
    for value, why in (("9" * 6000, "a number has too many digits"), ("[" * 20_000 + "]" * 20_000, "nested too deep")):
        (tmp_path / "x.jsonl").write_text(f'{good}\n{{"prompt": {value}}}\n')
        refused = examine(tmp_path / "x.jsonl").report.refused[0]
        assert (refused.row, refused.reason) == (2, "not JSON") and why in refused.detail
        (tmp_path / "x.json").write_text(f"[{good}, {value}]")
        with pytest.raises(DataError, match=rf"x\.json is not JSON: .*{why}\. It is cut short or damaged"):
            examine(tmp_path / "x.json")


def test_nothing_but_blank_lines_is_not_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MOST_BLANK", 50)
    (tmp_path / "x.jsonl").write_bytes((b"\n" * 50).join(LINES.splitlines()))
    assert not examine(tmp_path / "x.jsonl").report.refused
    (tmp_path / "x.jsonl").write_bytes(LINES + b"\n" * 51 + LINES)
    with pytest.raises(DataError, match="over 50 blank lines in a row"):
        examine(tmp_path / "x.jsonl")
