"""The command line: help with an example everywhere, sentences instead of traces, a study from file to export."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml
from typer.testing import CliRunner

from engine.store import writer
from engine.store.database import open_store
from workbench.cli.main import app

run = CliRunner()


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        inner = (*path, name)
        found += commands(command, inner) if hasattr(command, "commands") else [inner]  # type: ignore[arg-type]
    return found


ALL = commands(typer.main.get_command(app))  # type: ignore[arg-type]


def invoke(*words: str) -> tuple[int, str]:
    done = run.invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def test_all_commands_of_the_issue_are_there() -> None:
    nouns = {" ".join(path) for path in ALL}
    assert nouns >= {
        "study run", "study list", "study show", "study report", "study pause", "study resume", "study cancel",
        "study retry", "study reorder", "study clone", "data check", "data import", "data list",
        "strategy list", "strategy show", "export", "app", "worker", "doctor",
    }  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    code, text = invoke(*path, "--help")
    assert code == 0
    assert "Example: workbench" in text


def study_file(tmp_path: Path, model: Path, **changes: Any) -> Path:
    def rows(n: int, salt: str) -> str:
        lines = []
        for i in range(n):
            responses = [{"text": f"{'gently ' * (j + 1)}{salt} {i}", "score": j} for j in range(3)]
            compare = [{"first": a, "second": b, "answer": "second"} for a in range(3) for b in range(a + 1, 3)]
            lines.append(json.dumps({"prompt": f"How, {salt} {i}?", "responses": responses, "comparisons": compare}))
        return "\n".join(lines) + "\n"

    (tmp_path / "pool.jsonl").write_text(rows(8, "pool"))
    (tmp_path / "near.jsonl").write_text(rows(4, "near"))
    config = {
        "name": "tiny study",
        "data": {"pool": "pool.jsonl", "held_out": {"near": "near.jsonl"}},
        "model": {"path": str(model), "device": "cpu", "lora": {"rank": 2, "alpha": 4}},
        "sampler": "all_pairs",
        "strategies": ["random", "real"],
        "seeds": [1],
        "rounds": 2,
        "labels_per_round": 4,
        "dpo": {"epochs": 1},
        "evaluation": {"prompts": 2, "kl_prompts": 2, "max_new_tokens": 4},
        **changes,
    }
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_study_from_file_to_export(tmp_path: Path, tiny_model_dir: Path) -> None:
    store = str(tmp_path / "store")
    file = study_file(tmp_path, tiny_model_dir)
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "study", "run", str(file), "--store", store, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :])["state"] == "done"
    code, text = invoke("study", "list", "--store", store, "--json")
    (listed,) = json.loads(text)
    assert (code, listed["rounds_done"], listed["labels_bought"]) == (0, 6, 24), "random has a second arm"
    code, text = invoke("study", "report", "tiny study", "--store", store, "--json")
    assert {row["strategy"] for row in json.loads(text)["rows"]} == {"random", "real", "random:again"}
    assert "Known: accuracy" in invoke("study", "report", "tiny study", "--metric", "acuracy", "--store", store)[1]
    code, text = invoke("study", "show", listed["id"], "--store", store)
    assert (code, "2 of 2" in text) == (0, True)
    out = tmp_path / "subset"
    code, text = invoke("export", listed["id"], "--strategy", "real", "--out", str(out), "--store", store)
    assert (code, "8 asked, 8 exported" in text) == (0, True)
    code, text = invoke("data", "check", str(out / "data/train-00000-of-00001.jsonl"), "--json")
    assert json.loads(text)["pairs"] == 8
    code, text = invoke("export", listed["id"], "--out", str(out), "--store", store)
    assert (code, "nothing is overwritten" in text) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("study", "run", "none.yaml"), "there is no such file"),
        (("study", "show", "x"), "There is no store"),
        (("data", "check", "none.jsonl"), "There is no file none.jsonl"),
        (("strategy", "show", "activdpo"), "Did you mean 'activedpo'?"),
    ],
)
def test_a_mistake_is_a_sentence_and_code_2(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    store = () if words[0] in ("data", "strategy") else ("--store", str(tmp_path / "s"))
    code, text = invoke(*words, *store)
    assert code == 2
    assert sentence in text
    assert "Traceback" not in text


def test_three_mistakes_in_a_study_are_printed_together_and_nothing_is_queued(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    file = study_file(tmp_path, tiny_model_dir, rounds=0, strategies=["activdpo"], colour="red")
    code, text = invoke("study", "run", str(file), "--store", str(tmp_path / "s"))
    assert code == 2
    assert "3 things need mending" in text
    assert not (tmp_path / "s").exists()


def test_a_second_study_of_one_name_is_said_to_be_one(tmp_path: Path, tiny_model_dir: Path) -> None:
    file, store = str(study_file(tmp_path, tiny_model_dir, name="one")), ("--store", str(tmp_path / "s"))
    code, text = invoke("study", "run", file, "--detach", *store)
    assert (code, "is the name of" in text) == (0, False)
    first = json.loads(invoke("study", "list", *store, "--json")[1])[0]["id"]
    code, text = invoke("study", "run", file, "--detach", *store)
    assert (code, f"'one' is the name of {first}, too: call this one s" in text) == (0, True)


def test_workers_that_end_before_they_have_begun_are_no_success(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.cli.study.run_to_the_end", lambda store, study_id: None)
    code, text = invoke("study", "run", str(study_file(tmp_path, tiny_model_dir)), "--store", str(tmp_path / "s"))
    assert code == 2
    assert "still waits for one" in text


def test_runs_are_steered_by_study_and_only_their_own(tmp_path: Path, tiny_model_dir: Path) -> None:
    store = ("--store", str(tmp_path / "s"))
    ids = []
    for name in ("one", "other"):
        file = study_file(tmp_path, tiny_model_dir, name=name)
        code, text = invoke("study", "run", str(file), "--detach", *store, "--json")
        ids.append(json.loads(text)["id"])
        assert (code, json.loads(text)["state"]) == (0, "queued")
    code, text = invoke("study", "pause", ids[0], *store, "--json")
    assert (code, json.loads(text)) == (0, {"study": ids[0], "command": "pause", "runs": 3})
    theirs = json.loads(invoke("study", "show", ids[1], *store, "--json")[1])["runs"][0]["id"]
    code, text = invoke("study", "cancel", ids[0], "--run", theirs, *store)
    assert (code, "Study 'one' has no run" in text) == (2, True)
    code, text = invoke("study", "cancel", "other", "--run", theirs, *store)
    assert (code, "1 run cancelled." in text) == (0, True)


def test_a_study_put_first_is_claimed_first_and_last_last(tmp_path: Path, tiny_model_dir: Path) -> None:
    where = str(tmp_path / "s")
    for name in ("one", "other", "third"):
        assert (
            invoke("study", "run", str(study_file(tmp_path, tiny_model_dir, name=name)), "--detach", "--store", where)[
                0
            ]
            == 0
        )
    assert "3 runs now first" in invoke("study", "reorder", "third", "--store", where)[1]
    code, text = invoke("study", "reorder", "one", "--last", "--store", where, "--json")
    assert (code, json.loads(text)["to"]) == (0, "last")
    store = open_store(where)
    me = writer.register_worker(store, "device", "cpu", 1, "here")
    order = []
    while claim := writer.claim_run(store, me):
        order.append(claim.config.study.name)
    assert order == ["third"] * 3 + ["other"] * 3 + ["one"] * 3
    invoke("study", "cancel", "one", "--store", where)
    assert invoke("study", "reorder", "one", "--store", where)[0] == 2, "nothing of it has still to be done"


def test_seeds_are_added_and_the_verdict_is_then_exploratory(tmp_path: Path, tiny_model_dir: Path) -> None:
    where = ("--store", str(tmp_path / "s"))
    invoke("study", "run", str(study_file(tmp_path, tiny_model_dir, name="one")), "--detach", *where)
    code, text = invoke("study", "add-seeds", "one", "2", "3", *where)
    assert (code, "6 runs queued. The study declared no spending" in text) == (0, True)
    code, text = invoke("study", "add-seeds", "one", "2", *where)
    assert (code, "seed 2 runs already" in text) == (2, True)
    declared = {"spending": "pocock", "seeds_at_most": 3}
    invoke("study", "run", str(study_file(tmp_path, tiny_model_dir, name="two", referee=declared)), "--detach", *where)
    code, text = invoke("study", "add-seeds", "two", "2", *where, "--json")
    assert (code, json.loads(text)["exploratory"]) == (0, False)


def test_a_clone_differs_in_what_is_set_and_in_nothing_else(tmp_path: Path, tiny_model_dir: Path) -> None:
    where = str(tmp_path / "s")
    invoke("study", "run", str(study_file(tmp_path, tiny_model_dir, name="one")), "--detach", "--store", where)
    changes = ("--set", "dpo.beta=0.3", "--set", "seeds=[7, 8]", "--set", "strategies.0=activedpo")
    code, text = invoke("study", "clone", "one", *changes, "--store", where, "--yaml")
    assert code == 0
    wanted = yaml.safe_load(text)
    code, text = invoke("study", "clone", "one", *changes, "--store", where, "--json")
    assert (code, json.loads(text)["state"]) == (0, "queued")
    before, after = (json.loads(invoke("study", "show", name, "--store", where, "--json")[1])["config"]
                     for name in ("one", "one, again"))  # fmt: skip
    assert after == json.loads(json.dumps(wanted)), "the printed file says what would be started"
    assert (after["dpo"]["beta"], after["seeds"], after["strategies"][0]["name"]) == (0.3, [7, 8], "activedpo")
    changed = {"name", "seeds", "strategies", "dpo"}
    assert {k: v for k, v in after.items() if k not in changed} == {k: v for k, v in before.items() if k not in changed}
    assert {**after["dpo"], "beta": before["dpo"]["beta"]} == before["dpo"]


def test_changes_that_cannot_be_made_are_named_together(tmp_path: Path, tiny_model_dir: Path) -> None:
    where = str(tmp_path / "s")
    invoke("study", "run", str(study_file(tmp_path, tiny_model_dir, name="one")), "--detach", "--store", where)
    wrong = ("--set", "beta", "--set", "strategies.9.ridge=1", "--set", "seeds=[1,")
    code, text = invoke("study", "clone", "one", *wrong, "--store", where)
    assert code == 2
    for part in ("3 things need mending", "'beta' has no '='", "no place 'strategies.9.ridge'", "is not YAML"):
        assert part in text
    assert "labels_per_rond" in invoke("study", "clone", "one", "--set", "labels_per_rond=3", "--store", where)[1]
    assert len(json.loads(invoke("study", "list", "--store", where, "--json")[1])) == 1


def test_what_a_file_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    row = {"chosen": "\x1b[2Jred\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}
    good = {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (row, good, good)) + "\n")
    code, text = invoke("data", "check", str(path))
    assert (code, "text before the first turn" in text, "\x1b" in text) == (0, True, False)
    assert "repeated 1 rows" in text


def test_strategy_show_says_what_a_reader_needs() -> None:
    code, text = invoke("strategy", "show", "activedpo")
    assert code == 0
    for part in ("arXiv:2505.19241", "V^{-1}", "ridge = 0.1", "Not stated"):
        assert part in text


def test_a_file_with_refused_rows_is_imported_only_on_ones_word(tmp_path: Path) -> None:
    path, store = tmp_path / "x.jsonl", str(tmp_path / "s")
    good = {"prompt": "p", "chosen": "a", "rejected": "b"}
    path.write_text("\n".join(json.dumps(r) for r in (good, {**good, "rejected": "a"})) + "\n")
    code, text = invoke("data", "check", str(path))
    assert (code, "row 2: chosen and rejected are identical" in text) == (0, True)
    code, text = invoke("data", "import", str(path), "--store", store)
    assert (code, "1 of 2 rows cannot be used" in text) == (2, True)
    code, text = invoke("data", "import", str(path), "--store", store, "--skip-refused", "--json")
    assert (code, json.loads(text)["refused"]) == (0, {"chosen and rejected are identical": 1})
    assert "trl_explicit" in invoke("data", "list", "--store", store)[1]
