"""Where a model lies: a folder here, or a snapshot fetched from the hub without pickles and code."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ModelError
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.settings import ModelSettings

_COMMIT = re.compile("[0-9a-f]{40}")


def _bar(check: Callable[[], None]) -> type[Any]:
    """A progress bar that is not shown, and calls `check` at every piece that has come."""
    from huggingface_hub.utils import tqdm

    class Checked(tqdm):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **{**how, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            check()
            drawn: bool | None = super().update(n)
            return drawn

    return Checked


@dataclass(frozen=True)
class Place:
    """A folder, or a hub id and a revision of it, where no model's settings name them."""

    path: str
    revision: str | None = None


def folder_of(settings: "ModelSettings | Place", check: Callable[[], None] = unasked) -> Path:
    """The folder itself, or the hub snapshot, fetched without pickles and code.

    File by file: of several at once, those under way would be fetched to their end after a stop.
    """
    path = Path(settings.path)
    if path.exists():
        return path.resolve()
    if path.is_absolute() or settings.path.startswith(".") or settings.path.count("/") > 1:
        raise ModelError(f"There is no model folder {settings.path}.", "Check model.path.")
    from huggingface_hub import constants, snapshot_download

    constants.HF_HUB_DISABLE_TELEMETRY = True  # the hub hears what is wanted of it, and no more
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
        if (shut := _shut(error, settings.path)) is not None:
            raise shut from error
        raise ModelError(
            f"Model {settings.path!r} is neither a folder here nor could it be fetched from the hub: "
            f"{str(error).splitlines()[0]}",
            "Check model.path; without a network, name a local folder.",
        ) from error


def commit_of(folder: Path) -> str:
    """The commit that a fetched snapshot is of, in hex; "" for any other folder."""
    return folder.name if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name) else ""


def _shut(error: Exception, path: str) -> ModelError | None:
    """What to do where the hub has the model and does not hand it out, or does not say whether it has it.

    The token is read from the environment by the hub's own library at every download; it is never stored here.
    """
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    if not isinstance(error, HfHubHTTPError):
        return None
    status, signed_in = error.response.status_code, get_token() is not None
    if isinstance(error, GatedRepoError) and not signed_in:
        return ModelError(
            f"Model {path!r} is handed out only to those who accepted its licence, and nobody is signed in ({status}).",
            "Accept the licence on the model's page, then start the worker with HF_TOKEN set in its environment to a "
            "token of that account that may read gated models. Or fetch the model yourself and name the folder.",
        )
    if isinstance(error, GatedRepoError):
        return ModelError(
            f"Model {path!r} is handed out only to those who accepted its licence, and the account of the token is "
            f"not among them, or the token may not read gated models ({status}).",
            "Accept the licence on the model's page with that account (some wait for a person to agree), or set "
            "HF_TOKEN in the worker's environment to another token. Or fetch the model yourself and name the folder.",
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(
            f"There is no folder {path} here, and the hub shows no model of that name ({status}).",
            "Check model.path. If the model is private, start the worker with HF_TOKEN set in its environment to a "
            "token that may read it.",
        )
    if status in (401, 403):
        return ModelError(
            f"The hub refuses to hand out model {path!r} ({status}): "
            + ("the token is not valid, or may not read it." if signed_in else "nobody is signed in."),
            "Set HF_TOKEN in the worker's environment to a token that may read it, or unset it for a public model.",
        )
    return None
