"""An export to the hub, file by file, with progress. The token comes from the caller and is kept nowhere."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from engine.errors import DataError

Kind = Literal["dataset", "model"]
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that hold a token, the first that is set counts."""
_NAME = re.compile(r"[\w][\w.-]{0,95}/[\w][\w.-]{0,95}")


def token_of_environment() -> str:
    """The token that the environment has; "" if it has none."""
    return next((value for name in TOKENS if (value := os.environ.get(name, "").strip())), "")


def is_repository(name: str) -> bool:
    """Whether it can be the name of one: owner/name."""
    return _NAME.fullmatch(name) is not None


def push_to_hub(
    files: Mapping[str, bytes | Path],
    repository: str,
    token: str,
    *,
    kind: Kind = "dataset",
    message: str = "Labelled subset",
    private: bool = True,
    say: Callable[[str], None] = lambda word: None,
    endpoint: str | None = None,
) -> str:
    """Put the files into a repository of that kind, made if it is not there, in one commit; its address.

    `files`: path in the repository → content, or the file that holds it. `message`: the commit's. DataError, a sentence
    that never holds the token: no token, no such name, not allowed, not reached, or public where `private` is wanted.
    """
    if not token:
        raise DataError("No token for the hub is there.", f"Set {TOKENS[0]}, or give one when asked; it is not kept.")
    if not is_repository(repository):
        raise DataError(f"{repository!r} is no name of a repository.", "Name it as owner/name.")
    from huggingface_hub import CommitOperationAdd, HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    constants.HF_HUB_DISABLE_TELEMETRY = True  # the hub hears what is sent to it, and no more
    api = HfApi(endpoint=endpoint or os.environ.get("HF_ENDPOINT") or None, token=token)
    adds = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()]
    try:
        say(f"making {repository}, unless it is there")
        api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        if private:
            _refuse_public(api, repository, kind)
        for n, add in enumerate(adds, start=1):
            say(f"sending {add.path_in_repo}, {n} of {len(adds)} files")
            api.preupload_lfs_files(repository, [add], repo_type=kind)
        say("committing")
        done = api.create_commit(repository, adds, repo_type=kind, commit_message=message)
    except DataError:
        raise
    except HfHubHTTPError as error:
        raise _refused(error, repository) from None  # the cause holds the request, and with it the token
    except Exception as error:  # noqa: BLE001  # of whatever client it uses; with its cause the token would go out
        raise DataError(
            f"The hub could not be reached or did not take {repository}: {type(error).__name__}.",
            "Check the network and HF_ENDPOINT, then push again.",
        ) from None
    room = "datasets/" if kind == "dataset" else ""
    return str(getattr(done, "repo_url", "") or f"{api.endpoint}/{room}{repository}")


def _refuse_public(api: Any, repository: str, kind: Kind) -> None:
    """One that was there before stays as it was, whatever was asked for when it was to be made."""
    if api.repo_info(repository, repo_type=kind).private is False:
        raise DataError(
            f"{repository} is there already and public; nothing was sent.",
            "Say that all may read it (--public), or name another repository.",
        )


def _refused(error: Any, repository: str) -> DataError:
    """The hub's no as a sentence, by its code."""
    code = getattr(getattr(error, "response", None), "status_code", None)
    words = {
        401: ("The hub does not know this token (401).", "Give one that is valid and may write."),
        403: (f"This token may not write to {repository} (403).", "Take a token with the right to write there."),
        404: (f"The hub has no {repository}, or this token may not see it (404).", "Check the owner's name."),
        409: (f"{repository} was changed meanwhile (409).", "Push again."),
        429: ("The hub asks to wait (429).", "Push again in some minutes."),
    }
    what, then = words.get(code or 0, (f"The hub refused {repository} ({code or 'no code'}).", "Push again later."))
    return DataError(what, then)
