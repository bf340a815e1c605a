"""From the app to a notebook and a command: the same study, the same figures, the same picks."""

import ast
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from engine.analysis.levels import levels
from engine.config import StudyConfig
from engine.store import queries
from engine.store.database import Store, open_store
from engine.tasks.dry_run import DryRun
from tests.workbench import lab_worlds, worlds
from tests.workbench.test_explore import scored_world
from tests.workbench.test_pages import app
from tests.workbench.worlds import HOSTILE, scores_in
from workbench.charts.across import Across
from workbench.cli.main import app as cli
from workbench.crossing import PAGES, notebook_of, notebook_of_dry_run
from workbench.lab_words import command_of, lines_of
from workbench.views import InData, OnMap, View

BUTTON = "Open as notebook"
BREAKS_OUT = "\"); import os; os.remove(\"x\") #\n'''\\"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("crossing") / "store"
    return worlds.finished(folder, name=HOSTILE[0], seeds=(1, 2, 3), strategies=("random", "activedpo"))


@pytest.fixture(scope="module")
def view(store: Store) -> View:
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "activedpo" and r.seed == 2)
    return View("batch", str(store.folder), study.id, "activedpo", run.id, 2, 2, figure="accuracy")


def played(content: bytes) -> tuple[dict[str, Any], list[Any]]:
    """What the names of its cells stand for at the end, and what the cells showed."""
    notebook = nbformat.reads(content.decode(), as_version=4)
    nbformat.validate(notebook)
    shown: list[Any] = []
    names: dict[str, Any] = {"display": shown.append}
    for cell in notebook.cells:
        assert not cell.get("outputs")
        if cell.cell_type == "code":
            body = ast.parse(cell.source).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), "cell", "exec"), names)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    return names, shown


def test_a_notebook_of_curves_draws_what_the_page_draws(store: Store, view: View) -> None:
    names, shown = played(notebook_of(replace(view, page="curves", figure="nll", every_seed=True)))
    figures = [one for one in shown if type(one).__name__ == "Figure"]
    assert list(names["sets"]) == ["pool_like", "balanced"]
    for split, figure in zip(names["sets"], figures, strict=True):
        found = levels(queries.curve(store, view.study_id, "nll", split))
        for key, part in found.groupby("strategy"):
            means = part["mean"].tolist()
            drawn = [t for t in figure.data if t.y is not None and len(t.y) == len(means) and np.allclose(t.y, means)]
            assert drawn, key
    assert names["study"].state == "done"
    assert [list(one.columns).count("sentence") for one in shown if hasattr(one, "legend")] == [0, 1]


def test_along_cost_the_axis_is_the_readers(view: View) -> None:
    names, _ = played(notebook_of(replace(view, page="curves", across=Across("cost", "device", 2.0, 36.0))))
    part = next(iter(names["sets"].values()))
    took = names["took"].set_index(["run_id", "round"])["seconds"]
    seconds = np.array([took[(row.run_id, row.round)] for row in part.itertuples()])
    assert len(part)
    assert np.allclose(part["x"], 2.0 * part["labels"] + 0.01 * seconds)


def test_a_notebook_of_a_batch_shows_its_pairs_and_the_one_looked_at(store: Store, view: View) -> None:
    batch = queries.batch(store, view.run_id, 2)
    names, shown = played(notebook_of(replace(view, pair=batch[2].pair_id)))
    assert [pair.pair_id for pair in names["picks"]] == [pick.pair_id for pick in batch]
    assert batch[2].pair_id in [getattr(one, "pair_id", "") for one in shown]


@pytest.mark.parametrize("shares", [True, False])
def test_a_notebook_of_explore_draws_the_round(tmp_path: Path, shares: bool) -> None:
    store = scored_world(tmp_path)
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "apl")
    looked = View("explore", str(tmp_path), study.id, "apl", run.id, 1, 2, quantity="gone", shares=shares)
    names, shown = played(notebook_of(looked))
    (panel,), picks = names["panels"], [pick.pair_id for pick in queries.batch(store, run.id, 2)]
    assert list(panel.found.picks) == picks
    assert sorted(panel.picked) == sorted(scores_in(panel.found)[picks])
    assert len(panel.ordered) == len(scores_in(panel.found))
    assert [type(one).__name__ for one in shown].count("Figure") == 1


def test_a_round_without_scores_says_so(view: View, capsys: pytest.CaptureFixture[str]) -> None:
    _, shown = played(notebook_of(replace(view, page="explore")))
    assert "No candidate of this round has a score or a signal." in capsys.readouterr().out
    assert [type(one).__name__ for one in shown].count("Figure") == 0


@pytest.mark.parametrize("page", PAGES)
def test_names_and_links_stand_in_code_as_strings_only(view: View, page: str) -> None:
    words = {name: BREAKS_OUT for name in ("strategy", "pair", "quantity", "figure", "run_id", "source")}
    on_map = OnMap(colour=BREAKS_OUT, strategies=(BREAKS_OUT,), vectors=BREAKS_OUT, selection=BREAKS_OUT)
    in_data = InData(BREAKS_OUT, BREAKS_OUT, prompt=BREAKS_OUT)
    wrong = replace(view, page=page, on_map=on_map, in_data=in_data, **words)  # type: ignore[arg-type]
    notebook = json.loads(notebook_of(wrong))
    assert notebook_of(wrong) == notebook_of(wrong)
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            assert "os." not in text
        else:
            called = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
            assert not {name for name in called if name.startswith("os.")}


@pytest.mark.parametrize(
    ("page", "there"),
    [("studies", True), ("curves", True), ("batch", True), ("map", True), ("data", True), ("label_quality", True),
     ("label", False), ("guideline", False), ("help", False)],
)  # fmt: skip
def test_the_button_stands_where_a_notebook_can_draw_the_view(
    store: Store, monkeypatch: pytest.MonkeyPatch, page: str, there: bool
) -> None:
    test = app(store.folder, monkeypatch, page)
    assert not test.exception
    assert (BUTTON in [one.proto.label for one in test.get("download_button")]) == there


def test_without_a_study_there_is_no_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(open_store(tmp_path).folder, monkeypatch)
    assert BUTTON not in [one.proto.label for one in test.get("download_button")]


def test_a_dry_run_is_the_same_by_notebook_and_by_command(store: Store) -> None:
    lab_worlds.scored(store, lab_worlds.request(store, "activedpo", "random"))
    study = queries.studies(store)[0].id
    dry = DryRun.read({"study_id": study, "k": 5, "strategies": ["random", {"name": "activedpo", "ridge": 1.0}]})
    mine = dry.do(store, lambda _: None)
    names, _ = played(notebook_of_dry_run(dry, str(store.folder)))
    assert names["scored"].answer["strategies"][1]["picks"] == mine["strategies"][1]["picks"]
    words = shlex.split(command_of(dry))
    assert words[:5] == ["workbench", "strategy", "score", "random", "activedpo ridge=1.0"]
    done = CliRunner().invoke(cli, [*words[1:], "--store", str(store.folder), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["strategies"][1]["picks"] == mine["strategies"][1]["picks"]


def test_one_pair_a_prompt_is_said_elsewhere_where_it_was_asked_for() -> None:
    dry = {"study_id": "s1", "strategies": ["random"]}
    for asked, word, line in ((None, "", ""), (True, " --one-per-prompt", "True"), (False, " --any-pairs", "False")):
        found = DryRun.read({**dry, "one_per_prompt": asked})
        assert command_of(found).endswith(f"--seed 1{word}")
        cells = notebook_of_dry_run(found, "s").decode()
        assert (f"one_per_prompt={line}" in cells) is (asked is not None)


def test_the_strategies_as_lines_are_those_of_a_study_file(store: Store) -> None:
    dry = DryRun.read({"study_id": "s1", "strategies": ["random", {"name": "real", "keep": "similar"}]})
    file = {**queries.study(store, queries.studies(store)[0].id).config, **yaml.safe_load(lines_of(dry.strategies))}
    assert [s.spec() for s in StudyConfig.from_dict(file).strategies] == [s.spec() for s in dry.strategies]
