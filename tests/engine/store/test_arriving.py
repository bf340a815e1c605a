"""A large file comes in part by part: what is there at the end is what one transaction writes; else nothing is."""

import gzip
import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine.data import take_in as way
from engine.data.parts import Part
from engine.data.pool import PreferenceData
from engine.data.read import examine, open_data
from engine.data.take_in import take_in
from engine.errors import DataError, StoreError
from engine.store import arriving, browse, queries
from engine.store.database import Store, open_store
from engine.store.texts import add_dataset, load_dataset
from workbench.cli.main import app

TABLES = (
    "prompts",
    "responses",
    "pairs",
    "datasets",
    "dataset_prompts",
    "dataset_responses",
    "dataset_pairs",
    "comparisons",
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "AT_ONCE", 7)
    monkeypatch.setattr(arriving, "AT_ONCE", 5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def rows(n: int, first: int = 0) -> list[dict[str, Any]]:
    """Prompts that come again in later parts, with answers, soft labels, and scores that come late."""
    found = []
    for i in range(first, first + n):
        given: list[dict[str, Any]] = [{"text": f"answer {j} to {i % 9}"} for j in range(2 + i % 2)]
        if i >= 9:
            given[0] |= {"score": i % 9, "aspects": {"honest": i % 9}}
        answer = {"first": 0, "second": 1, "answer": "first", "share": 0.75, "strength": 2.0, "labeller": f"l{i}"}
        found.append({"prompt": f"How, {i % 9}?", "responses": given, "comparisons": [answer], "topic": "eggs"})
    return found


def write(path: Path, lines: list[Any]) -> str:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return str(path)


def held(store: Store) -> dict[str, int]:
    with sqlite3.connect(store.folder / "workbench.db") as raw:
        return {table: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def test_part_by_part_and_at_once_give_the_same(tmp_path: Path, store: Store) -> None:
    path = write(tmp_path / "x.jsonl", rows(40))
    slow = examine(path)
    taken = take_in(store, path)
    assert load_dataset(store, taken.dataset_id) == slow.data
    assert slow.data.aspects and slow.data.scores
    assert taken.report == slow.report
    assert slow.data.comparisons[0].share in (0.25, 0.75)
    other = open_store(tmp_path / "other")
    report = slow.report
    about = {
        "name": "x.jsonl",
        "path": path,
        "format_name": report.format,
        "sha256": report.sha256,
        "rows": report.rows,
    }
    assert add_dataset(other, data=slow.data, refused={}, **about) == taken.dataset_id
    assert held(other) == held(store)
    (one,), (two,) = queries.datasets(store), queries.datasets(other)
    assert (one.prompts, one.responses, one.pairs, one.label_bank) == (
        two.prompts,
        two.responses,
        two.pairs,
        two.label_bank,
    )
    again = take_in(store, path)
    assert (again.dataset_id, held(other)) == (taken.dataset_id, held(store))


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    answered=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=3),
    at_once=st.sampled_from([None, 1, 2, 500]),
)
def test_part_by_part_and_at_once_agree_on_what_is_a_label_bank(
    tmp_path: Path, answered: list[list[bool]], at_once: int | None
) -> None:
    """Three responses a prompt; which of the three pairs of each have an answer, each in a row of its own."""
    lines = []
    for n, given_ in enumerate(answered):
        for (one, other), known in zip(itertools.combinations("abc", 2), given_, strict=True):
            said = [{"first": 0, "second": 1, "answer": "first"}] * (2 * known)
            lines.append({"prompt": f"p{n}", "responses": [one, other], "comparisons": said})
    opened = open_data(write(tmp_path / "x.jsonl", lines))
    parts = list(opened.parts(at_once))
    wanted = all(all(row) for row in answered)
    assert (opened.report.label_bank, opened.report.counts.pairs) == (wanted, 3 * len(answered))
    assert examine(tmp_path / "x.jsonl").data.is_label_bank == wanted
    assert len(parts) == (1 if at_once in (None, 500) else 3 * len(answered) // at_once + 1)


def test_prompts_without_pairs_are_no_label_bank(tmp_path: Path, store: Store) -> None:
    lines = [{"prompt": f"p{i}"} for i in range(20)]
    taken = take_in(store, write(tmp_path / "x.jsonl", lines))
    assert (taken.report.label_bank, taken.report.counts.prompts, taken.report.counts.pairs) == (False, 20, 0)
    assert load_dataset(store, taken.dataset_id) == examine(tmp_path / "x.jsonl").data
    assert take_in(store, str(tmp_path / "x.jsonl")).report.label_bank is False


def test_a_cancelled_import_leaves_the_texts_of_others_and_nothing_else(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = rows(5)
    take_in(store, write(tmp_path / "a.jsonl", shared))
    before, whole = held(store), load_dataset(store, queries.datasets(store)[0].id)
    real, written = arriving.Arriving.add, []

    def add(self: arriving.Arriving, part: Part) -> None:
        if len(written) == 3:
            raise InterruptedError("stop")
        real(self, part)
        written.append(part)
        assert held(store)["prompts"] > before["prompts"]
        assert len(queries.datasets(store)) == 1
        assert not browse.has_dataset(store, self.id)

    monkeypatch.setattr(arriving.Arriving, "add", add)
    with pytest.raises(InterruptedError):
        take_in(store, write(tmp_path / "b.jsonl", rows(60)))
    assert held(store) == before
    assert load_dataset(store, queries.datasets(store)[0].id) == whole


def test_a_refused_row_far_down_stops_it_and_every_one_is_listed(tmp_path: Path, store: Store) -> None:
    before = held(store)
    path = write(tmp_path / "x.jsonl", [*rows(30), "no json", *rows(9), "nor this"])
    taken = take_in(store, path)
    assert (taken.dataset_id, [item.row for item in taken.report.refused]) == ("", [31, 41])
    assert held(store) == before
    assert take_in(store, path, skip_refused=True).dataset_id
    cut = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress(("\n".join(json.dumps({**row, "topic": str(i)}) for i, row in enumerate(rows(500)))).encode())
    cut.write_bytes(whole[:-60])
    before = held(store)
    with pytest.raises(DataError, match="cannot be unpacked"):
        take_in(store, str(cut))
    assert held(store) == before


def killed(store: Store, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import dies after its third part, without a word."""
    with monkeypatch.context() as patch:
        patch.setattr(arriving, "remove_leftovers", lambda store: None)
        said: list[str] = []
        patch.setattr(arriving.Arriving, "settle", lambda self, about: said.append("dead"))
        take_in(store, path)


def test_what_a_killed_import_left_is_gone_with_the_next(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.jsonl", rows(40))
    killed(store, path, monkeypatch)
    assert held(store)["datasets"] == 1
    assert queries.datasets(store) == []
    other = write(tmp_path / "y.jsonl", [{"prompt": f"p{i}", "chosen": "yes", "rejected": "no"} for i in range(20)])
    taken = take_in(store, other)
    assert [found.id for found in queries.datasets(store)] == [taken.dataset_id]
    assert (held(store)["prompts"], held(store)["responses"], held(store)["pairs"]) == (20, 40, 20)
    killed(store, path, monkeypatch)
    assert load_dataset(store, take_in(store, path).dataset_id) == examine(path).data


def test_what_a_killed_import_left_is_swept(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(store, write(tmp_path / "x.jsonl", rows(40)), monkeypatch)
    with arriving.lock_of_imports(store):
        assert arriving.broken_off(store) == [], "somebody may be writing it"
        assert arriving.sweep_imports(store) == 0
    assert arriving.broken_off(store) == ["x.jsonl"]
    swept = ["store", "gc", "--store", str(store.folder), "--older-than", "0"]
    listed = CliRunner().invoke(app, swept)
    assert "import was broken off: x.jsonl" in listed.output
    assert held(store)["datasets"] == 1, "only when told to"
    assert json.loads(CliRunner().invoke(app, [*swept, "--yes", "--json"]).output)["imports_removed"] == 1
    assert set(held(store).values()) == {0}
    assert (store.folder / arriving.LOCK).is_file()


def test_a_study_that_wants_the_same_file_waits_for_it_or_clears_the_way(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.jsonl", rows(40))
    killed(store, path, monkeypatch)
    reading = examine(path)
    about: dict[str, Any] = {"name": "x", "path": path, "format_name": reading.report.format, "rows": 40, "refused": {}}
    about |= {"sha256": reading.report.sha256, "data": reading.data}
    with arriving.lock_of_imports(store) as alone:
        assert alone
        with pytest.raises(StoreError, match="is being imported"):
            add_dataset(store, **about)
        with arriving.lock_of_imports(store) as second:
            assert not second
    assert load_dataset(store, add_dataset(store, **about)) == reading.data


def test_of_two_imports_of_one_file_the_second_finds_it_whole(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either had written."""
    path = write(tmp_path / "x.jsonl", rows(40))
    first, before = take_in(store, path), held(store)
    monkeypatch.setattr(way, "has_dataset", lambda *_: False)
    second = take_in(store, path)
    assert (second.dataset_id, second.report) == (first.dataset_id, first.report)
    assert held(store) == before


def test_what_another_adds_at_the_same_moment_is_left_as_it_is(tmp_path: Path, store: Store) -> None:
    reading = examine(write(tmp_path / "x.jsonl", rows(5)))
    about: dict[str, Any] = {"name": "x", "path": "x", "format_name": "f", "sha256": "1", "rows": 5, "refused": {}}

    class Beside(PreferenceData):
        """Another import writes the same while it is looked at."""

        @property
        def is_label_bank(self) -> bool:
            add_dataset(store, **about, data=reading.data)
            return False

    assert add_dataset(store, **about, data=Beside(**vars(reading.data))) == queries.datasets(store)[0].id
    assert load_dataset(store, queries.datasets(store)[0].id) == reading.data
