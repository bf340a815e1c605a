"""A study with a judge through worker, page, terminal and export: what is shown of it, and no key anywhere."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine import asking
from engine.cost import Sizes
from engine.errors import StoreError
from engine.oracles._prompting import hash_of
from engine.oracles.base import ORACLES, Texts
from engine.store import inbox, queries, writer
from engine.store import schema as s
from engine.store.bank import loan
from engine.store.database import Store
from engine.store.judged import used
from engine.store.labelled import salt_of
from engine.store.traced import as_shown, trace
from engine.trackers.base import TRACKERS
from engine.worker import Worker
from tests.engine.oracles.judge_server import body_of, judging, longer, slots_of
from tests.engine.samplers.small_server import SmallServer, refusal, running
from tests.engine.test_loop import config
from tests.engine.worker.lives import queue, run_ids
from tests.workbench.test_form import file_of, press, sample_model, widget
from tests.workbench.test_pages import app, seen
from workbench import quality
from workbench.asked_words import AskedModels, asked_models, evaluator_rows
from workbench.cli.main import app as cli
from workbench.components.asked_panel import asked_markup
from workbench.crossing import PAGES, notebook_of
from workbench.report.gather import gather
from workbench.report.html import as_html
from workbench.report.machine import machine
from workbench.views import View

pytest.importorskip("openai", reason='The package openai is not installed (extra "server").')
SECRET = "sk-planted-0123456789abcdef"


def talkative(number: int, body: dict[str, Any]) -> Any:
    """Says the key back in answers and refusals, and judges by length; of a few pairs it says nothing clear."""
    if number % 7 == 3:
        return refusal(500, f"something is wrong with the key {SECRET}")
    a, b = slots_of(body["messages"][0]["content"])
    verdict = "A" if number % 5 == 1 else longer(a, b)
    tail = "I cannot tell." if "wash" in a + b and number % 2 else f"Verdict: {verdict}"
    return 200, body_of(f"Your key {SECRET} works. {tail}"), {}


def study_of(server: SmallServer, model: Path, **judge: Any) -> Any:
    asked = {"name": "judge", "url": server.url, "model": "small", "key_variable": "PLANTED_KEY", "price_read": 1.5,
             "price_written": 6.0, "at_once": 2, **judge}  # fmt: skip
    return config(model, oracle=asked, evaluator={**asked, "rubric": "Shorter is better."}, strategies=["random"])


@pytest.fixture(scope="module")
def server() -> Iterator[SmallServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "FIRST_PAUSE_S", 0.01)
        patch.setenv("PLANTED_KEY", SECRET)
        with running(SmallServer(trouble=talkative)) as found:
            yield found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("log") / "all.log"
    handler, root = logging.FileHandler(file), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield file
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture(scope="module")
def store(server: SmallServer, log: Path, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("judged")
    tracker = TRACKERS.build({"name": "mlflow", "uri": str(folder / "mlruns")})
    store = queue(folder / "store", study_of(server, tiny_model_dir).model_copy(update={"tracker": tracker}))
    Worker(store, "cpu").work(until_idle=True)
    assert [queries.run(store, run).state for run in run_ids(store)] == ["done"]
    return store


def test_the_page_and_the_terminal_say_what_the_judge_is_like(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = queries.studies(store)[0].id
    asked = asked_models(store, study_id)
    facts = asked.oracles["judge"]
    assert (facts.labels, facts.requests) == (10, 20)
    assert facts.retries > 0 and facts.tokens_read == 20 * 400 and facts.tokens_written == 20 * 12
    assert facts.tokens_paid == 20 * 412
    assert facts.cost == pytest.approx((8000 * 1.5 + 240 * 6.0) / 1e6)
    assert set(facts.refused) <= {"unparsable"}
    assert {one.name for one in asked.evaluator} >= {"judge_tokens", "judge_cost", "judge_refused"}
    test = app(store.folder, monkeypatch)
    assert not test.exception
    page = seen(test)
    for word in (
        "consistency",
        "first slot",
        "position bias",
        "retries",
        "20, 0 from the cache",
        "8,000 read, 240 written, 8,240 paid for",
        "small",
    ):
        assert word in page, word
    worth = seen(app(store.folder, monkeypatch, "label_quality"))
    for word in ("judge took the first slot", "consistency", "paid to models", "cost left", "answers each pair once",
                 "both"):  # fmt: skip
        assert word in worth, word
    done = CliRunner().invoke(cli, ["study", "show", study_id, "--store", str(store.folder)])
    assert "Asked models\n  language model as judge: labels 10; consistency" in done.output
    done = CliRunner().invoke(cli, ["study", "show", study_id, "--store", str(store.folder), "--json"])
    assert json.loads(done.output)["asked"]["oracles"]["judge"]["requests"] == 20
    report = gather(store, study_id)
    told = as_html(report)
    for word in ("Asked models", "consistency", "first slot", "position bias", "8,240 paid for"):
        assert word in told, word
    assert machine(report)["asked"]["oracles"]["judge"]["tokens_paid"] == 8240
    assert used(store, study_id)["tokens"] > 20 * 412, "what the evaluator used counts too"
    rows = dict(evaluator_rows(asked.evaluator))
    assert rows["refused"].endswith((" of 3 prompts", " of 2 prompts", " of 1 prompt")), "shares say of how many"


def test_a_label_of_a_judge_is_traced_to_model_template_order_and_words(store: Store) -> None:
    study_id = queries.studies(store)[0].id
    rows = trace(store, study_id)
    judge = queries.study(store, study_id).config["oracle"]
    assert set(rows["shown_first"]) == {"both"}
    assert rows["at"].notna().all() and set(rows["labeller"]) == {"judge"}
    for detail in rows["detail"]:
        assert detail["model"] == "small" and detail["template"] == hash_of(judge["template"], judge["rubric"])
        assert len(detail["words"]) == 2 and all("Your key … works." in words for words in detail["words"])
    shown = as_shown(rows, study_id, salt_of(store))
    assert "Your key … works." in quality.as_file(shown, "csv").decode()


def test_the_key_is_in_no_file_no_log_and_no_export(
    store: Store, server: SmallServer, log: Path, tmp_path: Path
) -> None:
    assert f"Bearer {SECRET}" in server.keys, "it was sent"
    study_id = queries.studies(store)[0].id
    said = ""
    for profile in ("audit", "trl", "argilla", "label_studio"):
        words = [
            "export",
            study_id,
            "--out",
            str(tmp_path / profile),
            "--profile",
            profile,
            "--store",
            str(store.folder),
        ]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
        said += done.output
    done = CliRunner().invoke(cli, ["study", "report", study_id, "--html", str(tmp_path / "report.html"),
                                    "--store", str(store.folder)])  # fmt: skip
    assert done.exit_code == 0, done.output
    said += (
        done.output
        + CliRunner().invoke(cli, ["study", "show", study_id, "--json", "--store", str(store.folder)]).output
    )
    assert SECRET not in said
    audited = [json.loads(line) for file in (tmp_path / "audit").rglob("*.jsonl") for line in file.open()]
    judged = [row for row in audited if row.get("oracle") == "judge"]
    assert judged and all((row["model"], row["shown_first"], len(row["template"])) == ("small", "both", 12)
                          for row in judged)  # fmt: skip
    detail = queries.study(store, study_id)
    run = detail.runs[0]
    for page in PAGES:
        view = View(page, str(store.folder), study_id, run.strategy.name, run.id, run.seed, 1, figure="accuracy")
        (tmp_path / f"{page}.ipynb").write_bytes(notebook_of(view))
    shown = as_shown(trace(store, study_id), study_id, salt_of(store))
    (tmp_path / "answers.jsonl").write_bytes(quality.as_file(shown, "jsonl"))
    (tmp_path / "answers.csv").write_bytes(quality.as_file(shown, "csv"))
    done = CliRunner().invoke(cli, ["study", "clone", study_id, "--yaml", "--store", str(store.folder)])
    assert "PLANTED_KEY" in done.output and SECRET not in done.output, "the variable's name is all that is kept"
    folders = (store.folder, store.folder.parent / "mlruns", tmp_path, log.parent)
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert any("PLANTED_KEY" in file.read_text("utf-8", "replace") for file in files if "mlruns" in file.parts)
    assert any(file.name == "workbench.db" for file in files) and log in files and log.stat().st_size > 0
    assert len([file for file in files if "cache" in file.parts]) >= 20, "the answers are kept"
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []


def test_a_server_that_fails_for_good_leaves_no_key_behind(
    server: SmallServer, log: Path, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals that say key and header back, of the judge and of the evaluator; the run ends with their words."""
    said = f"Incorrect API key provided: {SECRET} (Authorization: Bearer {SECRET})"
    for name, code, whose in (("both", 500, "oracle.at_once"), ("evaluator", 401, "evaluator.key_variable")):
        monkeypatch.setattr(server, "trouble", lambda number, body, code=code: refusal(code, said))
        study = study_of(server, tiny_model_dir, attempts=2)
        if name == "evaluator":
            study = study.model_copy(update={"oracle": ORACLES.build("recorded")})
        store = queue(tmp_path / name, study)
        Worker(store, "cpu").work(until_idle=True)
        run = queries.run(store, run_ids(store)[0])
        assert run.state == "failed" and "Incorrect API key provided: …" in run.error
        assert whose in run.error, "the sentence names the field where it stands in the file"
    files = [file for folder in (tmp_path, log.parent) for file in folder.rglob("*") if file.is_file()]
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []


def test_an_empty_purse_ends_the_run_and_a_clone_goes_on(
    server: SmallServer, tiny_model_dir: Path, tmp_path: Path
) -> None:
    server.trouble = judging()
    study = study_of(server, tiny_model_dir, tokens_at_most=2000)
    store = queue(tmp_path / "store", study.model_copy(update={"evaluator": None}))
    Worker(store, "cpu").work(until_idle=True)
    run = queries.run(store, run_ids(store)[0])
    assert run.state == "failed"
    assert "oracle.tokens_at_most allows 2000" in run.error and "nothing is asked again" in run.error
    study_id = queries.studies(store)[0].id
    with pytest.raises(StoreError, match=r"cannot be used: its oracle and pool are"):
        loan(store, study_id, study_of(server, tiny_model_dir, rubric="Other."), "other")
    asked = len(server.asked)
    more = study_of(server, tiny_model_dir, tokens_at_most=10**6).model_copy(update={"evaluator": None, "name": "more"})
    writer.queue_study(store, more, _datasets(store, study_id), {})
    Worker(store, "cpu").work(until_idle=True)
    states = {queries.run(store, r.id).state for one in queries.studies(store) if one.name == "more"
              for r in queries.study(store, one.id).runs}  # fmt: skip
    assert states == {"done"}
    assert len(server.asked) - asked < 20, "what was answered before the purse was empty is not asked again"
    (other,) = [one.id for one in queries.studies(store) if one.name == "more"]
    facts, evaluator = asked_models(store, other).oracles["judge"], asked_models(store, other).evaluator
    assert 0 < facts.kept < 20
    assert 0 < facts.tokens_paid < facts.tokens_read + facts.tokens_written, "what the other study paid for is free"
    beside = sum(one.value for one in evaluator if one.name == "judge_tokens")
    assert used(store, other)["tokens"] == facts.tokens_paid + beside


def test_the_purse_holds_over_retries_and_asks_for_nothing_more(
    server: SmallServer, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stage paid for before it was lost still counts, though no label has it."""
    monkeypatch.setattr(server, "trouble", judging())
    study = study_of(server, tiny_model_dir, tokens_at_most=2000, rubric="Kinder is better.")
    store = queue(tmp_path / "store", study.model_copy(update={"evaluator": None}))
    Worker(store, "cpu").work(until_idle=True)
    asked, run = len(server.asked), run_ids(store)[0]
    inbox.command(store, "retry", run_id=run)
    Worker(store, "cpu").work(until_idle=True)
    assert queries.run(store, run).state == "failed" and len(server.asked) == asked


def test_nothing_is_drawn_where_no_model_was_asked() -> None:
    assert not AskedModels({}, [])
    assert "<table" not in asked_markup(AskedModels({}, []))


def _datasets(store: Store, study_id: str) -> dict[str, str]:
    with store.read() as connection:
        return dict(connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar_one())


def test_the_form_asks_for_a_judge_and_says_what_it_will_take(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample_model(monkeypatch)
    test = app(store.folder, monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unused").write_text("{}")
    monkeypatch.setattr("workbench.cache.sizes", lambda data: (Sizes(8, 24, 24), Sizes(3, 9, 9)))
    monkeypatch.setattr("workbench.cache.texts", lambda data: (Texts(40.0, 80.0, "a pool"), Texts(40.0, 80.0, "a set")))
    test = press(test, "Clone this study")
    assert not test.exception
    assert "judge small" in seen(test) and "At 1.5 and 6 a million tokens" in seen(test)
    template = widget(test, "text_area", "template")
    assert "{prompt}" in template.value and "\n" in template.value
    assert "The judge is asked" in seen(test)
    template.set_value("Judge.\n{prompt}\n{a}\n{b}\nVerdict?").run()
    assert file_of(test)["oracle"]["template"] == "Judge.\n{prompt}\n{a}\n{b}\nVerdict?"
    oracle = widget(test, "selectbox", "oracle")
    others = {"reward model": "reward_model", "simulated labellers": "noisy",
              "models first, people where they doubt": "routing"}  # fmt: skip
    assert {*others, "language model as judge"} <= set(oracle.options)
    for title, name in others.items():
        widget(test, "selectbox", "oracle").set_value(title).run()
        assert not test.exception, title
        found = file_of(test)["oracle"]
        assert (found if isinstance(found, str) else found["name"]) == name
        assert ("people answer at least about" in seen(test)) == (name == "routing")
    assert "are people&#x27;s alone" in seen(test) and "comparisons of generations at most" in seen(test)
