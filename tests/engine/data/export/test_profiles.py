"""Every profile in every container it goes into: read again it is the same pairs with the same answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.containers import open_rows
from engine.data.export.contract import answers_back, loads, reads_back
from engine.data.export.make import profiles
from engine.data.profiles.base import PROFILES
from engine.data.read import examine
from engine.errors import DataError
from tests.engine.data.export.pairs import TALK, asked, made_of, pairs, saved, vote

EVERY = [(cls.name, container) for cls in PROFILES for container in cls.containers]
PAIRED = [(name, container) for name, container in EVERY if name != "audit"]
ONE_TURN = ("plain",)


def of_profile(profile: str) -> list[Any]:
    return [pair for pair in pairs() if profile not in ONE_TURN or len(pair.messages) == 1]


def test_all_profiles_of_the_issue_are_there_and_the_default_is_first() -> None:
    known = ["trl", "trl_implicit", "plain", "kto", "llamafactory", "axolotl", "openai", "argilla", "label_studio"]
    assert list(profiles()) == [*known, "audit"]
    assert all(words and not words.endswith(".") for words in profiles().values())


@pytest.mark.parametrize(("profile", "container"), PAIRED)
def test_reading_an_export_again_gives_the_same_pairs_and_answers(tmp_path: Path, profile: str, container: Any) -> None:
    made = made_of(of_profile(profile), profile, container)
    saved(made, tmp_path)
    tick = reads_back(made, tmp_path)
    assert tick.tone == "ok", tick.finding
    assert made.counts["exported"] == len(made.settled.preferred) == (3 if profile in ONE_TURN else 4)


@pytest.mark.parametrize(("profile", "container"), EVERY)
def test_datasets_loads_it_by_its_card(tmp_path: Path, profile: str, container: Any) -> None:
    made = made_of(of_profile(profile), profile, container)
    saved(made, tmp_path / "out")
    tick = loads(made, tmp_path / "out", tmp_path / "cache")
    assert tick.tone == "ok", tick.finding


@pytest.mark.parametrize("profile", [cls.name for cls in PROFILES if cls.name != "audit"])
def test_the_reader_finds_the_format_by_itself(tmp_path: Path, profile: str) -> None:
    path = saved(made_of(of_profile(profile), profile), tmp_path)
    assert examine(path).report.format == PROFILES.get(profile).reads_as


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # neither ever comes into a store
TEXTS = st.text(LETTERS, min_size=1, max_size=30).filter(str.strip)
SIDES = st.lists(TEXTS, min_size=2, max_size=2, unique=True)
ROWS = st.lists(st.tuples(TEXTS, SIDES, st.booleans()), min_size=1, max_size=4, unique_by=lambda row: row[0])


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
@pytest.mark.parametrize(("profile", "container"), [pair for pair in PAIRED if pair[1] in ("jsonl", "parquet", "csv")])
def test_any_text_comes_back_to_the_letter(tmp_path: Path, profile: str, container: Any, rows: list[Any]) -> None:
    of = [
        asked(n, "a" if side else "b", messages=(("user", prompt),), texts=(texts[0], texts[1]))
        for n, (prompt, texts, side) in enumerate(rows)
    ]
    made = made_of(of, profile, container)
    saved(made, tmp_path)
    tick = reads_back(made, tmp_path)
    assert tick.tone == "ok", tick.finding


def test_line_breaks_and_formulas_of_a_training_csv_stay_as_they_are(tmp_path: Path) -> None:
    texts = ("- one\r\n- two\rthree", "=SUM(1)\n@x")
    path = saved(made_of([asked(1, "a", texts=texts)], "plain", "csv"), tmp_path)
    assert {response.text for response in examine(path).data.responses.values()} == set(texts)


def test_the_audit_has_every_answer_and_its_csv_runs_no_formula(tmp_path: Path) -> None:
    for container in PROFILES.get("audit").containers:
        made = made_of(pairs(), "audit", container)
        path = saved(made, tmp_path / container)
        assert answers_back(made, tmp_path / container).tone == "ok"
    assert [row["answer"] for row in made.rows] == [v.answer for pair in pairs() for v in pair.votes]
    first = next(iter(open_rows(path)))
    assert {first["response_a"], first["response_b"]} == {"'=gently 1", "hot, for 1 minutes\nÜ"}


def test_hosted_trainers_get_no_column_that_they_do_not_name() -> None:
    made = made_of(pairs(), "openai")
    assert {tuple(row) for row in made.rows} == {("input", "preferred_output", "non_preferred_output")}
    assert all(len(row["preferred_output"]) == 1 for row in made.rows)


def test_what_tools_want_beside_the_rows_is_there() -> None:
    entry = json.loads(made_of(pairs(), "llamafactory", about={"study": "mine"}).beside["dataset_info.json"])["mine"]
    assert entry["ranking"] is True
    assert entry["file_name"] == "data/train-00000-of-00001.jsonl"
    assert b"chat_template.default" in made_of(pairs(), "axolotl").beside["axolotl.yaml"]
    assert b"<Pairwise" in made_of(pairs(), "label_studio").beside["label_studio.xml"]


def test_several_labellers_are_several_annotations() -> None:
    (row,) = made_of([pairs()[6]], "label_studio").rows
    assert [a["result"][0]["value"]["selected"] for a in row["annotations"]] == ["right", "left", "right"]
    (record,) = made_of([pairs()[6]], "argilla").rows
    answers = record["responses"]["preference"]
    assert [a["value"] for a in answers] == ["response_b", "response_a", "response_b"]
    assert len({a["user_id"] for a in answers}) == 3


def test_argilla_has_every_answer_that_counts_so_that_it_says_what_was_settled(tmp_path: Path) -> None:
    said = (vote("a", 1, labeller="p1"), vote("b", 2), vote("b", 3), vote("b", 4, labeller="p1"))
    made = made_of([asked(1, *said)], "argilla")
    saved(made, tmp_path)
    assert reads_back(made, tmp_path).tone == "ok", "the named answer alone would be the other one"
    answers = made.rows[0]["responses"]["preference"]
    assert [a["value"] for a in answers] == ["response_a", "response_b", "response_b", "response_b"]
    users = [a["user_id"] for a in answers]
    assert len(set(users)) == 4, "a user answers a record once"
    assert users == [a["user_id"] for a in made_of([asked(1, *said)], "argilla").rows[0]["responses"]["preference"]]
    other = made_of([asked(1, *said)], "argilla", salt=b"of another store").rows[0]["responses"]["preference"]
    assert not {a["user_id"] for a in other} & set(users)


def test_a_profile_without_room_says_so() -> None:
    with pytest.raises(DataError, match=r"has a prompt of 4 turns \(system, user, assistant, user\)"):
        made_of([asked(1, "a", messages=TALK)], "plain")
    odd = (("user", "one"), ("user", "two"))
    with pytest.raises(DataError, match="user and assistant by turns"):
        made_of([asked(1, vote("a", 1), messages=odd)], "llamafactory")


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_trl_trains_a_step_on_what_datasets_loads(tmp_path: Path, tiny_model_dir: Path, container: Any) -> None:
    pytest.importorskip("trl", reason="TRL is a development dependency; `make test` installs it")
    from datasets import load_dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    saved(made_of([asked(n, "a" if n % 2 else "b") for n in range(8)], container=container), tmp_path / "subset")
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_model_dir),
        args=DPOConfig(
            output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True,
            bf16=False, disable_tqdm=True, save_strategy="no",
        ),
        train_dataset=load_dataset(str(tmp_path / "subset"), split="train", cache_dir=str(tmp_path / "cache")),
        processing_class=AutoTokenizer.from_pretrained(tiny_model_dir),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=2, target_modules="all-linear"),
    )  # fmt: skip
    assert trainer.train().training_loss == pytest.approx(0.6931, abs=1e-3)
