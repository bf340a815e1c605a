"""What the README shows is true: its study is valid, its code runs, its commands and files are there."""

import inspect
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from engine.config import StudyConfig
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts import test_strategies as contract
from workbench.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def block(language: str, holds: str) -> str:
    (found,) = [text for text in blocks(language) if holds in text]
    return found


def test_the_study_for_your_own_data_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "helpful.yaml"
    path.write_text(block("yaml", "Helpful answers"), encoding="utf-8")
    (tmp_path / "pairs.jsonl.gz").touch()
    (tmp_path / "my-sft-model").mkdir()
    config = StudyConfig.from_yaml(path)
    assert config.data.pool == str(tmp_path / "pairs.jsonl.gz")
    assert config.model.path == str(tmp_path / "my-sft-model")
    assert config.dpo.learning_rate == 2e-5
    assert "random" in [s.name for s in config.strategies]
    assert config.dpo.batch_pairs % (config.dpo.micro_batch_pairs or 1) == 0


def test_the_code_for_python_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("python", "engine.read(")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1,000 prompts, 0 rows refused", "15 runs of 360 labels each"]


@pytest.fixture
def added(tmp_path: Path) -> Iterator[Strategy]:
    """The strategy of the README, registered as if its file lay in the room."""
    path = tmp_path / "undecided.py"
    path.write_text(block("python", "@STRATEGIES.register"), encoding="utf-8")
    STRATEGIES.names()
    found = runpy.run_path(str(path), run_name="engine.strategies.undecided")
    yield found["Undecided"]()
    del STRATEGIES._classes["undecided"]


def test_the_strategy_keeps_the_contract(added: Strategy) -> None:
    """Every check of the contract, called as pytest would call it."""
    further = {"picked": [0, 5], "bad": [float("nan")]}
    checks = [check for name, check in vars(contract).items() if name.startswith("test_")]
    assert len(checks) > 10
    for check in checks:
        first, *others = [*inspect.signature(check).parameters, ""]
        if first == "strategy":
            for value in further.get(others[0], [None]):
                check(added, **({others[0]: value} if others[0] else {}))


def test_the_strategy_is_in_studies_and_on_the_command_line(added: Strategy) -> None:
    named = [{"name": "undecided", "balance": 1}]
    study = {"name": "one", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": named}
    assert StudyConfig.from_dict(study).strategies[0] == type(added)(balance=1)
    shown = CliRunner().invoke(app, ["strategy", "show", "undecided"])
    assert shown.exit_code == 0
    assert "least certain" in shown.output


def test_every_command_it_names_exists() -> None:
    shell = "\n".join(blocks("sh"))
    prose = README.partition("## The tree")[0]
    texts = re.findall(r"`workbench ([^`]+)`", prose) + re.findall(r"^workbench (.+)$", shell, flags=re.MULTILINE)
    named = set()
    for text in texts:
        noun, *rest = text.replace("\\|", "|").split()
        named |= {(noun, verb) for verb in rest[0].split("|")} if noun in ("study", "data", "strategy") else {(noun,)}
    assert len(named) > 15
    for command in sorted(named):
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0, command


def test_every_file_it_names_is_there() -> None:
    ours = re.findall(r"`((?:engine|workbench|sample_data|tests)/[\w./]*|[A-Za-z_]+\.(?:txt|cff))`", README)
    assert len(ours) >= 6
    assert [name for name in ours if not (ROOT / name).exists()] == []


def test_it_has_what_a_newcomer_looks_for_and_no_gap() -> None:
    for heading in ("Two commands", "Your own data and model", "Add a strategy", "Limits", "Security", "Changes"):
        assert f"\n## {heading}\n" in README
    assert not re.search(r"TODO|TBD|FIXME|XXX|coming soon|lorem", README, flags=re.IGNORECASE)


def test_every_test_it_names_is_there() -> None:
    """The faults of published code, each with the test that keeps it out."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


@pytest.mark.parametrize("name", ["judge", "routing"])
def test_the_oracles_of_models_are_valid(name: str) -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    config = StudyConfig.from_dict({**study, **yaml.safe_load(block("yaml", f"name: {name}\n"))})
    assert config.oracle.name == name
