"""A kept strategy in a study: run by a worker, with the version that the study was queued with, to its end."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

import engine
from engine.loop import rounds
from engine.records import Event
from engine.store import growth, inbox, queries
from engine.store.check import check
from engine.store.database import Store, open_store
from engine.store.provenance import provenance_of
from engine.worker import Worker
from tests.engine.plugins.conftest import forget
from tests.engine.plugins.test_save import GOOD, OTHER, written
from tests.engine.worker.lives import left, queue, study_of
from workbench.cli.changes import cloned
from workbench.cli.main import app

SMALL: dict[str, Any] = {
    "rounds": 2, "labels_per_round": 3, "prompts_per_round": 6, "seeds": [1], "panel": [],
    "strategies": ["own", "random"], "race": "controlled", "referee": {"second_random": False},
}  # fmt: skip


def queued(folder: Path, model: Path, body: str = GOOD, **changes: Any) -> tuple[Store, str]:
    """A store with a study of the kept strategy, as a process meets it that did not save it; the study's id."""
    store = open_store(folder)
    engine.save_plugin(written(body), store=store)
    forget()
    open_store(folder)
    queue(folder, study_of("recorded", model, **{**SMALL, **changes}))
    return store, queries.studies(store)[0].id


def run_of(store: Store, study_id: str, strategy: str = "own", seed: int = 1) -> Any:
    return next(r for r in queries.study(store, study_id).runs if (r.strategy.name, r.seed) == (strategy, seed))


def picks(store: Store, run_id: str, number: int) -> list[str]:
    return [pick.pair_id for pick in queries.batch(store, run_id, number)]


def highest(store: Store, run_id: str, number: int, body: Any) -> list[str]:
    """The picks by hand, from the signals that the round kept."""
    frame = queries.scores(store, run_id, number)
    values = body(frame["token_entropy.a"].to_numpy(np.float64), frame["token_entropy.b"].to_numpy(np.float64))
    return list(frame["pair_id"].to_numpy()[np.argsort(-values)][:3])


def test_a_kept_strategy_runs_and_its_study_can_be_looked_at_again_cloned_and_grown(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    worker = Worker(open_store(tmp_path), "cpu")
    store, study_id = queued(tmp_path, tiny_model_dir)
    config = queries.study(store, study_id).config
    version = config["strategies"][0]["version"]
    engine.save_plugin(written(OTHER), store=store)
    forget()  # a worker that was started before either was saved
    worker.work(until_idle=True)
    run = run_of(store, study_id)
    assert run.state == "done", run.error
    assert run.strategy.title == "own"
    assert provenance_of(store, run.id)["strategy"]["version"] == version
    for number in (1, 2):
        assert picks(store, run.id, number) == highest(store, run.id, number, lambda a, b: abs(a - b)), (
            "the first version"
        )
    forget()
    assert check(tmp_path) == []
    done = CliRunner().invoke(app, ["run", "replay", run.id, "2", "--store", str(tmp_path)])
    assert (done.exit_code, "the same 3 picks in the same order" in done.output) == (0, True), done.output
    assert growth.add_seeds(store, study_id, [2]) == 2
    again = cloned(config, [])
    assert again.strategies[0].spec() == config["strategies"][0], "a clone is the same study, version and all"
    newest = cloned({**config, "strategies": ["own"]}, [])
    assert newest.strategies[0].version != version
    other = queue(tmp_path, newest) and queries.studies(store)[0].id
    Worker(open_store(tmp_path), "cpu").work(until_idle=True)
    grown, new = run_of(store, study_id, seed=2), run_of(store, other)
    assert (grown.state, new.state) == ("done", "done"), grown.error + new.error
    assert picks(store, grown.id, 1) == highest(store, grown.id, 1, lambda a, b: abs(a - b))
    assert picks(store, new.id, 1) == highest(store, new.id, 1, np.maximum)


def test_a_run_that_is_stopped_goes_on_to_the_same_end(tmp_path: Path, tiny_model_dir: Path) -> None:
    calm, _ = queued(tmp_path / "calm", tiny_model_dir, strategies=["own"], race="none")
    Worker(calm, "cpu").work(until_idle=True)
    store, study_id = queued(tmp_path / "stopped", tiny_model_dir, strategies=["own"], race="none")
    worker: list[Worker] = []

    def short(*given: Any) -> Iterator[Event]:
        for n, event in enumerate(rounds(*given)):
            yield event
            if n == 4:
                worker[0].stop()

    worker.append(Worker(store, "cpu", loop=short))
    worker[0]._policy_for = Worker(store, "cpu")._policy_for  # type: ignore[method-assign]
    assert worker[0].work() == 0
    assert run_of(store, study_id).state == "queued"
    Worker(store, "cpu").work(until_idle=True)
    assert run_of(store, study_id).state == "done"
    assert left(store) == left(calm)


def test_what_came_with_the_store_waits_for_trust_and_then_runs(
    tmp_path: Path, tiny_model_dir: Path, settings: Path
) -> None:
    store, study_id = queued(tmp_path, tiny_model_dir)
    (settings / "preference-workbench" / "trusted_plugins").unlink()
    Worker(store, "cpu").work(until_idle=True)
    run = run_of(store, study_id)
    assert run.state == "failed"
    assert "nobody here has said that it may run" in run.error
    assert "workbench strategy trust own" in run.error
    assert run_of(store, study_id, "random").state == "done", "the others run"
    shown = CliRunner().invoke(app, ["strategy", "show", "own", "--source", "--store", str(tmp_path)])
    assert GOOD in shown.output
    assert CliRunner().invoke(app, ["strategy", "trust", "own", "--store", str(tmp_path)]).exit_code == 0
    inbox.command(store, "retry", run_id=run.id)
    Worker(store, "cpu").work(until_idle=True)
    assert run_of(store, study_id).state == "done"


def test_a_study_whose_kept_source_was_changed_is_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id = queued(tmp_path, tiny_model_dir, strategies=["own"], race="none")
    with sqlite3.connect(tmp_path / "workbench.db") as raw:
        raw.execute("UPDATE plugins SET source = replace(source, 'a - b', 'a + b')")
    Worker(store, "cpu").work(until_idle=True)
    run = run_of(store, study_id)
    assert run.state == "failed"
    assert "is not the one that was saved: its checksum differs" in run.error
    with sqlite3.connect(tmp_path / "workbench.db") as raw:
        raw.execute("DELETE FROM plugins")
        raw.execute("UPDATE revisions SET n = n + 1 WHERE scope = 'plugins'")
    inbox.command(store, "retry", run_id=run.id)
    Worker(store, "cpu").work(until_idle=True)
    assert "No strategy is called 'own'" in run_of(store, study_id).error
    (finding,) = [f for f in check(tmp_path) if f.where == f"study {study_id}"]
    assert "cannot be read by this program" in finding.what
