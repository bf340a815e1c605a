"""What the README shows is true: its study is valid, its code runs, its commands and files are there."""

import inspect
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from engine.config import StudyConfig
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts import test_strategies as contract
from tests.workbench.pictures import PAGES
from workbench.cli.main import app
from workbench.words import WORDS

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
    nouns = {name for name, command in typer.main.get_command(app).commands.items() if hasattr(command, "commands")}
    for text in texts:
        noun, *rest = text.split()
        named |= {(noun, verb) for verb in rest[0].split("|")} if noun in nouns else {(noun,)}
    assert len(named) > 15
    for command in sorted(named):
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0, command


def test_its_list_of_commands_is_whole() -> None:
    section = README.split("\n## The command line\n")[1].split("`--help`")[0]
    named = {
        (noun, verb) if verb else (noun,)
        for noun, _, verbs in (text.partition(" ") for text in re.findall(r"`workbench ([^`]+)`", section))
        for verb in verbs.split("|")
    }
    assert named == set(nouns_and_verbs(typer.main.get_command(app)))


def nouns_and_verbs(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from nouns_and_verbs(command, (*path, name)) if hasattr(command, "commands") else [(*path, name)]


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


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split("\n")[0])
def test_every_part_of_a_study_file_is_valid(text: str) -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    part = yaml.safe_load(text)
    config = StudyConfig.from_dict({**study, **part}).model_dump(mode="json")
    for field in ("oracle", "tracker"):
        if field in part:
            assert config[field]["name"] == part[field]["name"]


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    """Commands, parts of study files, the two strategies and the reading are; the tree is held by the house."""
    assert set(re.findall(r"^```(\w*)$", README, flags=re.MULTILINE)) == {"", "sh", "yaml", "python", "text"}
    assert (len(blocks("python")), len(blocks("text"))) == (4, 1)


def parsed(line: str) -> None:
    """A command line taken apart as if it were run: every noun, verb, option and value must be known."""
    group, words = typer.main.get_command(app), shlex.split(line, comments=True)[1:]
    context = group.make_context("workbench", words)
    while hasattr(group, "commands"):
        name, group, words = group.resolve_command(context, [*context._protected_args, *context.args])
        context = group.make_context(name, words, parent=context)


@pytest.mark.parametrize("line", re.findall(r"^(workbench .+)$", "\n".join(blocks("sh")), flags=re.MULTILINE))
def test_every_command_it_shows_can_be_typed_so(line: str) -> None:
    parsed(line)


def examples(group: Any) -> Iterator[str]:
    for command in group.commands.values():
        yield from examples(command) if hasattr(command, "commands") else [command.epilog.removeprefix("Example: ")]


@pytest.mark.parametrize("line", [*examples(typer.main.get_command(app))])
def test_every_example_of_the_help_can_be_typed_so(line: str) -> None:
    parsed(line)


def test_every_picture_shown_is_there() -> None:
    shown = set(re.findall(r"\]\((\.github/[^)]+)\)", README))
    assert ".github/pictures/scaling.svg" in shown
    assert not [name for name in sorted(shown) if not (ROOT / name).is_file()]


def test_every_page_has_a_picture_that_is_small() -> None:
    pages = {path.stem.replace("_", "-") for path in (ROOT / "pages").glob("[a-z]*.py")}
    shown = re.findall(r"\]\((\.github/pictures/([\w-]+)\.png)\)", README)
    assert {name for _, name in shown} == pages == set(PAGES)
    assert all(0 < (ROOT / path).stat().st_size < 200_000 for path, _ in shown)


def test_every_link_within_it_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = re.findall(r"\]\(#([\w-]+)\)", README)
    assert len(linked) > 10
    assert [anchor for anchor in linked if anchor not in anchors] == []


def test_its_words_are_those_of_the_help() -> None:
    """The README has the most needed of the table that the page Help shows; it makes up none."""
    known = {word for entry in WORDS for word in entry.word.split(", ")}
    section = README.split("\n## Words\n")[1].split("\n## ")[0]
    said = re.findall(r"\*\*(\w+)\*\*", section)
    assert len(said) > 10
    assert [word for word in said if word not in known and word.removesuffix("s") not in known] == []


def test_what_is_folded_opens_and_closes() -> None:
    """What a newcomer needs stands open; what is looked up is folded, with blank lines that let markdown in."""
    opened, closed = README.count("<details><summary>"), README.count("</details>")
    assert opened == closed > 10
    assert len(re.findall(r"^<details><summary>[^<\n]+</summary>\n\n", README, flags=re.MULTILINE)) == opened
    first = re.sub(r"<details>.*?</details>|```.*?```|^\|.*?$", "", README, flags=re.DOTALL | re.MULTILINE)
    assert len(first.split("## People label")[0].split()) < 1100, "it is to be read in some three minutes"


def test_the_citation_is_valid() -> None:
    """Against the required fields and the forms of the Citation File Format 1.2.0 that are used here."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license", "version"} <= set(cited)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (str(cited["version"]), cited["license"]) == (known["version"], known["license"])
    for work in (cited, *cited["references"]):
        assert work["title"] and work["authors"]
        assert all({"name", "family-names"} & set(author) for author in work["authors"])
        assert all(set(author) <= {"name", "family-names", "given-names"} for author in work["authors"])
    for work in cited["references"]:
        assert work["type"] == "article" and isinstance(work["year"], int)
        for found in work["identifiers"]:
            assert found["type"] == "other" and re.fullmatch(r"arXiv:\d{4}\.\d{4,5}", found["value"])
