"""What `engine.save_plugin` keeps, refuses and says; whose code runs where, and whose does not."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import engine
from engine.config import StudyConfig
from engine.data.prepare import prepare_study
from engine.errors import ConfigError, StoreError
from engine.plugins.described import runs_nothing
from engine.store import queries
from engine.store.backup import backup
from engine.store.check import check
from engine.store.database import Store, open_store
from engine.store.plugins import all_kept, look_for, runnable
from engine.strategies.base import STRATEGIES, Strategy
from tests.engine.plugins.classes import Checked, Short, UsesATable, Whole
from tests.engine.plugins.conftest import forget
from tests.engine.plugins.test_source import cells

ROOT = Path(__file__).resolve().parents[3]
NAMED = {"name": "one", "data": {"pool": "p"}, "model": {"path": "m"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def written(body: str, name: str = "own", more: str = "") -> type[Strategy]:
    """A strategy of a notebook's cells; `more` stands before its class."""
    text = (
        f"import numpy as np\nimport engine\n{more}\nclass Own(engine.Strategy):\n    'Label what is uneven.'\n"
        f"    name, source = {name!r}, 'a test'\n    needs = frozenset({{'token_entropy'}})\n"
        f"    def recipe(self, view):\n        a, b = view.sides('token_entropy')\n        {body}\n"
    )
    return cells(text).Own


def deleted(name: str, cls: type[Strategy]) -> type[Strategy]:
    """The same, after a cell took a name away that the class uses."""
    del vars(sys.modules[cls.__module__])[name]
    return cls


GOOD = "return engine.Scores(np.abs(a - b))"
OTHER = "return engine.Scores(np.maximum(a, b))"


def elsewhere(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, with this test's settings."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def change(store: Store, statement: str, *values: Any) -> None:
    with sqlite3.connect(store.folder / "workbench.db") as raw:
        assert raw.execute(statement, values).rowcount == 1
        raw.execute("UPDATE revisions SET n = n + 1 WHERE scope = 'plugins'")


def test_a_saved_class_is_known_by_name_with_its_parameters_and_its_version(store: Store) -> None:
    before = queries.revision(store)
    saved = engine.save_plugin(Whole, store=store)
    assert (saved.name, saved.store) == ("whole", store.folder)
    assert queries.revision(store) == before + 1
    (kept,) = all_kept(store)
    assert kept.whole
    assert kept.version == saved.version == Whole.version
    study = StudyConfig.from_dict({**NAMED, "strategies": ["random", {"name": "whole", "power": 2}]})
    assert study.model_dump(mode="json")["strategies"][1]["version"] == saved.version
    assert study.strategies[1].spec() == Whole(power=2).spec()
    assert StudyConfig.from_dict(study.model_dump(mode="json")) == study
    with pytest.raises(ConfigError, match=r"power: it must be above 0 \(found 0\) Nothing"):
        StudyConfig.from_dict({**NAMED, "strategies": [{"name": "whole", "power": 0}]})


def test_another_source_is_another_version_and_the_old_one_stays(store: Store) -> None:
    first, second = (engine.save_plugin(written(body), store=store).version for body in (GOOD, OTHER))
    assert first != second
    assert [kept.version for kept in all_kept(store)] == [first, second]
    assert STRATEGIES.get("own").version == second
    assert STRATEGIES.build({"name": "own", "version": first}).version == first
    again = engine.save_plugin(written(GOOD), store=store).version
    assert again == first
    assert STRATEGIES.get("own").version == first, "what was saved last is meant, be it an old one"
    assert len(all_kept(store)) == 2
    with pytest.raises(ConfigError, match=rf"keeps no strategy 'own' of version 'x'; it keeps .*{first}"):
        StudyConfig.from_dict({**NAMED, "strategies": [{"name": "own", "version": "x"}]})
    with pytest.raises(ConfigError, match="keeps no strategy 'random' of version 'x'; this one comes with the program"):
        StudyConfig.from_dict({**NAMED, "strategies": [{"name": "random", "version": "x"}]})


def test_what_extends_a_saved_class_is_not_of_its_version(store: Store) -> None:
    engine.save_plugin(Short, store=store)
    assert "version" not in UsesATable().spec()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: int, "is not a class that extends Strategy"),
        (lambda: Strategy, "is not a class that extends Strategy"),
        (lambda: written(GOOD, name="activedpo"), "strategy 'activedpo' comes with the program"),
        (lambda: written(GOOD, name="My Own"), "its name is 'My Own'"),
        (lambda: written("return engine.Scores(a)"), "which response is side a"),
        (
            lambda: written("return engine.Scores(np.abs(a - missing))"),
            r"NameError: .*missing.*\(line \d+: `return engine",
        ),
        (lambda: deleted("np", written(GOOD)), "its recipe raised NameError: name 'np'"),
        (lambda: deleted("engine", written(GOOD)), "it cannot be imported: NameError: name 'engine'"),
        (lambda: UsesATable, "'TABLE'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(store: Store, make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        engine.save_plugin(make(), store=store)
    assert "Nothing was saved" in error.value.next_step or "save it again" in error.value.next_step
    assert all_kept(store) == []


def test_the_store_is_the_one_of_the_environment_if_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_STORE", str(tmp_path / "there"))
    assert engine.save_plugin(Short).store == tmp_path / "there"
    monkeypatch.delenv("WORKBENCH_STORE")
    monkeypatch.chdir(tmp_path)
    assert engine.save_plugin(Short).store == tmp_path / ".store"


def test_a_notebook_saves_what_its_cells_define(tmp_path: Path) -> None:
    """Imports in one cell, the class in another, saved in a third, and a slip on the way."""
    source = "\n".join([
        "class Own(engine.Strategy):", "    'Label what is uneven.'", "    name, source = 'own', 'a notebook'",
        "    needs = frozenset({'token_entropy'})", "    def recipe(self, view):",
        "        a, b = view.sides('token_entropy')", "        return engine.Scores(twice(np.abs(a - b)))",
    ])  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("import numpy as np\nimport engine\n%time x = 1"),
        nbformat.v4.new_code_cell("a = object()\ndef twice(x):\n    return 2 * x"),
        nbformat.v4.new_code_cell(source),
        nbformat.v4.new_code_cell("engine.save_plugin(Own, store='store')"),
    ])  # fmt: skip
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (kept,) = all_kept(open_store(tmp_path / "store"))
    assert kept.source == f"import engine\nimport numpy as np\n\n\ndef twice(x):\n    return 2 * x\n\n\n{source}\n"
    assert kept.version in str(notebook.cells[3].outputs)


def test_only_who_runs_it_executes_it(store: Store, tmp_path: Path) -> None:
    """Importing the kept source leaves a file behind: configs, lists and help do not, a worker's way does."""
    trace = tmp_path / "trace"
    mark = f"from pathlib import Path\nMARK = {str(trace)!r}\n"
    body = GOOD + "\n\n    Path(MARK).touch()"
    saved = engine.save_plugin(written(body, more=mark), store=store)
    assert trace.exists()
    trace.unlink()
    look = (
        f"from engine.store.database import open_store\nfrom engine.strategies.base import STRATEGIES\n"
        f"from engine.config import StudyConfig\nfrom engine.store.plugins import runnable\n"
        f"store = open_store({str(store.folder)!r})\nfound = STRATEGIES.get('own')\n"
        f"study = StudyConfig.from_dict({ {**NAMED, 'strategies': ['own']}!r})\n"
        "print(found.version, found.summary(), len(study.entrants()))\n"
    )
    done = elsewhere(look)
    assert done.stdout.split() == [saved.version, "Label", "what", "is", "uneven.", "3"], done.stderr
    assert not trace.exists()
    done = elsewhere(look + "print(runnable(store, study.strategies[0]).spec())")
    assert "'name': 'own'" in done.stdout, done.stderr
    assert trace.exists()


def described(store: Store, name: str = "own") -> Strategy:
    """The strategy as another process meets it."""
    forget()
    open_store(store.folder)
    made = STRATEGIES.build(name)
    assert runs_nothing(made)
    return made


def test_what_somebody_else_saved_runs_after_it_is_trusted(store: Store, settings: Path, tmp_path: Path) -> None:
    engine.save_plugin(written(GOOD), store=store)
    assert not runs_nothing(runnable(store, described(store)))
    (settings / "preference-workbench" / "trusted_plugins").unlink()
    with pytest.raises(StoreError, match="is code, and nobody here has said that it may run") as error:
        runnable(store, described(store))
    assert "workbench strategy trust own" in error.value.next_step
    done = elsewhere(
        f"from workbench.cli.main import app; app(['strategy', 'trust', 'own', '--store', {str(store.folder)!r}])"
    )
    assert "is trusted from now on" in done.stdout, done.stderr
    runnable(store, described(store))
    backup(store, tmp_path / "copy")
    runnable(open_store(tmp_path / "copy"), described(store))


def test_a_changed_source_is_not_run_and_the_check_says_so(store: Store) -> None:
    saved = engine.save_plugin(written(GOOD), store=store)
    assert check(store.folder) == []
    change(store, "UPDATE plugins SET source = source || '# more'")
    with pytest.raises(StoreError, match="is not the one that was saved: its checksum differs"):
        runnable(store, described(store))
    (finding,) = check(store.folder)
    assert "was changed after it was saved" in finding.what
    engine.save_plugin(written(GOOD), store=store)
    assert check(store.folder) == []
    known = described(store)
    runnable(store, known)
    change(store, "UPDATE plugins SET sha256 = ?", "f" * 64)
    with pytest.raises(StoreError, match=f"keeps no strategy 'own' of version {saved.version}"):
        runnable(store, known)


@pytest.mark.parametrize(
    ("column", "value"),
    [("about", '{"name": "own", "title": "<b>"}'), ("about", '{"name": "other"}'), ("about", "{}"),
     ("about", '{"name": "own", "needs": ["charm"]}'),
     ("fields", '{"![x](y)": {"type": "integer", "default": 1}}'), ("fields", '{"n": {"type": "charm", "default": 1}}'),
     ("fields", '{"n": 3}'), ("fields", "[1]"), ("about", "[1]")],
)  # fmt: skip
def test_a_row_that_nobody_can_show_is_left_out_and_told(store: Store, column: str, value: str) -> None:
    engine.save_plugin(written(GOOD), store=store)
    forget()
    change(store, f"UPDATE plugins SET {column} = ?", value)
    open_store(store.folder)
    assert "own" not in STRATEGIES.names()
    (finding,) = check(store.folder)
    assert "cannot be shown" in finding.what


def test_each_store_has_its_own(tmp_path: Path) -> None:
    one, other = open_store(tmp_path / "one"), open_store(tmp_path / "other")
    engine.save_plugin(written(GOOD), store=one)
    engine.save_plugin(written(GOOD, name="second"), store=other)
    open_store(one.folder)
    assert "own" in STRATEGIES.names()
    assert "second" not in STRATEGIES.names()
    open_store(other.folder)
    assert "own" not in STRATEGIES.names()


def test_a_study_of_what_no_worker_finds_is_refused(tmp_path: Path) -> None:
    one, other = open_store(tmp_path / "one"), open_store(tmp_path / "other")
    look_for(one, [STRATEGIES.build("random")])
    cls = written(GOOD)
    with pytest.raises(ConfigError, match="a class of a notebook or script, where no worker finds it"):
        look_for(one, [cls()])
    engine.save_plugin(cls, store=one)
    look_for(one, [cls()])
    with pytest.raises(ConfigError, match="is not kept in this store"):
        look_for(other, [cls()])
    with pytest.raises(ConfigError, match="is not kept in this store"):
        prepare_study(other, StudyConfig.from_dict({**NAMED, "strategies": [cls()]}))
    assert queries.studies(other) == []


def test_a_check_of_its_own_refuses_where_it_runs(store: Store) -> None:
    engine.save_plugin(Checked, store=store)
    odd = described(store, "checked").model_copy(update={"even": 3})
    with pytest.raises(ConfigError, match="it must be even"):
        runnable(store, odd)


def test_a_fault_in_its_recipe_is_said_with_the_line(store: Store) -> None:
    more = "ASKED = []\n"
    cls = written("return engine.Scores(np.abs(a - b) / (1 if len(view.pairs) > 3 else {}['few']))", more=more)
    engine.save_plugin(cls, store=store)
    made = runnable(store, described(store))

    class Few:
        pairs = ()

        def sides(self, name: str) -> tuple[float, float]:
            return 1.0, 2.0

    with pytest.raises(engine.EngineError, match=r"its recipe raised KeyError: 'few' \(line \d+: `return engine"):
        made.recipe(Few())  # type: ignore[arg-type]
