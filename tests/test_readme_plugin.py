"""The README's strategy of ten lines: its very text runs in a notebook cell, and then in a study and in the app."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

from engine.store import queries
from engine.store.check import check
from engine.store.database import open_store
from engine.worker import Worker
from tests.engine.plugins.conftest import forget
from tests.engine.worker.lives import queue, study_of
from tests.workbench.test_form import file_of, press, widget
from tests.workbench.test_pages import app, seen
from workbench.cli.main import app as command_line

README = Path(__file__).resolve().parent.parent / "README.md"


def cell() -> str:
    """The block behind the marker."""
    (found,) = re.findall(r"<!-- plugin -->\n```python\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store in which a notebook has saved it; nothing of it is known to this process."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("WORKBENCH_STORE", str(tmp_path / "store"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell())])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "Saved(name='uneven'" in str(notebook.cells[0].outputs)
    yield tmp_path / "store"
    forget()


def test_it_is_ten_lines() -> None:
    body = cell().partition("class ")[2].splitlines()
    assert len([line for line in body if line.strip()]) <= 10


def test_it_works_in_a_study_and_in_the_app(
    folder: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = CliRunner().invoke(command_line, ["strategy", "show", "uneven"])
    assert "unevenly sure" in shown.output
    assert "Uneven" in seen(app(folder, monkeypatch, "help", chapter="strategies"))
    test = press(app(folder, monkeypatch), "Fill in a form")
    widget(test, "multiselect", "strategies").set_value(["random", "uneven"]).run()
    widget(test, "number_input", "weight").set_value(0.25).run()
    assert file_of(test)["strategies"] == ["random", {"name": "uneven", "weight": 0.25}]
    study = study_of(
        "recorded", tiny_model_dir, strategies=[{"name": "uneven", "weight": 0.25}], race="none", rounds=1,
        labels_per_round=3, panel=[], seeds=[1],
    )  # fmt: skip
    store = queue(folder, study)
    Worker(store, "cpu").work(until_idle=True)
    summary = queries.studies(store)[0]
    (run,) = queries.study(store, summary.id).runs
    assert run.state == "done", run.error
    frame = queries.scores(store, run.id, 1)
    a, b = (frame[f"token_entropy.{side}"].to_numpy(np.float64) for side in "ab")
    highest = np.argsort(-(np.abs(a - b) + 0.25 * (a + b)))[:3]
    assert [pick.pair_id for pick in queries.batch(store, run.id, 1)] == list(frame["pair_id"].to_numpy()[highest])
    assert "Uneven" in seen(app(folder, monkeypatch, "batch"))
    assert check(open_store(folder).folder) == []
