"""What the README shows of Python beyond its first lines runs, and so do its commands: over a store in the folder."""

import gzip
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import engine
from engine.store import queries
from engine.store.database import open_store
from tests.test_readme import ROOT, block, blocks
from tests.workbench import lab_worlds, worlds
from workbench.cli.main import app

SAMPLE = ROOT / "sample_data"


def test_the_code_over_a_store_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategies = ("random", "activedpo", "real")
    store = worlds.finished(tmp_path / ".store", name="Helpful answers", seeds=(1, 2, 3), strategies=strategies)
    lab_worlds.scored(store, lab_worlds.request(store, *strategies))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)
    names = {"engine": engine}
    exec(block("python", "engine.Study.open("), names)
    assert names["study"].state == "done"
    assert (tmp_path / "subset" / "README.md").is_file()


SHOWN = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("workbench ")]
LIVES = ("workbench app",)
"""What runs until it is told to end."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the README's first study has it, with a store in which that study is done."""
    root = tmp_path_factory.mktemp("shown")
    store = worlds.finished(root / ".store", name="Helpful answers", seeds=(1, 2, 3))
    worlds.add_study(store, "helpful", seeds=(1,))
    pool = (SAMPLE / "skewed" / "pool.jsonl").read_bytes()
    (root / "pairs.jsonl.gz").write_bytes(gzip.compress(pool))
    shutil.copytree(SAMPLE / "model", root / "my-sft-model")
    study = block("yaml", "name: Helpful answers").replace("context_tokens: 2048", "context_tokens: 256")
    (root / "helpful.yaml").write_text(study.replace("prompts_per_round: 2000", "prompts_per_round: 200"), "utf-8")
    return root


@pytest.mark.parametrize("line", [line for line in SHOWN if not line.startswith(LIVES)])
def test_a_command_that_is_shown_does_what_it_says(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)
    words = shlex.split(line, comments=True)[1:]
    queued = ["--detach", "--store", "new"] if words[:2] == ["study", "run"] else []  # its runs are for a GPU
    done = CliRunner().invoke(app, [*words, *queued])
    assert done.exit_code == 0, done.output
    if queued:
        assert [study.name for study in queries.studies(open_store(folder / "new"))] == ["Helpful answers"]
