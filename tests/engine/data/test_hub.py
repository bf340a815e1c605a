"""A hub id: the commit that is read is kept and can be named again; one that cannot be read says so, asked once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.data.containers import open_rows
from engine.data.hub import HUB_ID
from engine.data.places import files_of
from engine.data.read import examine, sha256_of
from engine.data.take_in import take_in
from engine.errors import DataError
from engine.store import queries
from engine.store.database import open_store
from tests.engine.data.test_containers import ROWS
from tests.engine.models.hub import answering

COMMIT, LATER = "c0ffee" * 6 + "c0ff", "decaf0" * 6 + "deca"
ASKS = """
import json, sys
from engine.data.read import examine
from engine.errors import DataError
try:
    examine(sys.argv[1])
except DataError as error:
    print(json.dumps([error.what, error.next_step]))
"""


class Hub:
    """What the libraries know of a hub: the newest commit, and the rows."""

    newest = COMMIT
    rows: tuple[Any, ...] = tuple(ROWS)

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def dataset_info(self, repository: str, *, revision: str | None, timeout: Any) -> SimpleNamespace:
        assert timeout is not None, "an answer is not waited for without end"
        self.asked.append((repository, revision))
        return SimpleNamespace(sha={None: self.newest, "main": self.newest}.get(revision, revision))

    def builder(self, repository: str, *, revision: str) -> SimpleNamespace:
        self.asked.append((repository, revision))
        return SimpleNamespace(as_streaming_dataset=self.stream)

    def stream(self, split: str) -> Iterator[dict[str, Any]]:
        assert split == "train"
        for row in self.rows:
            if isinstance(row, Exception):
                raise row
            yield row


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub()
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda _, *of, **how: found.dataset_info(*of, **how))
    monkeypatch.setattr("datasets.load_dataset_builder", found.builder)
    return found


def test_the_commit_that_is_read_is_kept_and_names_the_same_rows_again(hub: Hub, tmp_path: Path) -> None:
    first = examine("some/pairs").report
    assert (first.rows, first.commit, first.name) == (len(ROWS), COMMIT, "pairs")
    assert first.path == f"some/pairs@{COMMIT}"
    assert hub.asked == [("some/pairs", None), ("some/pairs", COMMIT)], "the rows are those of the commit that is kept"
    hub.newest = LATER
    now, again = examine("some/pairs").report, examine(first.path).report
    assert (now.commit, again.commit) == (LATER, COMMIT)
    assert hub.asked[-1] == ("some/pairs", COMMIT)
    assert again.path == first.path
    assert first.sha256 == again.sha256 == sha256_of("some/pairs", COMMIT)
    assert now.sha256 not in (first.sha256, sha256_of("some/pairs"))
    store = open_store(tmp_path)
    take_in(store, "some/pairs@main")
    (kept,) = queries.datasets(store)
    assert (kept.path, kept.name) == (f"some/pairs@{LATER}", "pairs")


def test_a_hub_that_fails_in_the_middle_gets_a_sentence(hub: Hub) -> None:
    hub.rows = (ROWS[0], RuntimeError())
    rows = open_rows("somebody/some-data")
    assert next(rows) == ROWS[0]
    with pytest.raises(DataError, match="as a hub id it cannot be loaded: RuntimeError"):
        next(rows)


@pytest.mark.parametrize("name", ["a/b", "a.b/c-d", "a/b@main", f"a/b@{COMMIT}", "a/b@v1.0"])
def test_these_are_hub_ids(name: str) -> None:
    assert HUB_ID.fullmatch(name)
    assert files_of(name) == []


@pytest.mark.parametrize("name", ["a", "a/b/c", "/a/b", "a/b@", "a/b@c/d", "./a/b", "a/b.jsonl", "a b/c"])
def test_these_are_none(name: str) -> None:
    with pytest.raises(DataError, match="There is no file"):
        files_of(name)


def test_a_file_with_an_at_in_its_name_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs@main.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    report = examine(path).report
    assert (report.path, report.name, report.commit) == (str(path), "pairs@main.jsonl", "")


def asked_of(url: str, home: Path, name: str = "somebody/pairs", *, offline: str = "0") -> tuple[str, str]:
    """What a process says that asks this hub; the library reads its address when it is imported."""
    own = {"HF_ENDPOINT": url, "HF_HOME": str(home)}
    own |= {name: "0" for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")} | {"HF_DATASETS_OFFLINE": offline}
    command = [sys.executable, "-c", ASKS, name]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    what, then = json.loads(done.stdout.splitlines()[-1])
    return what, then


def test_a_hub_is_asked_once_and_not_again_and_again(tmp_path: Path) -> None:
    """Five times, with longer and longer breaks, is what the libraries do by themselves: half a minute in silence."""
    with answering(503) as server:
        what, then = asked_of(server.url, tmp_path)
        assert what == "somebody/pairs is no file here, and as a hub id it cannot be loaded: the hub answers with 503."
        assert then == "Check the path or connection."
        assert server.asked == ["/api/datasets/somebody/pairs"]
    with answering(404, X_Error_Code="RepoNotFound") as server:
        assert "the hub shows no data set of that name" in asked_of(server.url, tmp_path)[0]
        assert len(server.asked) == 1
    with answering(404, X_Error_Code="RevisionNotFound") as server:
        said = asked_of(server.url, tmp_path, "somebody/pairs@older")[0]
        assert "somebody/pairs has no revision 'older'" in said
        assert server.asked == ["/api/datasets/somebody/pairs/revision/older"]


def test_without_a_connection_it_says_so(tmp_path: Path) -> None:
    """At port 9 nobody listens."""
    what, _ = asked_of("http://127.0.0.1:9", tmp_path)
    assert "as a hub id it cannot be loaded: the hub cannot be reached (" in what
    what, _ = asked_of("http://127.0.0.1:9", tmp_path, offline="1")
    assert "HF_HUB_OFFLINE (or its like) is set in the environment, so the hub is not asked." in what
