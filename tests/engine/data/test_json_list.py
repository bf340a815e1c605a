"""A list read item by item against the same list read whole, however it is cut into blocks and whatever is wrong."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.json_list import items_of
from engine.errors import DataError

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def blocks_of(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def read(content: bytes, size: int = 7, longest: int = 10_000) -> list[Any]:
    return list(items_of(blocks_of(content, size), "x.json", json.JSONDecoder(), longest))


@settings(deadline=None, max_examples=200)
@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_it_gives_what_reading_it_whole_gives(
    values: list[Any], size: int, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    assert read(text.encode("utf-8", "surrogatepass" if ascii_only else "replace"), size) == json.loads(
        text if ascii_only else text.encode("utf-8", "replace").decode()
    )


@settings(deadline=None, max_examples=300)
@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(0, 300), st.integers(0, 255), st.integers(1, 9))
def test_a_changed_byte_gives_the_same_as_whole_or_a_sentence(values: list[Any], at: int, byte: int, size: int) -> None:
    content = bytearray(json.dumps(values).encode())
    content[at % len(content)] = byte
    try:
        whole = json.loads(bytes(content).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, list):
        assert repr(read(bytes(content), size)) == repr(whole)
    else:
        with pytest.raises(DataError, match=r"^x\.json"):
            read(bytes(content), size)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no list of rows"),
        (b"[", "after 0 whole rows it ends"),
        (b"[1", "after 1 whole row it ends"),
        (b"[1,]", "after 1 whole row it has ']' at character 3"),
        (b"[1 2]", "after 1 whole row it has '2'"),
        (b"[" * 50_000, "after 0 whole rows it has"),
        (b"[" + b"9" * 9000 + b"]", "after 0 whole rows"),
        (b'[{"a": "' + b"x" * 12_000 + b'"}]', "row 1 of its list is no JSON, or has over 10,000 characters"),
        (b'[{"a": "' + b"x" * 12_000, "row 1 of its list is no JSON, or has over 10,000 characters"),
        (b'["a\xff"]', "is not UTF-8 text"),
        (b"\x00[1]", "holds no list of rows"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, said: str) -> None:
    for size in (7, 4096):
        with pytest.raises(DataError) as found:
            read(content, size)
        assert said in str(found.value)


def test_what_is_held_does_not_grow_with_the_list() -> None:
    row = json.dumps({"prompt": "p" * 400, "chosen": "c" * 400, "rejected": "r" * 400}).encode()

    def long(rows: int) -> Iterator[bytes]:
        yield b"["
        for number in range(rows):
            yield (b"," if number else b"") + row
        yield b"]"

    tracemalloc.start()
    try:
        assert sum(1 for _ in items_of(long(20_000), "x.json", json.JSONDecoder(), 10_000)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 6_000_000, "of 25 MB of rows"
    finally:
        tracemalloc.stop()
