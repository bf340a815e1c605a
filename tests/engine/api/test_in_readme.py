"""What the README shows of Python beyond its first lines runs, over a store in the working folder."""

from pathlib import Path

import pytest

import engine
from tests.test_readme import block
from tests.workbench import lab_worlds, worlds


def test_the_code_over_a_store_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategies = ("random", "activedpo", "real")
    store = worlds.finished(tmp_path / ".store", name="Helpful answers", seeds=(1, 2, 3), strategies=strategies)
    lab_worlds.scored(store, lab_worlds.request(store, *strategies))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)
    names = {"engine": engine}
    exec(block("python", "engine.Study.open("), names)
    assert names["study"].state == "done"
    assert (tmp_path / "subset" / "README.md").is_file()
