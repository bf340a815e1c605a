"""A study in the hand: what it says is what the store, the report, the app and the command line say."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import engine
from engine import running
from engine.api.pairs import Pairs, ShownPair
from engine.api.progress import bars, progress
from engine.api.study import Study
from engine.api.table import Table, table
from engine.data.answers import Subset
from engine.errors import ConfigError, DataError, EngineError, StoreError
from engine.store import inbox, queries, writer
from engine.store.database import Store, open_store
from engine.tasks.check_export import CheckExport, packed
from engine.verdict_words import verdict_words
from tests.workbench import lab_worlds, worlds
from tests.workbench.worlds import HOSTILE
from workbench.cli.main import app
from workbench.report.gather import gather
from workbench.report.machine import machine

HARM = ("<script", "<img", "<style>", "<iframe", "<a href", 'onerror="')


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("api") / "store"
    return worlds.finished(folder, seeds=(1, 2, 3), strategies=("random", "activedpo"))


@pytest.fixture(scope="module")
def study(store: Store) -> Study:
    return engine.Study.open(queries.studies(store)[0].id, store.folder)


def test_it_is_the_study_of_the_store_by_id_or_name(store: Store, study: Study) -> None:
    summary = queries.studies(store)[0]
    assert (study.id, study.state, study.config.name) == (summary.id, "done", summary.name)
    assert engine.Study.open(summary.name, store).id == summary.id
    assert len(study.runs()) == len(study.detail.runs) == 6
    with pytest.raises(StoreError, match="There is no study 'gone'"):
        engine.Study.open("gone", store)


def test_curves_and_levels_are_the_stores_and_say_their_units(store: Store, study: Study) -> None:
    curves = study.curves("nll")
    assert list(curves.columns) == list(curves.legend)
    assert curves.legend["value"] == "nll, in nats per pair"
    for split in ("pool_like", "balanced"):
        kept = queries.curve(store, study.id, "nll", split)
        mine = curves[curves["held_out"] == split].reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.DataFrame(mine[["run_id", "round", "labels", "value", "n"]]),
                                      kept[["run_id", "round", "labels", "value", "n"]])  # fmt: skip
    machine_levels = machine(gather(store, study.id, 0))["levels"]["pool_like"]
    levels = study.levels()
    mine = levels[(levels["held_out"] == "pool_like")]
    assert mine["mean"].tolist() == [row["mean"] for row in machine_levels]
    assert study.plot().layout.yaxis.title.text == "accuracy on pool_like, mean over seeds"
    with pytest.raises(ConfigError, match="no figure 'acuracy'"):
        study.curves("acuracy")


def test_verdicts_are_those_of_the_report(store: Store, study: Study) -> None:
    reported = machine(gather(store, study.id, 0))["verdicts"]
    found = study.verdicts()
    assert list(found["sentence"]) == [row["sentence"] for row in reported]
    assert list(found["difference"]) == [row["verdict"]["difference"]["mean"] for row in reported]
    assert list(found["verdict"]) == [row["verdict"]["word"] for row in reported]


def test_without_a_verdict_the_table_says_why(tmp_path: Path) -> None:
    alone = engine.Study.open(queries.studies(worlds.finished(tmp_path, seeds=(1,), strategies=("random",)))[0].id,
                              tmp_path)  # fmt: skip
    found = alone.verdicts()
    assert (len(found), "random twin" in found.note, "random twin" in found._repr_html_()) == (0, True, True)


def test_picks_are_the_batch_with_its_numbers(store: Store, study: Study) -> None:
    run = next(r for r in study.detail.runs if r.strategy.name == "activedpo" and r.seed == 2)
    picks, batch = study.picks("activedpo", 2, seed=2), queries.batch(store, run.id, 2)
    assert [pick.pair_id for pick in picks] == [pick.pair_id for pick in batch]
    assert picks.frame["score"].tolist() == [pick.score for pick in batch]
    assert picks.frame["answer"].tolist() == [pick.answer for pick in batch]
    assert isinstance(picks[:2], Pairs)
    assert set(study.scores("activedpo", 2).columns) >= {"pair_id", "score"}
    for wrong, sentence in (
        (("apl", 1, None), "no strategy 'apl'"), (("random", 9, None), "no picks of round 9"),
        (("random", 1, 9), "no run with seed 9"),
    ):  # fmt: skip
        with pytest.raises(StoreError, match=sentence):
            study.picks(*wrong)


def test_foreign_text_is_text_in_every_output(study: Study) -> None:
    shown = [
        Pairs("<img src=x>", [ShownPair(f"x{n}", (("user", text),), text, HOSTILE[0], "tie", text)
                              for n, text in enumerate(HOSTILE)]),
        table({"title": list(HOSTILE)}, {"title": HOSTILE[0]}, HOSTILE[1]),
        study.pool().preview(96),
        study.pool().preview(1)[0],
        study,
        bars(study.detail),
        study.curves(),
        study.picks("random", 1),
    ]  # fmt: skip
    for one in shown:
        markup = one._repr_html_()  # type: ignore[attr-defined]
        assert not [harm for harm in HARM if harm in markup.lower().replace("&lt;", "")], one
        assert "mathjax_ignore" in markup
    assert "&lt;script&gt;" in shown[0]._repr_html_()  # type: ignore[attr-defined]
    assert "\x1b" not in repr(Pairs("\x1b[2J", [ShownPair("x", (("user", "\x1b[31m"),), "\x1b]0;", "b")]))


def test_a_legend_stays_with_what_is_cut(study: Study) -> None:
    part = study.curves().query("round == 2")[["strategy", "value"]]
    assert isinstance(part, Table)
    assert list(part.legend) == ["strategy", "value"]


def test_a_file_is_changed_checked_and_not_yet_written(tmp_path: Path) -> None:
    sample = Path(engine.__file__).parent.parent / "sample_data" / "study.yaml"
    small = engine.Study.from_yaml(sample, tmp_path / "none", seeds=[7], rounds=2)
    assert (small.config.seeds, small.config.rounds, small.state, small.id) == ((7,), 2, "", "")
    assert "not queued yet" in repr(small)
    named = engine.Study.from_yaml(sample, tmp_path / "none", name=HOSTILE[0])
    assert not [harm for harm in HARM if harm in named._repr_html_()]
    assert not (tmp_path / "none").exists()
    with pytest.raises(ConfigError, match="rounds"):
        engine.Study.from_yaml(sample, rounds=0)
    with pytest.raises(StoreError, match="not in a store yet"):
        small.curves()


def test_exported_from_python_the_command_line_and_the_app_it_is_the_same_to_the_byte(
    store: Store, study: Study, tmp_path: Path
) -> None:
    found = engine.export(study, tmp_path / "python", strategy="activedpo", seed=1, licence="mit")
    words = [study.id, "--strategy", "activedpo", "--seed", "1", "--licence", "mit", "--out", str(tmp_path / "cli")]
    done = CliRunner().invoke(app, ["export", *words, "--store", str(store.folder), "--json"])
    assert done.exit_code == 0, done.output
    files = {name: (tmp_path / "python" / name).read_bytes() for name in found.files}
    assert files == _files(tmp_path / "cli")
    subset = Subset(study_id=study.id, strategy="activedpo", seed=1)
    task = CheckExport(subset=subset, licence="mit", verdict=verdict_words(store, study.detail))
    answer = task.model_copy().do(store, lambda _: None)
    in_app = packed(store, answer) if answer["file"] else b""
    with zipfile.ZipFile(io.BytesIO(in_app)) as packed_files:
        assert {name: packed_files.read(name) for name in packed_files.namelist()} == files
    with pytest.raises(DataError, match="not empty"):
        study.export(tmp_path / "python")
    with pytest.raises(DataError, match="no strategy 'apl'"):
        study.export(tmp_path / "other", strategy="apl")


def test_running_it_starts_workers_where_none_answers_and_watches_where_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Path] = []

    def work(folder: Path, tell: Callable[[], None], *, most: int, quiet: bool) -> None:
        started.append(folder)
        inbox.command(store, "cancel", study_id=alone.id)
        tell()

    monkeypatch.setattr(running, "work", work)
    store = open_store(tmp_path)
    alone = engine.Study.open(worlds.add_study(store, "alone", seeds=(1,))[0], store)
    assert alone.run().state == "cancelled"
    assert started == [tmp_path]
    assert "cancelled, 0 of 8 rounds" in capsys.readouterr().err

    beside = engine.Study.open(worlds.add_study(store, "beside", seeds=(1,))[0], store)
    worlds.worker(store)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        inbox.command(store, "pause", study_id=beside.id)

    monkeypatch.setattr("engine.api.study.time.sleep", sleep)
    assert beside.run().state == "paused"
    assert (len(started), len(slept)) == (1, 1)


def test_workers_that_end_before_the_study_are_told_of_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker begins nothing where the disk has no room; where one that was there ends, others take its place."""
    started: list[Path] = []
    monkeypatch.setattr(running, "work", lambda folder, tell, **how: started.append(folder))
    store = open_store(tmp_path)
    left = engine.Study.open(worlds.add_study(store, "left", seeds=(1,))[0], store)
    with pytest.raises(EngineError, match="The workers ended, and study 'left' still waits for one"):
        left.run()
    assert started == [tmp_path]

    worker = worlds.worker(store)
    monkeypatch.setattr("engine.api.study.time.sleep", lambda seconds: writer.end_worker(store, worker))
    with pytest.raises(EngineError, match="The workers ended"):
        left.run()
    assert len(started) == 2


def test_a_study_that_failed_says_why(tmp_path: Path) -> None:
    failed = engine.Study.open(queries.studies(worlds.failed(tmp_path))[0].id, tmp_path)
    with pytest.raises(EngineError, match="the loss is not finite"):
        failed.run()


def test_progress_says_what_changed_and_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = worlds.running(tmp_path)
    look = progress(store, queries.studies(store)[0].id)
    look()
    first = capsys.readouterr().err
    assert first.startswith("running, ")
    assert "training, step 41 of 120" in first
    look()
    assert capsys.readouterr().err == ""


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_pool_is_scored_as_a_dry_run_does_it(store: Store, study: Study) -> None:
    lab_worlds.scored(store, lab_worlds.request(store, "activedpo", "random"))
    found = engine.score(study, ["random", "activedpo", {"name": "activedpo", "ridge": 1.0}], k=5)
    assert found.names == ["random", "activedpo", "activedpo ridge=1.0"]
    assert [len(found.pairs(name)) for name in found.names] == [5, 5, 5]
    assert found.picks["pair_id"].tolist()[5:10] == found.answer["strategies"][1]["picks"]
    assert found.scores["random"].isna().all()
    assert found.scores["activedpo"].notna().all()
    best = found.scores.nlargest(1, "activedpo")["pair_id"].iloc[0]
    assert best in found.picks["pair_id"].tolist()[5:10]
    assert len(found.agreement) == 3
    assert "mathjax_ignore" in found._repr_html_()
    for wrong in (["activedpoo"], [{"name": "activedpo", "ridge": -1}]):
        with pytest.raises(ConfigError, match="thing needs mending"):
            engine.score(study, wrong)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="Nobody asked 'real'"):
        found.pairs("real")
