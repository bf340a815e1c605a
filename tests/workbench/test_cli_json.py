"""`--json` is JSON to the letter, nothing else on standard output; and a study that is watched instead of run twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.store import inbox, queries
from engine.store.database import Store
from tests.workbench import lead_worlds, worlds
from tests.workbench.test_cli_every import ALL
from workbench import processes
from workbench.cli import terminal
from workbench.cli.main import app

SAMPLE = "sample_data/skewed/heldout_balanced.jsonl"
WORDS = {
    "study list": "", "study show": "STUDY", "study report": "STUDY", "study pause": "STUDY",
    "study resume": "STUDY", "study cancel": "STUDY", "study retry": "STUDY", "study reorder": "STUDY --last",
    "study clone": "STUDY --set rounds=2 --yaml", "study add-seeds": "STUDY 7",
    "data list": "", "data check": f"{SAMPLE} --no-near-duplicates", "data import": SAMPLE,
    "strategy list": "", "strategy show": "activedpo", "strategy score": "random real --study STUDY --price",
    "label invite": "Ada --role lead", "label quality": "STUDY", "label trace": "STUDY --out answers.jsonl",
    "label relabel": "CAMPAIGN --first 2", "label export": "CAMPAIGN --out tasks", "label recall": "CAMPAIGN",
    "export": "STUDY --strategy activedpo --out subset",
    "store check": "", "store backup": "copy", "store gc": "--older-than 0", "store upgrade": "",
    "worker": "--tools --until-idle",
}  # fmt: skip
"""Command → what it is asked, of a finished study or of a campaign."""
ELSEWHERE = {
    "study run": "test_cli", "run replay": "test_replay", "run why": "test_cli_why", "run release": "test_review",
    "run go-back": "test_cli_go_back",
    "strategy trust": "test_kept_plugins", "label import": "test_cli_label", "app": "below",
    "doctor": "test_doctor",
}  # fmt: skip
"""Command → the test file that reads its JSON over a world of its own."""
MAY_REFUSE = {
    "study pause",
    "study resume",
    "study cancel",
    "study retry",
    "study reorder",
    "label export",
    "label recall",
}
"""What cannot be done to a study that is over: a sentence on standard error, and nothing on the other."""
FINDS = {"store check", "store backup"}
"""They end with 2 where they find an error, as in these worlds, whose answers no oracle gave; in JSON all the same."""


def strict(text: str) -> Any:
    """JSON as its standard has it: Python also reads NaN and Infinity."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def worlds_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    root = tmp_path_factory.mktemp("json")
    study = worlds.finished(root / "study", seeds=(1, 2, 3))
    asks, campaign, _ = lead_worlds.answered(root / "campaign")
    return {"STUDY": (study.folder, queries.studies(study)[0].id), "CAMPAIGN": (asks.folder, campaign)}


def test_every_command_is_read_here_or_elsewhere() -> None:
    assert {" ".join(path) for path, _ in ALL} == set(WORDS) | set(ELSEWHERE)


@pytest.mark.parametrize("command", WORDS)
def test_a_command_says_json_and_nothing_else(
    command: str, worlds_of: dict[str, tuple[Path, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = WORDS[command].replace(SAMPLE, str(Path(SAMPLE).absolute())).split()
    world = "CAMPAIGN" if "CAMPAIGN" in words else "STUDY"
    folder, study_id = worlds_of[world]
    monkeypatch.chdir(tmp_path)
    said = [study_id if word == world else word for word in words]
    done = CliRunner().invoke(app, [*command.split(), *said, "--store", str(folder), "--json"])
    if command in MAY_REFUSE and done.exit_code == terminal.MISTAKE:
        assert done.stdout == "" and done.stderr
    else:
        assert done.exit_code in ((0, terminal.MISTAKE) if command in FINDS else (0,)), done.output
        assert strict(done.stdout) is not None


def test_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": float("nan"), "b": [float("inf"), np.float64("nan"), np.int64(3)], "c": np.array([1.0, np.nan])}
    terminal.show(value, True, lambda: "")
    assert strict(capsys.readouterr().out) == {"a": None, "b": [None, None, 3], "c": [1.0, None]}


# ---- watched, not run twice ----------------------------------------------------------------------------------------
@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    monkeypatch.setattr(processes, "work", lambda folder, tell: found.append(folder))
    return found


def paused_in_time(store: Store, study_id: str) -> Callable[[float], None]:
    return lambda seconds: inbox.command(store, "pause", study_id=study_id) and None


def test_a_study_is_run_here_where_no_worker_answers(
    tmp_path: Path, started: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = worlds.open_store(tmp_path)
    study_id = worlds.add_study(store, "one", seeds=(1,))[0]
    processes.run_to_the_end(store, study_id)
    assert started == [tmp_path]


def test_a_study_is_watched_where_a_worker_answers_already(
    tmp_path: Path, started: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = worlds.open_store(tmp_path)
    study_id = worlds.add_study(store, "one", seeds=(1,))[0]
    worlds.worker(store)
    monkeypatch.setattr(processes.time, "sleep", paused_in_time(store, study_id))
    processes.run_to_the_end(store, study_id)
    assert started == []
    assert queries.study(store, study_id).summary.state == "paused"
    assert "A worker is here already" in capsys.readouterr().err


class Nobody:
    """A crew, and an app, that do nothing."""

    pid, returncode = 1, 0

    def __init__(self, *given: object, **more: object) -> None:
        pass

    def poll(self) -> int | None:
        return None

    tend = end = terminate = wait = poll


def test_the_app_says_its_address_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "Crew", Nobody)
    monkeypatch.setattr(processes, "refuse_taken", lambda port: None)
    monkeypatch.setattr(processes, "end_all", lambda those: None)
    monkeypatch.setattr(processes.subprocess, "Popen", Nobody)
    monkeypatch.setattr(processes.signal, "signal", lambda number, do: None)
    monkeypatch.setattr(processes.time, "sleep", stop)
    assert processes.run_app(tmp_path, 8599, sample=False, as_json=True) == 0, "Ctrl-C is how it ends"
    assert strict(capsys.readouterr().out) == {"url": "http://localhost:8599", "store": str(tmp_path)}
