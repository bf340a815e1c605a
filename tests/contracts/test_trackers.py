"""What every tracker must do: keep a run's numbers, know what it has heard, go on in the same record."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import StudyConfig
from engine.errors import ConfigError
from engine.study_file import absolute
from engine.trackers.base import TRACKERS, Told, Tracked, Tracker

RUN = Tracked("r1-random-1", "s1", "a study: of β", "random", 1, {"dpo.beta": "0.1", "odd name, 1": "x" * 9000})
FIRST = Told((0, "evaluated"), {"accuracy/near": 0.5, "seconds/evaluated": 0.1})
LAST = Told((1, "trained"), {"train/loss": 0.69})


def here(name: str, folder: Path) -> Tracker:
    """Each tracker with a place of its own on this machine; a new one needs a row."""
    return {"mlflow": lambda: TRACKERS.build({"name": "mlflow", "uri": str(folder / "mlruns")})}[name]()


@pytest.fixture(params=TRACKERS.names())
def tracker(request: Any, tmp_path: Path) -> Tracker:
    return here(request.param, tmp_path)


def test_a_record_is_gone_on_with_and_says_what_it_has_heard(tracker: Tracker) -> None:
    record = tracker.open(RUN)
    assert record.heard() is None
    record.tell(FIRST)
    record.tell(LAST)
    record.end("stopped")
    again = tracker.open(RUN)
    assert again.heard() == LAST.taken
    again.end("done")
    other = Tracked("r2", "s1", RUN.study, "real", 1, {})
    assert tracker.open(other).heard() is None, "another run of the study has a record of its own"


def test_it_says_what_it_is_and_comes_back_from_its_spec(tracker: Tracker) -> None:
    assert tracker.summary() and tracker.title and tracker.source
    assert TRACKERS.build(json.loads(json.dumps(tracker.spec()))) == tracker
    assert f'\n{tracker.extra} = ["' in (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")


def test_mlflow_keeps_steps_parameters_and_how_a_run_ended(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    record = here("mlflow", tmp_path).open(RUN)
    record.tell(FIRST)
    record.tell(LAST)
    client = MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("a study: of β (s1)")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("RUNNING", "random, seed 1")
    assert run.data.metrics == {**FIRST.figures, **LAST.figures}
    assert [one.step for one in client.get_metric_history(run.info.run_id, "train/loss")] == [1]
    assert run.data.params["dpo.beta"] == "0.1"
    assert len(run.data.params["odd name_ 1"]) == 6000
    record.end("failed")
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def study(**tracker: str) -> dict[str, Any]:
    base = {"name": "x", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    return {**base, "tracker": {"name": "mlflow", **tracker}}


@pytest.mark.parametrize(
    "uri", ["http://me:secret@box:5000", "http://box:5000?token=1", "postgresql://u:p@box/db", "mlruns", "sqlite:///x"]
)
def test_a_place_that_holds_a_secret_or_means_no_one_folder_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"tracker\.uri"):
        StudyConfig.from_dict(study(uri=uri))


def test_a_study_names_it_by_a_word_or_with_its_place(tmp_path: Path) -> None:
    assert StudyConfig.from_dict({**study(), "tracker": "mlflow"}).tracker == TRACKERS.build("mlflow")
    assert StudyConfig.from_dict(study(uri="http://box:5000/")).tracker == TRACKERS.build(
        {"name": "mlflow", "uri": "http://box:5000"}
    )
    assert absolute(study(uri="mlruns"), tmp_path)["tracker"]["uri"] == str(tmp_path / "mlruns")
    assert StudyConfig.from_dict({k: v for k, v in study().items() if k != "tracker"}).tracker is None
