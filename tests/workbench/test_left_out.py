"""What a model cannot take goes through a whole study: left out, counted, said where it is read, and nothing breaks."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import StudyConfig
from engine.data.prepare import prepare_study
from engine.store import queries
from engine.store.database import Store, open_store
from engine.store.summaries import StudyDetail
from engine.tasks.token_counts import TokenCounts
from engine.worker import Worker
from tests.conftest import save_tiny_model
from tests.workbench.test_pages import app, seen
from workbench.components.token_view import length_facts

NOTHING = "\u2400"
"""A character that the tokenizer of these tests drops, as others drop soft hyphens."""
LONG = "longer than 128 tokens with its prompt"
FULL = "behind a prompt that fills the 128 tokens alone"
EMPTY = "empty once it is tokens"


def row(prompt: str, chosen: str, rejected: str) -> dict[str, str]:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


POOL = [
    *(row(f"question {i}?", f"yes {i * 7 % 5}", f"no {i}") for i in range(20)),
    row("long?", "x" * 150, "no"),
    row("p" * 140, "yes", "no"),
    row("empty?", NOTHING, "no"),
]
LONG_ONE = row("held long?", "y" * 150, "no")
HELD = [
    *(row(f"held {i}?", f"yes {i}", f"no {i}") for i in range(8)),
    LONG_ONE,
    row("held empty?", "yes", NOTHING),
    row("tied?", "one", "two"),
    row("tied?", "two", "one"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_model(tmp_path_factory.mktemp("model") / "llama")
    spec = json.loads((folder / "tokenizer.json").read_text())
    spec["normalizer"] = {"type": "Replace", "pattern": {"String": NOTHING}, "content": ""}
    (folder / "tokenizer.json").write_text(json.dumps(spec))
    return folder


def done(
    folder: Path, model: Path, held: list[dict[str, str]] | None = None, **changes: Any
) -> tuple[Store, StudyDetail]:
    """The study worked to its end in a store of its own."""
    folder.mkdir(exist_ok=True)
    for name, rows in (("pool", POOL), ("held", HELD if held is None else held)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    study = StudyConfig.from_dict(
        {
            "name": "left out",
            "data": {"pool": str(folder / "pool.jsonl"), "held_out": {"held": str(folder / "held.jsonl")}},
            "model": {"path": str(model), "device": "cpu", "lora": {"rank": 4}},
            "strategies": ["random"],
            "race": "none",
            "seeds": [1],
            "rounds": 1,
            "labels_per_round": 4,
            "dpo": {"epochs": 1, "batch_pairs": 4},
            "evaluation": {"pairs_per_set": 50, "prompts": 4, "kl_prompts": 2, "max_new_tokens": 8},
            **changes,
        }
    )
    store = open_store(folder / "store")
    study_id = prepare_study(store, study)
    Worker(store, "cpu").work(until_idle=True)
    return store, queries.study(store, study_id)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, model: Path) -> tuple[Store, StudyDetail]:
    return done(tmp_path_factory.mktemp("finished"), model)


def test_a_run_goes_through_and_counts_each_reason(finished: tuple[Store, StudyDetail]) -> None:
    store, detail = finished
    assert detail.summary.state == "done", detail.summary.error
    assert queries.notes(store, detail.runs[0].id) == [
        (0, f"1 left out of held-out set held: pairs with a response {LONG}"),
        (0, f"1 left out of held-out set held: pairs with a response {EMPTY}"),
        (0, "1 left out of held-out set held: pairs without a side preferred"),
        (1, f"1 left out: responses: {LONG}"),
        (1, f"2 left out: responses: {FULL}"),
        (1, f"1 left out: responses: {EMPTY}"),
    ]
    curve = queries.curve(store, detail.summary.id, "accuracy", "held")
    assert set(curve["n"]) == {8}
    assert {m.name for m in queries.metric_names(store, detail.summary.id)}.isdisjoint({"held_out_left_out"})


def test_the_pages_say_it(finished: tuple[Store, StudyDetail], monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = finished

    def page(name: str) -> str:
        test: AppTest = app(store.folder, monkeypatch, name)
        assert not test.exception
        return seen(test)

    curves, batch = page("curves"), page("batch")
    assert f"1 left out of held-out set held: pairs with a response {LONG}" in curves
    assert "pairs without a side preferred" in curves
    assert f"2 left out: responses: {FULL}" in batch
    assert f"1 left out: responses: {EMPTY}" in batch


def test_the_count_of_tokens_on_the_page_data_has_them_too(finished: tuple[Store, StudyDetail]) -> None:
    store, detail = finished
    answer = TokenCounts(study_id=detail.summary.id).do(store, lambda _: None)
    assert (answer["over_length"], answer["empty"]) == (3, 1)
    assert "once they are tokens" in length_facts(answer)
    assert "once they are tokens" not in length_facts({**answer, "empty": 0})


def test_what_a_policy_writes_may_be_longer_read_back_and_prompts_may_leave_no_room(
    tmp_path: Path, model: Path
) -> None:
    """Random bytes are no UTF-8: as text each is a replacement character, which is three bytes when it is read."""
    gold = {"name": "gold", "scorer": "howto"}
    sampler = {"name": "policy", "responses": 6, "max_new_tokens": 60, "unended": "keep"}
    regime = {"pool": "regenerated"}
    store, detail = done(tmp_path / "drawn", model, sampler=sampler, oracle=gold, regime=regime)
    assert detail.summary.state == "done", detail.summary.error
    said = dict(text.split(" left out: ")[::-1] for number, text in queries.notes(store, detail.runs[0].id) if number)
    assert said["prompts: no room for a response"] == "1"
    assert int(said[LONG]) > 10


def test_a_held_out_set_of_which_nothing_is_left_is_refused(tmp_path: Path, model: Path) -> None:
    _, detail = done(tmp_path / "none", model, held=[LONG_ONE])
    assert detail.summary.state == "failed"
    assert f"No pair of the held-out set held can be measured with llama: pairs with a response {LONG}: 1." in (
        detail.runs[0].error or ""
    )
