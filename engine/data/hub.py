"""Rows of a data set on the hub: which commit of it is read, and in a sentence, soon, why one cannot be."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.errors import DataError

HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*(@\w[\w.-]*)?")
"""owner/name, or owner/name@revision: a commit, a branch or a tag."""
WAIT_S = (5.0, 30.0, 30.0, 5.0)
"""Seconds for a connection, for each word that comes, each that is sent, and a free place, as httpx has them."""
AGAIN, AGAIN_S = 4, 5
"""How often a file that broke off while it was read is asked for again, and after how many seconds."""


def rows_of_hub(name: str, told: Callable[[str], None]) -> Iterator[Mapping[str, Any]]:
    """The rows of the split "train" of one commit, row by row; `told` hears the commit before the first of them.

    The hub is asked once which commit that is. The libraries behind ask five times, half a minute in all, whether it is
    there; so an id without a connection, or one that nobody has, would look like a hang. DataError says why it is none.
    """
    from datasets import config, load_dataset_builder
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    repository, _, revision = name.partition("@")
    constants.HF_HUB_DISABLE_TELEMETRY = True  # the hub hears what is wanted of it, and no more
    config.HF_UPDATE_DOWNLOAD_COUNTS = False
    config.STREAMING_OPEN_MAX_RETRIES = config.STREAMING_READ_MAX_RETRIES = AGAIN
    config.STREAMING_OPEN_RETRY_INTERVAL = config.STREAMING_READ_RETRY_INTERVAL = AGAIN_S
    config.STREAMING_READ_SERVER_UNAVAILABLE_RETRY_INTERVAL = AGAIN_S
    try:
        if config.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled
        with _quiet("huggingface_hub"):
            commit = commit_of(repository, revision)
            builder = load_dataset_builder(repository, revision=commit)
        told(commit)
        for row in builder.as_streaming_dataset(split="train"):
            yield dict(row)
    except Exception as error:  # of whatever client and file it uses, in whatever row
        raise DataError(
            f"{name} is no file here, and as a hub id it cannot be loaded: {_why(error, repository, revision)}.",
            "Check the path or connection.",
        ) from error


def commit_of(repository: str, revision: str = "") -> str:
    """The hash of the commit that a revision names, of the newest where none is named; asked for once."""
    from huggingface_hub import HfApi

    found = HfApi().dataset_info(repository, revision=revision or None, timeout=WAIT_S)  # type: ignore[arg-type]
    return str(found.sha or revision or "main")


def named(path: str, commit: str) -> str:
    """A hub id with the commit that was read, which reads the same rows again; any other path as it is."""
    return f"{path.partition('@')[0]}@{commit}" if commit else path


def _why(error: Exception, repository: str, revision: str) -> str:
    """In a few words, without the library's own advice."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE (or its like) is set in the environment, so the hub is not asked"
    if isinstance(error, GatedRepoError):
        return "the hub hands it out only to those who accepted its licence, by the token in HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError):
        return "the hub shows no data set of that name; a private one takes a token in HF_TOKEN"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {revision!r}"
    if isinstance(error, HfHubHTTPError):
        return f"the hub answers with {error.response.status_code}"
    kind = type(error).__name__
    if kind in ("ConnectTimeout", "PoolTimeout"):
        return f"the hub did not answer within {WAIT_S[0]:g} s"
    if kind in ("ReadTimeout", "WriteTimeout"):
        return f"the hub did not go on within {WAIT_S[1]:g} s"
    said = (str(error).strip().splitlines() or [""])[0][:200].rstrip(".")
    if kind in ("ConnectError", "ProxyError"):
        return f"the hub cannot be reached ({said or kind})"
    return said or kind


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Without its warnings of each try: the sentence in the end says what there is to say."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
