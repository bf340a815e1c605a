"""Each text once, whatever the file repeats: ids as numbers in sorted runs against plain sets and dictionaries."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import read as reader
from engine.data.earlier import Earlier, numbers
from engine.data.read import examine
from engine.errors import DataError
from tests.engine.data.test_ahead import pairs, write

KEYS = st.integers(0, 40).map(lambda n: n * 460_000_000_000_000_000)  # to the top of 64 bits


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(KEYS, st.floats(-9, 9)), max_size=8))
def test_what_is_known_is_what_a_dictionary_knows(parts: list[dict[int, float]]) -> None:
    earlier, plain, slow = Earlier(), Earlier(), dict[int, float]()
    for part in parts:
        keys = np.array(list(part), dtype=np.uint64)
        known = earlier.holds(keys)
        assert known.tolist() == plain.holds(keys).tolist() == [key in slow for key in part]
        assert earlier.values(keys) == {n: slow[key] for n, key in enumerate(part) if key in slow}
        earlier.add(keys[~known], np.array(list(part.values()))[~known])
        plain.add(keys[~known])
        slow = part | slow
        assert len(earlier) == len(plain) == len(slow)


def test_an_id_is_a_number_of_64_bits() -> None:
    assert numbers(["p0000000000000001", "rffffffffffffffff"]).tolist() == [1, (1 << 64) - 1]
    assert numbers([]).dtype == np.uint64


def test_ids_of_many_parts_lie_in_few_runs() -> None:
    earlier = Earlier()
    for n in range(300):
        earlier.add(np.arange(10, dtype=np.uint64) + np.uint64(10 * n))
    assert len(earlier) == 3000
    assert len(earlier._runs) <= 9


def test_what_is_too_large_to_be_read_whole_is_refused_by_its_texts_and_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.jsonl", pairs(10))
    letters = sum(len(text) for row in pairs(10) for text in row.values())
    monkeypatch.setattr(reader, "MOST_WHOLE", letters + 10_000)
    assert len(examine(path).data.pairs) == 10
    monkeypatch.setattr(reader, "MOST_WHOLE", letters + 9_999)
    with pytest.raises(DataError, match=rf"too large .* its first 10 rows have {letters} characters"):
        examine(path)
    assert sum(len(part.pairs) for part in reader.open_data(path).parts(4)) == 10
