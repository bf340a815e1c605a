"""Every command alike: --store and --json, a sentence for nonsense, code 130 after Ctrl-C, completion for shells."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from engine.store.database import open_store
from tests.workbench import worlds
from workbench.cli import terminal
from workbench.cli.main import app

COMMANDS = typer.main.get_command(app)
LIVES = {"app", "worker"}
"""They run until they are told to end; what they refuse is asked for by name below."""


def walk(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    for name, command in group.commands.items():
        inner = (*path, name)
        found += walk(command, inner) if hasattr(command, "commands") else [(inner, command)]
    return found


ALL = walk(COMMANDS)
EACH = pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])


def invoke(words: Sequence[str]) -> Any:
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


@EACH
def test_every_command_takes_a_store_and_speaks_json(path: tuple[str, ...], command: click.Command) -> None:
    options = {name for one in command.params for name in one.opts}
    assert {"--store", "--json"} <= options, path


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store with a finished study, none at all, a file where a folder is meant, and one that is no database."""
    root = tmp_path_factory.mktemp("places")
    worlds.finished(root / "whole", seeds=(1, 2, 3), rounds=2)
    (root / "file").write_bytes(b"\x80\x81\xff")
    (root / "broken").mkdir()
    (root / "broken" / "workbench.db").write_bytes(b"this is no database, whatever its name" * 40)
    return {"whole": root / "whole", "none": root / "none", "file": root / "file", "broken": root / "broken"}


def needed(command: click.Command, word: str) -> list[str]:
    """What a command cannot do without, each the word."""
    wanted = [one for one in command.params if one.required]
    named = [part for one in wanted if one.param_type_name == "option" for part in (one.opts[0], word)]
    plain = [word for one in wanted if one.param_type_name == "argument"]
    return [*named, *(["--", *plain] if plain else [])]


def says_a_sentence(words: Sequence[str]) -> None:
    done = invoke(words)
    assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception, done.output)
    assert done.exit_code in (0, 2), (words, done.output)
    assert done.exit_code == 0 or len(done.output.split()) > 2, words
    assert "Traceback" not in done.output


TAKES = [(path, command) for path, command in ALL if not set(path) & LIVES and needed(command, "x")]


@pytest.mark.parametrize(("path", "command"), TAKES, ids=[" ".join(path) for path, _ in TAKES])
def test_nonsense_gets_a_sentence(
    path: tuple[str, ...], command: click.Command, places: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for word in ("", "no such thing", "-1", "1", "ᚠ" * 300, str(places["file"])):
        says_a_sentence([*path, "--store", str(places["whole"]), *needed(command, word)])


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
@pytest.mark.parametrize("place", ["none", "file", "broken"])
def test_a_store_that_is_none_gets_a_sentence(
    place: str, path: tuple[str, ...], command: click.Command, places: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if set(path) & LIVES or path == ("doctor",):  # which looks at the whole machine each time
        return
    monkeypatch.chdir(tmp_path)
    says_a_sentence([*path, "--store", str(places[place]), *needed(command, "1")])


@EACH
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...], command: click.Command) -> None:
    done = invoke([*path, "--colour", "red"])
    assert done.exit_code == 2
    assert "--colour" in done.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("app", "--port", "99999999"), "65535"),
        (("app", "--data-root", "no such folder"), "no such folder"),
        (("app", "--store", "FILE"), "FILE"),
        (("worker", "--device", "toaster", "--until-idle"), "Allowed: auto, cpu, cuda"),
        (("worker", "--tools", "--until-idle", "--store", "FILE"), "FILE"),
        (("study", "report", "STUDY", "--html", "FILE/report.html"), "There is no folder FILE"),
        (
            ("data", "check", "sample_data/skewed/pool.jsonl", "--no-near-duplicates", "--refused", "FILE/x.csv"),
            "FILE/x",
        ),
        (("label", "trace", "STUDY", "--out", "FILE/x.csv"), "FILE/x.csv"),
        (("store", "backup", "FILE"), "FILE"),
    ],
)
def test_a_place_that_cannot_be_is_named(words: tuple[str, ...], sentence: str, places: dict[str, Path]) -> None:
    from engine.store import queries

    study = queries.studies(open_store(places["whole"]))[0].id
    fill = {"FILE": str(places["file"]), "STUDY": study}

    def filled(text: str) -> str:
        for name, value in fill.items():
            text = text.replace(name, value)
        return text

    store = () if "--store" in words else ("--store", str(places["whole"]))
    done = invoke([*map(filled, words), *store])
    assert isinstance(done.exception, SystemExit), (done.exception, done.output)
    assert done.exit_code == 2, done.output
    assert filled(sentence).replace("\n", "") in done.output.replace("\n", "").replace("│", "")


def test_after_ctrl_c_the_code_is_130_and_there_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(store: Path | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["workbench.cli.main"], "known", interrupted)  # the package has a function so named
    done = invoke(["strategy", "list"])
    assert done.exit_code == terminal.STOPPED == 130
    assert "Stopped by Ctrl-C" in done.output
    assert "Traceback" not in done.output


def test_the_exit_codes_are_in_the_help() -> None:
    text = " ".join(invoke(["--help"]).output.replace("│", " ").split())
    for words in ("0 done", "1 a fault", "2 a mistake", "130 stopped by Ctrl-C"):
        assert words in text


@pytest.mark.parametrize(("typed", "offered"), [("workbench st", "strategy"), ("workbench study re", "reorder")])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_nouns_and_verbs(shell: str, typed: str, offered: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)} if shell == "bash" else {}
    asked = {"_WORKBENCH_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": typed, **words}
    asked |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main()"],
        env={**os.environ, **asked}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert offered in done.stdout, done.stdout + done.stderr


def test_a_worker_and_a_list_say_json_for_machines(tmp_path: Path) -> None:
    open_store(tmp_path)
    done = invoke(["worker", "--tools", "--until-idle", "--json", "--store", str(tmp_path)])
    assert json.loads(done.stdout) == {"tasks_ended": 0}
