"""Map, Data, Label quality and Export as notebooks; the import and a clone as commands that do the same."""

import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import yaml
from nbclient import NotebookClient
from typer.testing import CliRunner

import engine
from engine.config import StudyConfig
from engine.data.answers import Subset
from engine.settings import DataSettings
from engine.store import inbox, queries
from engine.store.database import Store, open_store
from engine.tasks.base import ask, asked
from engine.tasks.projection import Projection
from engine.tasks.prove_data import ProveData
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.test_readme import parsed
from tests.workbench import lead_worlds, worlds
from tests.workbench.test_cli import study_file
from tests.workbench.test_crossing import played
from tests.workbench.test_explore import scored_world
from tests.workbench.test_pages import app, seen
from workbench import opening
from workbench.cli.changes import cloned
from workbench.cli.main import app as cli
from workbench.components.start_study import clone_command
from workbench.crossing import notebook_of, notebook_of_export
from workbench.forms import whole
from workbench.import_words import Said, check_command, import_command, lines_of
from workbench.views import ToExport, View
from workbench.worth import worth

Given = Callable[..., tuple[dict[str, Any], list[Any]]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A finished study of one seed and two rounds with scores, whose map is made."""
    made = scored_world(tmp_path_factory.mktemp("crossing") / "store")
    inbox.tour_seen(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        ask(made, Projection(study_id=queries.studies(made)[0].id))
        ToolsWorker(made).work(until_idle=True)
    return made


@pytest.fixture
def notebook(store: Store, monkeypatch: pytest.MonkeyPatch) -> Given:
    """What the notebook of a page does that is opened with these words in its link."""

    def given(page: str, folder: Path = store.folder, **query: str) -> tuple[dict[str, Any], list[Any]]:
        made: list[Callable[[], bytes]] = []
        monkeypatch.setattr(opening, "notebook_button", lambda file, make, key="": made.append(make))
        test = app(folder, monkeypatch, page, **query)
        assert not test.exception
        return played(made[-1]())

    return given


def test_the_map_is_drawn_again_with_its_marks_and_what_is_chosen(store: Store, notebook: Given) -> None:
    study = queries.studies(store)[0].id
    run = next(r for r in queries.study(store, study).runs if r.strategy.name == "apl")
    names, shown = notebook("map", strategy="APL", round="2", colour="score", unlike="0.1 to 2")
    kept = asked(store, Projection(study_id=study))
    assert kept is not None and names["answer"] == kept.answer, "the map of the store is drawn, not a new one"
    assert [type(one).__name__ for one in shown].count("Figure") == 1
    picks = {pick.pair_id for pick in queries.batch(store, run.id, 2)}
    assert set(names["pairs"].names(np.flatnonzero(names["marks"].by == 0))) == picks
    unlike = names["pairs"]["dissimilarity"]
    assert names["choice"].pairs.tolist() == ((unlike >= 0.1) & (unlike <= 2)).tolist()
    assert names["quantity"].key == "score"
    assert names["scene"].values is not None
    assert [one.title for one in shown if type(one).__name__ == "Pairs"] == ["The whole pool, 0.10 to 2.00"]


@pytest.mark.parametrize("points", ["responses", "segments"])
def test_the_map_of_responses_and_segments(notebook: Given, points: str) -> None:
    names, _ = notebook("map", points=points)
    assert names["scene"].what == points
    assert names["quantity"] is None


def test_a_map_that_the_store_has_not_is_made_by_the_notebook(
    tmp_path: Path, notebook: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    alone = worlds.finished(tmp_path / "alone", seeds=(1,))
    names, _ = notebook("map", alone.folder)
    assert names["kept"] is None
    assert len(names["scene"].rows) == 96


def test_a_page_of_the_data_is_read_again_with_its_search_and_prompt(store: Store, notebook: Given) -> None:
    names, shown = notebook("data", q="jumper that is number 7")
    (found,) = names["found"].prompts
    assert names["one"].id == found.id, "without one in the link the first is read"
    pairs = next(one for one in shown if type(one).__name__ == "Pairs")
    assert {pair.pair_id for pair in pairs} == set(names["one"].pairs)
    assert {pair.answer for pair in pairs} <= {"a", "b"}
    names, _ = notebook("data", prompt=found.id)
    assert names["one"].id == found.id
    names, shown = notebook("data", q="nobody wrote this")
    assert names["one"] is None
    assert [len(one) for one in shown] == [0, 0, 0]


def test_without_a_study_the_data_have_a_notebook_all_the_same(
    tmp_path: Path, notebook: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Path("sample_data/skewed/heldout_balanced.jsonl")
    done = CliRunner().invoke(cli, ["data", "import", str(pool), "--store", str(tmp_path)])
    assert done.exit_code == 0, done.output
    names, _ = notebook("data", tmp_path)
    assert names["dataset"].name == pool.name
    made: list[object] = []
    monkeypatch.setattr(opening, "notebook_button", lambda *given, **more: made.append(given))
    app(tmp_path, monkeypatch, "data", part="import")
    assert made == [], "while a file is brought in nothing is looked at"


def test_label_quality_says_what_the_page_says_and_no_name(tmp_path: Path, notebook: Given) -> None:
    asks, study_id, _ = lead_worlds.answered(tmp_path / "campaign")
    inbox.tour_seen(asks)
    _, shown = notebook("label_quality", asks.folder)
    found = worth(asks, study_id)
    alpha = next(one for one in shown if "alpha" in getattr(one, "columns", ()))
    assert alpha["alpha"].iloc[0] == found.alpha.alpha
    people = next(one for one in shown if "skill" in getattr(one, "columns", ()))
    assert sorted(people["labeller"]) == ["labeller 1", "labeller 2", "labeller 3"]
    assert not [one for one in shown if hasattr(one, "_repr_html_") and "Mia" in str(one._repr_html_())]
    assert [type(one).__name__ for one in shown].count("Figure") >= 2


def test_an_export_by_its_notebook_is_that_of_its_command(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = queries.studies(store)[0].id
    choices = {"strategy": "activedpo", "seed": 1, "upto_round": 2, "score_at_least": 0.0, "container": "jsonl"}
    to = ToExport(study, "out", choices, "data/train-00000-of-00001.jsonl")
    played(notebook_of_export(to, str(store.folder)))
    words = ["--strategy", "activedpo", "--seed", "1", "--round", "2", "--score-at-least", "0", "--out", "other"]
    done = CliRunner().invoke(cli, ["export", study, *words, "--store", str(store.folder)])
    assert done.exit_code == 0, done.output
    mine, other = ({p.name: p.read_bytes() for p in Path(f).rglob("*") if p.is_file()} for f in ("out", "other"))
    assert mine == other
    assert '"chosen"' in capsys.readouterr().out, "the first row is shown"


def test_the_button_of_the_page_export_says_the_choices_of_the_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[ToExport] = []
    monkeypatch.setattr(opening.crossing, "notebook_of_export", lambda to, folder: asked_for.append(to) or b"")
    monkeypatch.setattr(opening, "notebook_button", lambda file, make, key="": make())
    app(store.folder, monkeypatch, "export", strategy="ActiveDPO", seed="1", round="2")
    (to,) = [one for one in asked_for if one.choices]
    subset = Subset(study_id=to.study_id, strategy="activedpo", seed=1, upto_round=2)
    given = {name: value for name, value in to.choices.items() if name not in ("profile", "container")}
    assert given == {name: getattr(subset, name) for name in ("strategy", "seed", "upto_round")}
    assert (to.choices["profile"], to.file) == ("trl", "data/train-00000-of-00001.jsonl")


def test_explore_over_the_rounds_and_with_others_beside_it(store: Store, notebook: Given) -> None:
    names, shown = notebook("explore", strategy="APL", round="2", of="score", chart="rounds")
    study = queries.study(store, queries.studies(store)[0].id)
    mine = next(r.id for r in study.runs if r.strategy.name == "apl")
    assert 2 in names["rounds"]
    assert set(names["rounds"]) <= set(queries.rounds(store, mine))
    assert [type(one).__name__ for one in shown].count("Figure") == 1
    names, _ = notebook("explore", strategy="APL", round="2", of="score", also="ActiveDPO")
    assert [panel.found.strategy.name for panel in names["panels"]] == ["apl", "activedpo"]


def test_a_notebook_that_reads_scores_runs_in_a_real_kernel(store: Store, tmp_path: Path) -> None:
    """DuckDB behaves otherwise in Jupyter: without ipywidgets it draws no bar, and refuses to be told so."""
    study = queries.study(store, queries.studies(store)[0].id)
    run = next(r for r in study.runs if r.strategy.name == "apl")
    made = notebook_of(View("explore", str(store.folder), study.summary.id, "apl", run.id, 1, 2))
    notebook = nbformat.reads(made.decode(), as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [name for cell in notebook.cells for one in cell.get("outputs", ()) for name in one.get("data", ())]
    assert "application/vnd.plotly.v1+json" in shown


def test_a_study_of_the_command_line_stands_in_the_open_app_and_in_a_notebook(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_store(tmp_path / "store").folder
    test = app(folder, monkeypatch)
    assert "No study is here yet." in seen(test)
    file = study_file(tmp_path, tiny_model_dir, name="from a terminal")
    done = CliRunner().invoke(cli, ["study", "run", str(file), "--detach", "--store", str(folder)])
    assert done.exit_code == 0, done.output
    test.run()
    assert "from a terminal" in seen(test)
    assert engine.Study.open("from a terminal", folder).state == "queued"


# ---- commands ------------------------------------------------------------------------------------------------------
def test_a_files_commands_say_all_that_the_form_holds() -> None:
    plain = Said(ProveData(path="a b.jsonl"))
    assert check_command(plain) == "workbench data check 'a b.jsonl' --no-near-duplicates"
    assert import_command(plain) == "workbench data import 'a b.jsonl'"
    mapped = Said(ProveData(path="a", format="m.yaml"), near=True)
    assert check_command(mapped) == "workbench data check a --mapping m.yaml"
    full = Said(ProveData(path="a", format="trl"), "held out.jsonl", "my model", refused=True)
    assert check_command(full) == "workbench data check a --format trl --held-out 'held out.jsonl' --model 'my model'"
    assert import_command(full) == "workbench data import a --format trl --skip-refused"
    for said in (plain, mapped, full):
        parsed(check_command(said))
        parsed(import_command(said))


def test_a_files_lines_are_the_data_of_a_study() -> None:
    said = Said(ProveData(path='a "b": c.jsonl', format="trl"), "h.jsonl", "m", refused=True)
    value = yaml.safe_load(lines_of(said))
    data = DataSettings.model_validate(value["data"])
    assert (data.pool, data.format, data.skip_refused) == (said.task.path, "trl", True)
    assert dict(data.held_out) == {"held_out": "h.jsonl"}
    assert value["model"] == {"path": "m"}
    assert yaml.safe_load(lines_of(Said(ProveData(path="a")))) == {"data": {"pool": "a"}}


CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"name": "another, 'quoted'"},
    {"seeds": [4, 5], "rounds": 3},
    {"dpo": {"learning_rate": 1e-6, "beta": 0.3}},
    {"strategies": ["random", {"name": "activedpo", "ridge": 1e-5}]},
    {"data": {"pool": "p", "held_out": {"of.two": "x", "b": "y"}}},
    {"oracle": {"name": "noisy", "flip_rate": 0.25}, "tracker": {"name": "mlflow"}, "prompts_per_round": 7},
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change) or "nothing")
def test_a_clones_command_makes_what_its_form_holds(change: dict[str, Any]) -> None:
    study = worlds.config("one", (1, 2), 8, ("random", "activedpo"))
    start = study.model_copy(update={"name": "one, again"})
    config = StudyConfig.from_dict({**whole(start), **change})
    command = clone_command("s1", start, config, with_labels=True)
    parsed(command)
    words = shlex.split(command)
    assert words[:5] == ["workbench", "study", "clone", "s1", "--with-labels"]
    sets = [word for option, word in pairwise(words) if option == "--set"]
    assert cloned(whole(study), sets) == config
    assert bool(sets) == bool(change)
    assert "--with-labels" not in clone_command("s1", start, config, with_labels=False)
