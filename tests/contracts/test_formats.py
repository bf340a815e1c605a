"""What every data format must do: know its own rows, refuse bad ones with a countable reason, never fail otherwise."""

import copy
import gzip
import inspect
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow
from engine.data.read import read
from tests.contracts.rows import REFUSED, ROWS

ALL = pytest.mark.parametrize("data_format", [cls() for cls in FORMATS if not cls.by_hand], ids=lambda f: f.name)
SINGLE = {"prompts_only", "kto"}
"""Give prompts, or a response at a time, and so no pair."""
UNCOMPARED = {*SINGLE, "ultrafeedback"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(width=16) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def test_every_format_has_rows_here() -> None:
    assert set(ROWS) == set(REFUSED) == {cls.name for cls in FORMATS if not cls.by_hand}, (
        "add its rows to tests/contracts/rows.py"
    )
    assert all(len(rows) >= 2 for rows in ROWS.values())
    assert all(len(rows) >= 3 for rows in REFUSED.values())


@ALL
def test_it_knows_its_own_rows_and_no_others(data_format: Format) -> None:
    for name, rows in ROWS.items():
        for row in rows:
            assert data_format.sniff([row]) == (name == data_format.name)
        assert data_format.sniff(rows) == (name == data_format.name)


@ALL
def test_a_row_becomes_a_conversation_its_responses_and_what_is_known(data_format: Format) -> None:
    for row in ROWS[data_format.name]:
        before = copy.deepcopy(row)
        for parsed in parsed_by(data_format, row):
            assert_well_formed(parsed)
        assert row == before


def parsed_by(data_format: Format, row: Mapping[str, Any]) -> tuple[ParsedRow, ...]:
    """The prompts of a row."""
    parsed = data_format.parse(row)
    return parsed if isinstance(parsed, tuple) else (parsed,)


def assert_well_formed(parsed: ParsedRow) -> None:
    assert parsed.messages
    assert parsed.messages[-1].role != "assistant"
    assert all(response.text.strip() for response in parsed.responses)
    for comparison in parsed.comparisons:
        assert comparison.first != comparison.second
        assert {comparison.first, comparison.second} <= set(range(len(parsed.responses)))
        assert comparison.answer in ("first", "second", "tie", "both_bad")


@ALL
def test_bad_rows_are_refused_with_a_reason_one_can_count(data_format: Format) -> None:
    for row in REFUSED[data_format.name]:
        with pytest.raises(BadRow) as refused:
            data_format.parse(row)
        assert refused.value.reason
        assert len(refused.value.reason) < 90
        assert "\n" not in refused.value.reason


@ALL
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_spoilt_row_is_read_or_refused_and_nothing_else(data_format: Format, data: st.DataObject) -> None:
    """Anything may stand anywhere in a file; whatever it is, it ends as a row or as a `BadRow`."""
    row = copy.deepcopy(data.draw(st.sampled_from(ROWS[data_format.name])))
    place = data.draw(st.sampled_from(list(places(row))))
    spoil(row, place, data.draw(ANYTHING))
    try:
        found = parsed_by(data_format, row)
    except BadRow:
        return
    for parsed in found:
        assert all(isinstance(r.text, str) and r.text.strip() for r in parsed.responses)
        assert all(isinstance(m.role, str) and isinstance(m.content, str) for m in parsed.messages)
        assert all(isinstance(name, str) and math.isfinite(v) for r in parsed.responses for name, v in r.aspects)
        assert all(c.share is None or 0 <= c.share <= 1 for c in parsed.comparisons)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["prompt", "chosen", "rejected", "responses", "x"]), ANYTHING), min_size=1
    )
)
def test_sniffing_never_fails(rows: list[dict[str, Any]]) -> None:
    for cls in FORMATS:
        assert cls().sniff(rows) in (True, False)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all keys and items within a row."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [found for key in keys for found in [(*path, key), *places(value[key], (*path, key))]]


def spoil(row: Any, place: tuple[Any, ...], anything: Any) -> None:
    for key in place[:-1]:
        row = row[key]
    row[place[-1]] = anything


@ALL
def test_a_file_of_them_is_detected_and_read(data_format: Format, tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS[data_format.name])
    plain, zipped = tmp_path / "rows.jsonl", tmp_path / "rows.jsonl.gz"
    plain.write_text(lines, encoding="utf-8")
    zipped.write_bytes(gzip.compress(lines.encode()))
    reading = read(plain)
    assert reading.report.format == data_format.name
    assert (reading.report.rows, reading.report.refused) == (len(ROWS[data_format.name]), [])
    assert reading.data == read(zipped).data
    assert bool(reading.data.pairs) == (data_format.name not in SINGLE)
    assert bool(reading.data.comparisons) == (data_format.name not in UNCOMPARED)


@ALL
def test_it_survives_json_and_says_what_it_is(data_format: Format) -> None:
    cls = type(data_format)
    assert FORMATS.build(json.loads(json.dumps(data_format.spec()))) == data_format
    assert (inspect.getdoc(cls) or "") != inspect.getdoc(Format)
    assert cls.summary()
    assert cls.title
    assert cls.source
    assert cls.columns
