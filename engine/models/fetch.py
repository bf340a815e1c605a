"""Where a model lies: a folder here, or a snapshot fetched from the hub without pickles and code."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ModelError
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.settings import ModelSettings


def _bar(check: Callable[[], None]) -> type[Any]:
    """A progress bar that is not shown, and calls `check` at every piece that has come."""
    from huggingface_hub.utils import tqdm

    class Checked(tqdm):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **{**how, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            check()
            return super().update(n)

    return Checked


def folder_of(settings: "ModelSettings", check: Callable[[], None] = unasked) -> Path:
    """The folder itself, or the hub snapshot, fetched without pickles and code.

    File by file: of several at once, those under way would be fetched to their end after a stop.
    """
    path = Path(settings.path)
    if path.exists():
        return path.resolve()
    if path.is_absolute() or settings.path.startswith(".") or settings.path.count("/") > 1:
        raise ModelError(f"There is no model folder {settings.path}.", "Check model.path.")
    from huggingface_hub import snapshot_download

    wanted = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "spiece.model", "merges.txt", "vocab.txt"]
    try:
        return Path(
            snapshot_download(
                settings.path,
                revision=settings.revision,
                allow_patterns=wanted,
                max_workers=1,
                tqdm_class=_bar(check),
            )
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"Model {settings.path!r} is neither a folder here nor could it be fetched from the hub: "
            f"{str(error).splitlines()[0]}",
            "Check model.path; without a network, name a local folder.",
        ) from error
