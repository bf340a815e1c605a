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
from engine.store import queries, writer
from engine.store import schema as s
from engine.store.bank import loan
from engine.store.database import Store
from engine.store.judged import used
from engine.worker import Worker
from tests.engine.oracles.judge_server import body_of, judging, longer, slots_of
from tests.engine.samplers.small_server import SmallServer, refusal, running
from tests.engine.test_loop import config
from tests.engine.worker.lives import queue, run_ids
from tests.workbench.test_form import file_of, press, sample_model, widget
from tests.workbench.test_pages import app, seen
from workbench.asked_words import AskedModels, asked_models
from workbench.cli.main import app as cli
from workbench.components.asked_panel import asked_markup

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
    store = queue(tmp_path_factory.mktemp("judged") / "store", study_of(server, tiny_model_dir))
    Worker(store, "cpu").work(until_idle=True)
    assert [queries.run(store, run).state for run in run_ids(store)] == ["done"]
    return store


def test_the_page_and_the_terminal_say_what_the_judge_is_like(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = queries.studies(store)[0].id
    asked = asked_models(store, study_id)
    facts = asked.oracles["judge"]
    assert (facts.labels, facts.requests) == (10, 20)
    assert facts.retries > 0 and facts.tokens_read == 20 * 400 and facts.tokens_written == 20 * 12
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
        "8,000 read",
        "small",
    ):
        assert word in page, word
    done = CliRunner().invoke(cli, ["study", "show", study_id, "--store", str(store.folder)])
    assert "Asked models\n  language model as judge: labels 10; consistency" in done.output
    done = CliRunner().invoke(cli, ["study", "show", study_id, "--store", str(store.folder), "--json"])
    assert json.loads(done.output)["asked"]["oracles"]["judge"]["requests"] == 20
    assert used(store, study_id)["tokens"] > 20 * 412, "what the evaluator used counts too"


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
    files = [file for folder in (store.folder, tmp_path, log.parent) for file in folder.rglob("*") if file.is_file()]
    assert any(file.name == "workbench.db" for file in files) and log in files and log.stat().st_size > 0
    assert len([file for file in files if "cache" in file.parts]) >= 20, "the answers are kept"
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
    test = press(test, "Clone this study")
    assert not test.exception
    template = widget(test, "text_area", "template")
    assert "{prompt}" in template.value and "\n" in template.value
    assert "The judge is asked" in seen(test)
    template.set_value("Judge.\n{prompt}\n{a}\n{b}\nVerdict?").run()
    assert file_of(test)["oracle"]["template"] == "Judge.\n{prompt}\n{a}\n{b}\nVerdict?"
    oracle = widget(test, "selectbox", "oracle")
    titles = {"reward model", "language model as judge", "simulated labellers", "models first, people where they doubt"}
    assert titles <= set(oracle.options)
