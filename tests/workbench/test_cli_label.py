"""`workbench label`: links for people, pairs out to Label Studio and Argilla, and their answers back in."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.store import answered, outgoing, queries, roles
from engine.store.assignments import Said, answer, claim_next
from engine.store.database import Store
from engine.store.outgoing import first_out
from tests.engine.store.campaign_world import campaign, finish, labels
from workbench.cli.main import app

SAYS = ("response_a", "response_b", "tie", "both_bad")


def run(*words: str) -> tuple[int, Any]:
    found = CliRunner().invoke(app, [*words, "--json"])
    return found.exit_code, json.loads(found.stdout) if found.exit_code == 0 else found.output + found.stderr


@pytest.fixture
def made(tmp_path: Path) -> tuple[Store, str]:
    store, study_id, _ = campaign(tmp_path / "store", batch=4)
    return store, study_id


def answered_in_label_studio(folder: Path) -> tuple[Path, dict[str, str]]:
    tasks = json.loads((folder / "pairs.json").read_text())
    said = {}
    for task, answer_ in zip(tasks, SAYS, strict=True):
        said[task["data"]["response_a"]] = answer_
        pairwise = {"type": "pairwise", "value": {"selected": "left" if answer_ == "response_a" else "right"}}
        choice = {"type": "choices", "value": {"choices": [answer_.replace("_", " ")]}}
        result = [pairwise if answer_.startswith("response") else choice]
        task["annotations"] = [
            {"result": result, "completed_by": {"email": "mira@example.org"}, "was_cancelled": False}
        ]
    file = folder / "answers.json"
    file.write_text(json.dumps(tasks))
    return file, said


def answered_in_argilla(folder: Path) -> tuple[Path, dict[str, str]]:
    records = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().strip().split("\n")]
    said = {}
    for record, answer_ in zip(records, SAYS, strict=True):
        said[record["fields"]["response_a"]] = answer_
        record["responses"] = {"preference": [{"value": answer_, "user_id": "mira@example.org"}]}
    file = folder / "answers.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file, said


@pytest.mark.parametrize("tool", ["label_studio", "argilla"])
def test_pairs_go_out_without_answers_and_come_back_with_them(made, tmp_path, tool):
    store, study_id = made
    out = tmp_path / "out"
    code, told = run("label", "export", study_id, "--profile", tool, "--out", str(out), "--store", str(store.folder))
    assert (code, told["pairs"]) == (0, 4)
    written = "".join(path.read_text() for path in out.iterdir())
    for word in ("random", "strategy", "score", "selected", study_id):
        assert word not in written, word
    assert {first_out(row) for row in _pairs(store)} == {"a", "b"}, "sides go out in random order"
    file, said = (answered_in_label_studio if tool == "label_studio" else answered_in_argilla)(out)
    back = ("label", "import", str(file), "--study", study_id, "--store", str(store.folder))
    code, told = run(*back)
    assert (code, told["written"], told["refused"]) == (0, 4, 0)
    texts = _texts(store)
    for row in labels(store):
        text_a, text_b = texts[row.pair_id]
        first, second = (text_a, text_b) if row.side_shown_first == "a" else (text_b, text_a)
        meant = said[first]
        wanted = {"response_a": first, "response_b": second}.get(meant, meant)
        assert {"a": text_a, "b": text_b}.get(row.answer, row.answer) == wanted
    assert len(labels(store)) == 4
    assert queries.study(store, study_id).runs[0].state == "queued", "and the run goes on"
    code, told = run(*back)
    assert (told["written"], told["told before"]) == (0, 4), "a second import writes nothing"
    assert len(labels(store)) == 4


def test_who_was_faster_at_the_screen_counts_and_the_file_is_kept_as_late(made, tmp_path):
    store, study_id = made
    out = tmp_path / "out"
    words = ("--profile", "argilla", "--shared", "--out", str(out), "--store", str(store.folder))
    assert run("label", "export", study_id, *words)[1]["reserved"] is False
    mira = roles.at_the_machine(store, "Mira")
    shown = claim_next(store, study_id, mira.id)
    assert shown is not None
    answer(store, study_id, shown.assignment_id, mira.id, Said("both_bad"))
    file, _ = answered_in_argilla(out)
    _, told = run("label", "import", str(file), "--study", study_id, "--store", str(store.folder))
    assert (told["written"], told["late"]) == (3, 1)
    late = next(row for row in labels(store) if row.detail.get("late"))
    assert late.pair_id == shown.pair_id


def test_what_is_out_is_shown_to_nobody_here_until_it_is_taken_back(made, tmp_path):
    store, study_id = made
    at = ("--store", str(store.folder))
    mira = roles.at_the_machine(store, "Mira")
    held = claim_next(store, study_id, mira.id)
    assert held is not None
    out = tmp_path / "out"
    told = CliRunner().invoke(app, ["label", "export", study_id, "--out", str(out), *at])
    assert "3 pairs in" in told.stdout, "what is in a hand stays there"
    assert "Nobody is shown them here until" in told.stdout
    assert claim_next(store, study_id, mira.id) == held
    answer(store, study_id, held.assignment_id, mira.id, Said("a"))
    assert claim_next(store, study_id, mira.id) is None
    found = answered.progress(store, study_id, mira.id)
    assert (found.asked, found.done, found.free, found.out) == (4, 1, 0, 3)
    assert queries.study(store, study_id).runs[0].state == "waiting", "the run waits for what is out"
    again = CliRunner().invoke(app, ["label", "export", study_id, "--out", str(tmp_path / "more"), *at])
    assert (again.exit_code, "3 are out at another tool" in again.stderr) == (2, True)
    assert not (tmp_path / "more").exists()
    tasks = json.loads((out / "pairs.json").read_text())
    (out / "answers.json").write_text(json.dumps([annotated(task, "left", "ada@example.org") for task in tasks[:1]]))
    code, told = run("label", "import", str(out / "answers.json"), "--study", study_id, *at)
    assert (code, told["written"], told["still out"]) == (0, 1, 2)
    assert run("label", "recall", study_id, *at) == (0, {"study": study_id, "pairs": 2})
    assert "No pair of this study is out" in run("label", "recall", study_id, *at)[1]
    assert claim_next(store, study_id, mira.id) is not None
    finish((store, study_id, ""), "Mira")
    assert queries.study(store, study_id).runs[0].state == "queued"
    assert len(labels(store)) == 4


def test_pairs_whose_files_could_not_be_written_are_in_the_queue_again(made, tmp_path, monkeypatch):
    store, study_id = made

    def full(*_):
        raise OSError(28, "No space left on device", "pairs.json")

    monkeypatch.setattr("workbench.cli.label.write_files", full)
    code, told = run("label", "export", study_id, "--out", str(tmp_path / "out"), "--store", str(store.folder))
    assert (code, "No space left" in told) == (2, True)
    assert outgoing.out(store, study_id) == 0
    assert claim_next(store, study_id, roles.at_the_machine(store, "Mira").id) is not None


def test_who_changes_their_mind_in_the_tool_corrects_and_an_older_file_changes_nothing(made, tmp_path):
    store, study_id = made
    at = ("--study", study_id, "--store", str(store.folder))
    out = tmp_path / "out"
    run("label", "export", study_id, "--out", str(out), "--store", str(store.folder))
    (task, *_) = json.loads((out / "pairs.json").read_text())
    files = []
    for n, side in enumerate(("left", "right")):
        files.append(out / f"{n}.json")
        files[-1].write_text(json.dumps([annotated(task, side, "mira@example.org")]))
    assert run("label", "import", str(files[0]), *at)[1]["written"] == 1
    assert run("label", "import", str(files[1]), *at)[1]["corrected"] == 1
    first, second = labels(store)
    assert (second.corrects, {first.answer, second.answer}) == (first.id, {"a", "b"})
    for file in files:
        assert run("label", "import", str(file), *at)[1]["told before"] == 1
    assert len(labels(store)) == 2


def test_answers_without_a_name_are_of_a_person_each(tmp_path):
    store, study_id, _ = campaign(tmp_path / "store", batch=2, answers_per_pair=2.0)
    out = tmp_path / "out"
    run("label", "export", study_id, "--out", str(out), "--store", str(store.folder))
    tasks = json.loads((out / "pairs.json").read_text())
    for task in tasks:
        task["annotations"] = [one for side in ("left", "right") for one in annotated(task, side, "")["annotations"]]
    (out / "answers.json").write_text(json.dumps(tasks))
    back = ("label", "import", str(out / "answers.json"), "--study", study_id, "--store", str(store.folder))
    assert run(*back)[1]["written"] == 4
    assert len({row.person_id for row in labels(store)}) == 2
    assert run(*back)[1]["told before"] == 4, "and the same file again writes nothing"


def annotated(task: dict[str, Any], side: str, who: str) -> dict[str, Any]:
    result = [{"type": "pairwise", "value": {"selected": side}}]
    by = {"completed_by": {"email": who}} if who else {}
    return {**task, "annotations": [{"result": result, "was_cancelled": False, **by}]}


def test_what_was_not_asked_is_counted(made, tmp_path):
    store, study_id = made
    row = {"prompt": "Another?", "chosen": "yes", "rejected": "no"}
    file = tmp_path / "other.jsonl"
    file.write_text(json.dumps(row) + "\n")
    code, told = run("label", "import", str(file), "--study", study_id, "--store", str(store.folder))
    assert (code, told["not asked"], told["written"]) == (0, 1, 0)


def test_links_are_made_listed_and_closed(made):
    store, study_id = made
    at = ("--store", str(store.folder))
    code, told = run("label", "invite", "Mira", "--study", study_id, "--url", "http://box:8501/", *at)
    assert code == 0
    link, token = told["link"].split("?token=")
    assert link == "http://box:8501/label"
    person = roles.by_token(store, token)
    assert person is not None
    assert (person.name, person.role, person.study_id) == ("Mira", "labeller", study_id)
    _, everybody = run("label", "invite", "--list", *at)
    assert [(one["name"], one["link"]) for one in everybody] == [("Mira", "yes")]
    assert token not in json.dumps(everybody)
    run("label", "invite", "--revoke", told["number"], *at)
    assert roles.by_token(store, token) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("invite", "Mira"), "A labeller's link opens one study."),
        (("invite", "Mira", "--role", "boss"), "There is no role 'boss'."),
        (("invite", "--revoke", "h0"), "Nobody here has the number 'h0'."),
        (("export", "{study}", "--profile", "excel", "--out", "{out}"), "Pairs do not go out to 'excel'."),
        (("export", "nothing", "--out", "{out}"), "nothing"),
    ],
)
def test_mistakes_are_sentences(made, tmp_path, words, says):
    store, study_id = made
    filled = [word.format(study=study_id, out=tmp_path / "x") for word in words]
    found = CliRunner().invoke(app, ["label", *filled, "--store", str(store.folder)])
    assert found.exit_code == 2
    assert says in found.stderr


def _pairs(store: Store) -> set[str]:
    return set(_texts(store))


def _texts(store: Store) -> dict[str, tuple[str, str]]:
    import sqlalchemy as sa

    from engine.store import schema as s
    from engine.store.picked import texts_of_pairs

    with store.read() as connection:
        ids = set(connection.execute(sa.select(s.assignments.c.pair_id)).scalars())
        return {pair_id: (a[0], b[0]) for pair_id, (_, a, b) in texts_of_pairs(connection, ids).items()}
