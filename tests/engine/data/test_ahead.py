"""Rows that a second process reads ahead: the same store, bit for bit, as one process makes; its end is said."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.data import ahead, take_in
from engine.data.formats.base import FORMATS
from engine.data.read import examine, open_data
from engine.data.understood import Batch, understood
from engine.errors import DataError
from engine.store.database import Store, open_store
from tests.engine.store.test_arriving import TABLES, rows

TRL = FORMATS.get("trl_explicit")()


def write(path: Path, lines: list[Any]) -> str:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return str(path)


def pairs(n: int) -> list[dict[str, Any]]:
    return [{"prompt": f"p{i}", "chosen": f"yes {i} é", "rejected": f"no {i}"} for i in range(n)]


def every_row(store: Store) -> dict[str, list[Any]]:
    """Every row of the tables of data, as they lie; of a data set, all but when it came."""
    with sqlite3.connect(store.folder / "workbench.db") as raw:
        found = {table: raw.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
        found["datasets"] = raw.execute("SELECT id, rows, refused, dropped, label_bank, whole FROM datasets").fetchall()
    return found


def test_two_processes_make_the_same_store_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_in, "AT_ONCE", 90)
    path = write(tmp_path / "x.jsonl", [*rows(700), "no json", *rows(9), {"prompt": "half \ud800", "responses": []}])
    found, began = [], []
    real = subprocess.Popen.__init__
    monkeypatch.setattr(subprocess.Popen, "__init__", lambda *a, **k: began.append(1) or real(*a, **k))
    for name, least in (("one", 1 << 40), ("two", 0)):
        monkeypatch.setattr(ahead, "FROM", least)
        store, said = open_store(tmp_path / name), []
        taken = take_in.take_in(store, path, skip_refused=True, say=said.append)
        found.append((every_row(store), taken.report, taken.first, said))
    assert len(began) == (1 if len(os.sched_getaffinity(0)) > 1 else 0)
    assert found[0] == found[1]
    assert [len(found[0][0][table]) for table in ("prompts", "comparisons")] == [9, 709]
    assert found[0][1] == examine(path).report


def test_it_is_used_for_large_files_of_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.jsonl", pairs(5))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert not ahead.worth_it(path, TRL)
    monkeypatch.setattr(ahead, "FROM", 1)
    assert ahead.worth_it(path, TRL)
    assert not ahead.worth_it("-", TRL)
    assert not ahead.worth_it("some/hub-id", TRL)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not ahead.worth_it(path, TRL)


def test_what_stops_the_reading_is_said_by_the_first_process(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('prompt,chosen,rejected\na,b,c\nd,"e')
    with pytest.raises(DataError, match="is not CSV after line") as found:
        list(ahead.read_ahead(str(tmp_path / "x.csv"), TRL, None))
    assert found.value.next_step == "Check its quotes."


def test_a_process_that_is_killed_or_given_up_leaves_a_sentence_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.jsonl", pairs(20_000))
    begun: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen.__init__

    def begin(self: "subprocess.Popen[bytes]", *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        begun.append(self)

    monkeypatch.setattr(subprocess.Popen, "__init__", begin)
    monkeypatch.setattr(ahead, "AHEAD", 1000)  # so that it waits for us
    reading = ahead.read_ahead(path, TRL, 100)
    assert next(reading).last == 100
    begun[0].send_signal(signal.SIGKILL)
    with pytest.raises(DataError, match=r"was ended after row \d,?\d*00 \(exit code -9\)"):
        list(reading)
    reading = ahead.read_ahead(path, TRL, 100)
    assert next(reading).last == 100
    reading.close()
    assert begun[1].returncode == -signal.SIGKILL


def test_batches_end_where_they_are_told_and_forget_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_data(write(tmp_path / "x.jsonl", [*pairs(1203), "no json"]))
    found = list(understood(TRL, opened.rows, opened.source.place, at_once=400))
    assert [batch.last for batch in found] == [400, 500, 800, 1000, 1200, 1204]
    assert sum(len(batch.keys) for batch in found) == 1203
    assert [batch.refused[0][:2] for batch in found if batch.refused] == [(1204, "not JSON")]
    monkeypatch.setattr("engine.data.understood.LETTERS", 1)
    opened = open_data(tmp_path / "x.jsonl")
    each = list(understood(TRL, opened.rows, opened.source.place))
    assert len(each) == 1204
    for column in ("prompts", "responses", "pairs", "answers"):
        assert [row for batch in each for row in getattr(batch, column)] == joined(found, column)


def joined(batches: list[Batch], column: str) -> list[Any]:
    return [row for batch in batches for row in getattr(batch, column)]
