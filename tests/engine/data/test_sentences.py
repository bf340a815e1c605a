"""What a hub id, a file too large to be read whole and a single row are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.data import containers
from engine.data.containers import open_rows
from engine.data.read import examine, sha256_of
from engine.errors import DataError
from tests.engine.data.test_containers import LINES, ROWS


class Builder:
    """What `datasets` knows of a hub id."""

    hash = "c0ffee"
    rows: tuple[Any, ...] = tuple(ROWS)

    def as_streaming_dataset(self, split: str) -> Iterator[dict[str, Any]]:
        assert split == "train"
        for row in self.rows:
            if isinstance(row, Exception):
                raise row
            yield row


def test_a_hub_that_fails_in_the_middle_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.load_dataset_builder", lambda name: Builder())
    monkeypatch.setattr(Builder, "rows", (ROWS[0], RuntimeError()))
    rows = open_rows("somebody/some-data")
    assert next(rows) == ROWS[0]
    with pytest.raises(DataError, match="as a hub id it cannot be loaded: RuntimeError"):
        next(rows)


def test_a_hub_id_is_known_by_the_commit_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.load_dataset_builder", lambda name: Builder())
    first = examine("some/pairs").report
    assert first.rows == len(ROWS)
    assert first.sha256 == examine("some/pairs").report.sha256 == sha256_of("some/pairs", "c0ffee")
    monkeypatch.setattr(Builder, "hash", "decaf")
    assert examine("some/pairs").report.sha256 not in (first.sha256, sha256_of("some/pairs"))


def test_without_a_connection_a_hub_id_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> None:
        raise ConnectionError("Couldn't reach the hub\nand so on")

    monkeypatch.setattr("datasets.load_dataset_builder", offline)
    with pytest.raises(DataError, match=r"as a hub id it cannot be loaded: Couldn't reach the hub\. Check the path or"):
        examine("some/pairs")


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
