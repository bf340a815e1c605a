"""What the screen asks of the engine: start a study, pause, resume, cancel or retry one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from engine.config import StudyConfig
from engine.data.places import refuse_text_outside
from engine.disk import kept, shapes_of
from engine.errors import ConfigError, DataError
from engine.store import growth, inbox, queries
from engine.store.cache import DEFAULT_CAP_BYTES
from engine.store.summaries import StudyDetail
from workbench import cache
from workbench.disk_words import said
from workbench.forms import from_yaml, whole
from workbench.processes import SAMPLE

STOPS = "A running worker stops within a second and the pass in hand; nothing finished is lost."
ANSWERS = {
    "pause": f"Paused. {STOPS}",
    "resume": "Queued again; it goes on where it stopped.",
    "retry": "Queued again; it goes on after the last finished stage.",
    "cancel": f"Cancelled. {STOPS}",
    "first": "What was put first comes next in the queue. A run at work is not interrupted.",
    "seed": "Every strategy is queued with one more seed. What was declared stays as it was.",
    "last": "What was put last comes after all others in the queue. A run at work is not interrupted.",
}
ENDS: dict[str, Literal["first", "last"]] = {"first": "first", "last": "last"}


def sample() -> Path | None:
    """The sample study's file, if it lies beside the program."""
    return SAMPLE if SAMPLE.is_file() else None


def sample_keeps() -> str:
    """What the sample study will keep on disk, and what is free there, in a sentence."""
    config = StudyConfig.from_yaml(SAMPLE)
    try:
        sizes = cache.sizes(config.data)
    except DataError:  # beyond the data root; who starts it is told
        return ""
    if not sizes:
        return ""
    return said(kept(config, sizes[0], sizes[1:], shapes_of(config.model), DEFAULT_CAP_BYTES), cache.room())


def start_study(path: Path) -> str:
    """Check the study file, read its data and queue it; the study's id. ConfigError, DataError or StoreError if not."""
    from engine.data.prepare import prepare_study

    return prepare_study(cache.store(), StudyConfig.from_yaml(path.expanduser()))


def ask(verb: str, study_id: str, run_id: str | None = None) -> str:
    """Leave a command for the workers: pause, resume, cancel, retry, first or last in the queue, or one more seed.

    It is about all runs of the study, or about one. The sentence that answers it.
    """
    if verb == "seed":
        seeds = queries.study(cache.store(), study_id).summary.seeds
        growth.add_seeds(cache.store(), study_id, [max(seeds) + 1])
    elif verb in ENDS:
        inbox.reorder(cache.store(), ENDS[verb], study_id=study_id, run_id=run_id)
    else:
        inbox.command(cache.store(), verb, study_id=study_id, run_id=run_id)
    return ANSWERS[verb]


def start_config(config: StudyConfig, labels_of: str | None = None) -> str:
    """The same for a study that was filled in on screen, with the labels of another if it is named; its id."""
    from engine.data.prepare import prepare_study

    return prepare_study(cache.store(), config, labels_of=labels_of)


def checked(value: Mapping[str, Any]) -> StudyConfig:
    """The config that a mapping says, its model and its paths looked at; EngineError with all findings."""
    from engine.data.prepare import look_at_model, look_at_text

    config = StudyConfig.from_dict(value, "The form")
    paths = {"pool": config.data.pool, **{f"held_out.{name}": path for name, path in config.data.held_out.items()}}
    missing = [
        f"data.{where}: there is no file {path}"
        for where, path in paths.items()
        if Path(path).suffix and not Path(path).exists()
    ]
    if missing:
        raise ConfigError("The form", missing, "Check the paths.")
    look_at_text(config)
    look_at_model(config)
    return config


def draft_of(path_or_text: Path | str) -> dict[str, Any]:
    """A study file, by its path or as its text, as a whole config to begin a form with; ConfigError if it is wrong,
    DataError for a path that this server does not read.

    The paths of an uploaded text cannot be relative to it: they are looked for where the app was started.
    """
    if isinstance(path_or_text, Path):
        if path_or_text != SAMPLE:
            refuse_text_outside(str(path_or_text))
        return whole(StudyConfig.from_yaml(path_or_text.expanduser()))
    value = from_yaml(path_or_text)
    if not isinstance(value, dict):
        raise ConfigError("The file", [f"it holds {type(value).__name__}, not a mapping"], "See the README.")
    return whole(StudyConfig.from_dict(value, "The file"))


def draft_of_study(detail: StudyDetail) -> dict[str, Any]:
    """The whole config of a study to begin a form with, under a name of its own."""
    return {**whole(StudyConfig.from_dict(detail.config)), "name": f"{detail.summary.name}, again"[:120]}
