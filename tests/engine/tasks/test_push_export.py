"""Pushing from the app: what was checked arrives to the byte, and a planted token stands nowhere."""

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from engine.data.answers import Subset
from engine.store import queries
from engine.store.database import Store
from engine.store.summaries import TaskSummary
from engine.tasks.base import ask, asked
from engine.tasks.check_export import CheckExport, packed
from engine.tasks.push_export import PushExport
from engine.tools import ToolsWorker
from tests.engine.data.export.hub import MAY_READ, MAY_WRITE, local_hub
from tests.logbook import ROOT
from tests.workbench import worlds


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return worlds.finished(tmp_path / "store", seeds=(1,), strategies=("random", "activedpo"))


def checked(store: Store) -> CheckExport:
    task = CheckExport(subset=Subset(study_id=queries.studies(store)[0].id, strategy="activedpo"), profile="audit")
    ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    return task


def done(store: Store, task: PushExport) -> TaskSummary:
    found = asked(store, task)
    assert found is not None
    return found


def everything(folder: Path) -> bytes:
    """All that lies below the folder, the database and its log among it."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_worker_s_token_sends_what_was_checked_and_stands_in_no_store_log_or_export(store: Store) -> None:
    check = checked(store)
    task = PushExport(export=check, repository="me/subset")
    ask(store, task)
    with local_hub() as hub:
        done_ = subprocess.run(
            [sys.executable, "-m", "workbench", "worker", "--tools", "--until-idle", "--store", str(store.folder)],
            env={**os.environ, "HF_TOKEN": MAY_WRITE, "HF_ENDPOINT": hub.url},
            cwd=ROOT, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        sent, private, url = hub.committed["me/subset"], hub.private["me/subset"], hub.url
    answer, of_check = done(store, task).answer, asked(store, check)
    assert answer is not None, done(store, task).error
    assert of_check is not None
    assert of_check.answer is not None
    archive = packed(store, of_check.answer)
    with zipfile.ZipFile(BytesIO(archive)) as folder:
        assert sent == {name: folder.read(name) for name in folder.namelist()}
    assert (private, answer["files"], answer["address"]) == (True, len(sent), f"{url}/datasets/me/subset")
    assert task.still_holds(store, answer)
    found = everything(store.folder) + done_.stdout + done_.stderr + b"".join(sent.values()) + archive
    assert b"me/subset" in found, "the store is looked at where it keeps what was asked"
    assert MAY_WRITE.encode() not in found


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "The tools worker has no token: neither HF_TOKEN nor"),
        (MAY_READ, "This token may not write to me/subset (403)"),
        ("hf_planted", "The hub does not know this token (401)"),
    ],
)
def test_a_refused_push_is_a_sentence_without_the_token(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture, token: str, sentence: str,
) -> None:  # fmt: skip
    task = PushExport(export=checked(store), repository="me/subset")
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", token)
        ask(store, task)
        ToolsWorker(store).work(until_idle=True)
        assert hub.committed == {}
    assert (done(store, task).state, sentence in done(store, task).error) == ("failed", True), done(store, task).error
    said = "".join(capfd.readouterr()) + caplog.text
    assert not token or token.encode() not in everything(store.folder) + said.encode()


def test_only_what_was_checked_and_holds_is_sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", MAY_WRITE)
    check = CheckExport(subset=Subset(study_id=queries.studies(store)[0].id, strategy="activedpo"), profile="audit")
    task = PushExport(export=check, repository="me/subset")
    ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    assert "What was checked is not what is there now." in done(store, task).error
    answer = {"file": None, "state": []}
    monkeypatch.setattr(CheckExport, "do", lambda check, store, say: answer)
    monkeypatch.setattr(CheckExport, "still_holds", lambda check, store, answer: True)
    checked(store)
    ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    assert "A tick of its contract does not hold" in done(store, task).error
