"""MLflow: an experiment a study, a run a run, a step a round."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from engine.errors import EngineError
from engine.keys import address
from engine.records import STAGES
from engine.trackers.base import TRACKERS, Log, Place, Told, Tracked, Tracker

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN, HEARD = "workbench.run", "workbench.heard"
ENDS = {"done": "FINISHED", "failed": "FAILED"}
"""How a run was left → MLflow's word for it. Of others the work went back, and the record may go on: KILLED."""
LONGEST = 6000
"""Characters of a parameter's value, MLflow's limit."""
QUIETLY = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that does not answer must not hold a worker up for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing is told to anybody but the place that is named
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a command's JSON stands there
}
"""What is set unless the worker's environment says otherwise."""


@TRACKERS.register
class Mlflow(Tracker):
    """Log parameters, the figures of every round and the cost of every stage to MLflow.

    The study is the experiment, each run one of its runs, the round is the step. A run that goes on after a stop goes
    on in the same record. Names and numbers are sent, no prompt, response or label.
    """

    name: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow"
    source: ClassVar[str] = "MLflow, the tracking part alone (mlflow-skinny)"
    extra: ClassVar[str] = "mlflow"

    uri: str = Field(
        "",
        description="where it keeps runs: http://HOST:PORT, sqlite:////FOLDER/mlflow.db or a folder; a name and "
        "password come from the worker's environment alone. Empty: MLFLOW_TRACKING_URI of that environment",
    )

    @field_validator("uri")
    @classmethod
    def _place(cls, uri: str) -> str:
        if uri.startswith(("http:", "https:")):
            return address(uri)
        if "://" in uri and not re.fullmatch(r"sqlite:////[^\s@?#]+", uri):
            raise ValueError(
                "is neither http://HOST:PORT, sqlite:////FOLDER/mlflow.db nor a folder; name another place, and one "
                "with a password in it, in MLFLOW_TRACKING_URI where the worker runs"
            )
        if uri and "://" not in uri and not Path(uri).is_absolute():
            raise ValueError("is a relative folder, and outside a study file nothing says to what; write it whole")
        return uri

    def open(self, run: Tracked) -> Log:
        """The run of that id in the study's experiment; EngineError if MLflow or the place's name is missing."""
        for name, value in QUIETLY.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise EngineError(
                "MLflow is not installed where the worker runs.", "Install it: pip install -e '.[mlflow]'."
            ) from error
        place = self.uri or os.environ.get("MLFLOW_TRACKING_URI", "")
        if not place:
            raise EngineError(
                "Nothing says where MLflow keeps its runs.",
                "Name tracker.uri in the study, or set MLFLOW_TRACKING_URI where the worker runs.",
            )
        if "://" not in place or place.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it asks for a word before it takes a folder
        place = place if "://" in place or place.startswith("file:") else Path(place).as_uri()
        return _Run(MlflowClient(tracking_uri=place), run)


class _Run(Log):
    """One run at MLflow."""

    def __init__(self, client: "MlflowClient", run: Tracked) -> None:
        self._client = client
        called = f"{run.study} ({run.study_id})"  # two studies may have one name
        known = client.get_experiment_by_name(called)
        experiment = known.experiment_id if known else client.create_experiment(called)
        found = client.search_runs([experiment], f"tags.`{RUN}` = '{run.run_id}'", max_results=1)
        if found:
            self._id, self._heard = found[0].info.run_id, _place(found[0].data.tags.get(HEARD, ""))
            client.update_run(self._id, status="RUNNING")
            return
        tags = {RUN: run.run_id, "workbench.study": run.study_id}
        self._id, self._heard = client.create_run(experiment, tags=tags, run_name=run.title).info.run_id, None
        facts = {"arm": run.arm, "seed": str(run.seed), **run.facts}
        params = [_entity("Param", _name(key), value[:LONGEST]) for key, value in sorted(facts.items())]
        for first in range(0, len(params), 100):  # MLflow takes so many at once
            client.log_batch(self._id, params=params[first : first + 100])

    def heard(self) -> Place | None:
        return self._heard

    def tell(self, told: Told) -> None:
        import time

        number, stage = told.taken
        now = int(time.time() * 1000)
        metrics = [_entity("Metric", _name(key), value, now, number) for key, value in told.figures.items()]
        self._client.log_batch(self._id, metrics=metrics, tags=[_entity("RunTag", HEARD, f"{number}/{stage}")])
        self._heard = told.taken

    def end(self, state: str) -> None:
        self._client.set_tag(self._id, "workbench.state", state)
        self._client.set_terminated(self._id, ENDS.get(state, "KILLED"))


def _entity(kind: str, *values: Any) -> Any:
    import mlflow.entities

    return getattr(mlflow.entities, kind)(*values)


def _name(text: str) -> str:
    """As MLflow takes names: letters, digits, _ - . space and /; anything else becomes _."""
    return re.sub(r"[^\w\-. /]", "_", text, flags=re.ASCII)


def _place(text: str) -> Place | None:
    number, _, stage = text.partition("/")
    return (int(number), stage) if number.isdigit() and stage in STAGES else None
