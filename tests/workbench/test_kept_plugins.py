"""A strategy that the store keeps, in the app and on the command line: listed, drawn, never run, its words text."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.store import queries
from engine.store.database import Store, open_store
from engine.worker import Worker
from tests.engine.plugins.conftest import forget
from tests.engine.worker.lives import queue, study_of
from tests.workbench.test_form import file_of, press, widget
from tests.workbench.test_pages import ROOT, app, seen
from workbench.cli.main import app as command_line
from workbench.plugin_words import kept_words

SCRIPT = r'''
from pathlib import Path

import numpy as np
from pydantic import Field

import engine

TRACE = {trace!r}


class Own(engine.Strategy):
    """Label <b>what</b> ![x](http://far.example/x.png) is uneven.

    A second paragraph.
    """

    name, title, source = "own", "Own one", "<img src=x> [us](http://far.example)"
    needs = frozenset({{"token_entropy"}})
    formula = r"a $$ ![x](http://far.example/y.png) $$"
    power: float = Field(2.0, gt=0, le=4, description="exponent, [see](http://far.example)")
    ends: bool = Field(False, description="whether the ends are taken")

    Path(TRACE).touch()

    def recipe(self, view):
        a, b = view.sides("token_entropy")
        return engine.Scores(np.abs(a - b) ** self.power)


engine.save_plugin(Own, store={store!r})
'''


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    yield tmp_path / "settings"
    forget()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What importing the kept source leaves behind."""
    return tmp_path / "trace"


@pytest.fixture
def store(tmp_path: Path, trace: Path) -> Store:
    """A store in which another process has saved it."""
    store = open_store(tmp_path / "store")
    save(store, trace, tmp_path / "own.py")
    return store


def save(store: Store, trace: Path, script: Path) -> None:
    script.write_text(SCRIPT.format(trace=str(trace), store=str(store.folder)))
    done = subprocess.run([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert trace.exists()
    trace.unlink()


def test_help_shows_it_as_text_and_runs_nothing(store, trace, monkeypatch):
    test = app(store.folder, monkeypatch, "help", chapter="strategies")
    said = seen(test)
    assert not test.exception
    assert "Own one" in said
    assert "Label &lt;b&gt;what&lt;/b&gt; ![x](http://far.example/x.png) is uneven." in said
    assert "A second paragraph." in said
    assert "a $$ ![x](http://far.example/y.png) $$" in said
    assert "&lt;img src=x&gt;" in said
    assert "exponent, [see](http://far.example)" in said
    assert "kept in this store, version " in said
    assert not [found for found in [*test.markdown, *test.get("latex")] if "far.example" in str(found.value)]
    assert not trace.exists()


def test_the_form_draws_its_fields_and_nothing_of_it_is_markdown(store, trace, monkeypatch):
    test = press(app(store.folder, monkeypatch), "Fill in a form")
    widget(test, "multiselect", "strategies").set_value(["random", "own"]).run()
    said = seen(test)
    assert "Label &lt;b&gt;what&lt;/b&gt;" in said
    assert "Exponent, [see](http://far.example). Above 0 to 4" in said
    power = widget(test, "number_input", "power")
    assert (power.value, power.min, power.max, power.help) == (2.0, 0.0, 4.0, "")
    assert widget(test, "checkbox", "ends").help == ""
    power.set_value(3.0).run()
    assert file_of(test)["strategies"] == ["random", {"name": "own", "power": 3.0}]
    assert "No strategy is called" not in seen(test)
    assert not trace.exists()


def test_what_is_saved_while_the_app_is_open_is_there_at_the_next_click(tmp_path, trace, monkeypatch):
    folder = tmp_path / "late"
    test = app(folder, monkeypatch, "help", chapter="strategies")
    assert "Own one" not in seen(test)
    save(open_store(folder), trace, tmp_path / "late.py")
    assert "Own one" in seen(test.run())
    assert not trace.exists()


def test_it_says_whether_a_worker_here_may_run_it(store, settings, monkeypatch):
    (settings / "preference-workbench" / "trusted_plugins").unlink()
    said = seen(app(store.folder, monkeypatch, "help", chapter="strategies"))
    assert "waits for your trust: workbench strategy trust own" in said
    from engine.strategies.base import STRATEGIES

    assert kept_words(STRATEGIES.get("random")) == ""


def test_lists_and_a_study_know_it_and_only_the_worker_runs_it(store, trace, tmp_path, tiny_model_dir, monkeypatch):
    run = CliRunner()
    listed = run.invoke(command_line, ["strategy", "list", "--store", str(store.folder)])
    assert "Own one" in listed.output
    shown = run.invoke(command_line, ["strategy", "show", "own", "--store", str(store.folder)])
    assert "exponent" in shown.output
    assert "power" in shown.output
    study = study_of(
        "recorded", tiny_model_dir, strategies=["own"], race="none", rounds=1, labels_per_round=3, panel=[], seeds=[1]
    )
    queue(store.folder, study)
    test = app(store.folder, monkeypatch)
    assert "Own one" in seen(test)
    assert not trace.exists(), "the app and the command line have not run it"
    Worker(store, "cpu").work(until_idle=True)
    assert queries.studies(store)[0].state == "done"
    assert trace.exists()
    for page in ("batch", "curves", "explore"):
        test = app(store.folder, monkeypatch, page)
        assert not test.exception
        assert "Own one" in seen(test), page
