"""What the screen asks of the engine: start a study, pause, resume, cancel or retry one."""

from pathlib import Path

from engine.store import inbox
from workbench import cache
from workbench.processes import SAMPLE


def sample() -> Path | None:
    """The sample study's file, if it lies beside the program."""
    return SAMPLE if SAMPLE.is_file() else None


def start_study(path: Path) -> str:
    """Check the study file, read its data and queue it; the study's id. ConfigError, DataError or StoreError if not."""
    from engine.config import StudyConfig
    from engine.data.prepare import prepare_study

    return prepare_study(cache.store(), StudyConfig.from_yaml(path.expanduser()))


def ask(verb: str, study_id: str) -> None:
    """Leave a command for the worker: pause, resume, cancel or retry. It obeys between two stages."""
    inbox.command(cache.store(), verb, study_id=study_id)
