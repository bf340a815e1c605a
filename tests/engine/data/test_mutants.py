"""Five hundred files that went wrong: each is read, refused row by row, or gets a sentence; the store is as it was."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from engine.data import containers
from engine.data.read import examine
from engine.data.take_in import take_in
from engine.errors import DataError
from engine.seeds import rng_for
from engine.store.database import Store, open_store
from tests.engine.data.mutants import KINDS, MUTATIONS, mutant
from tests.engine.store.test_arriving import held

COUNT = 500


def outcome(path: Path) -> str:
    """What became of a file; any other error than a sentence goes up."""
    try:
        report = examine(path).report
    except DataError as error:
        said = error
    else:
        said = None
    if said is not None:
        assert str(path) in said.what
        assert said.next_step
        assert "\n" not in said.what
        return "a sentence"
    assert report.counts.prompts or report.refused
    assert all(item.reason and "\n" not in item.reason for item in report.refused)
    return "read, rows refused" if report.refused else "read"


def test_a_file_that_went_wrong_is_read_or_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_LINE", 200_000)
    rng = rng_for(8, None, "mutants")
    found = Counter(outcome(mutant(n, rng, tmp_path)[0]) for n in range(COUNT))
    assert found.total() == COUNT > len(KINDS) * len(MUTATIONS)
    assert all(found[kind] >= 10 for kind in ("a sentence", "read, rows refused", "read")), found


def untouched(store: Store, path: Path) -> str:
    """What became of its import; unless it was taken in, the store holds what it held."""
    before = held(store)
    try:
        taken = take_in(store, str(path))
    except DataError:
        assert held(store) == before
        return "a sentence"
    if not taken.dataset_id:
        assert held(store) == before
        return "refused"
    return "taken in"


def test_the_store_stays_as_it_was_unless_all_of_a_file_was_taken(tmp_path: Path) -> None:
    store, rng = open_store(tmp_path / "store"), rng_for(10, None, "mutants")
    found = Counter(untouched(store, mutant(n, rng, tmp_path)[0]) for n in range(0, 3 * 91, 3))
    assert len(found) == 3, found


def test_the_same_number_gives_the_same_file(tmp_path: Path) -> None:
    def content() -> bytes:
        return mutant(9, np.random.default_rng(1), tmp_path)[0].read_bytes()

    assert content() == content()
