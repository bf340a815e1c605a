"""What a study refuses before it starts: a sentence each, and nothing left in the store."""

from pathlib import Path
from typing import Any

import pytest

from engine.config import StudyConfig
from engine.data.places import ROOT_VARIABLE
from engine.data.prepare import prepare_study
from engine.errors import ConfigError, DataError, EngineError
from engine.store import answered, queries
from engine.store.database import open_store
from engine.worker import Worker
from tests.engine.data.test_read import multi, write


def study(tmp_path: Path, model: Path, **changes: Any) -> StudyConfig:
    pool = write(tmp_path / "pool.jsonl", multi(10))
    base = {
        "name": "s",
        "data": {"pool": str(pool)},
        "model": {"path": str(model)},
        "sampler": "all_pairs",
        "strategies": ["random"],
        "race": "none",
        "rounds": 1,
        "labels_per_round": 5,
    }
    return StudyConfig.from_dict({**base, **changes})


def test_what_a_study_refuses_leaves_nothing_in_the_store(tmp_path: Path, tiny_model_dir: Path) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(DataError, match=r"holds \d+ pairs .* 500 labels"):
        prepare_study(store, study(tmp_path, tiny_model_dir, rounds=50, labels_per_round=10))
    (tmp_path / "no_model").mkdir()
    with pytest.raises(EngineError, match=r"not a model folder: config\.json, weights .* a tokenizer"):
        prepare_study(store, study(tmp_path, tmp_path / "no_model"))
    with pytest.raises(EngineError, match="There is no model folder"):
        prepare_study(store, study(tmp_path, tmp_path / "nowhere"))
    silent = [{**row, "comparisons": [], "prompt": f"other {n}"} for n, row in enumerate(multi(4))]
    held_out = {"near": str(write(tmp_path / "near.jsonl", silent))}
    with pytest.raises(DataError, match="Held-out set 'near' holds 0 pairs, none with a recorded answer"):
        pool = {"pool": str(tmp_path / "pool.jsonl"), "held_out": held_out}
        prepare_study(store, study(tmp_path, tiny_model_dir, data=pool))
    with pytest.raises(ConfigError, match=r"there is no file .*none\.txt"):
        prepare_study(store, study(tmp_path, tiny_model_dir, evaluation={"text_file": str(tmp_path / "none.txt")}))
    assert queries.studies(store) == []
    assert queries.datasets(store) == []
    assert prepare_study(store, study(tmp_path, tiny_model_dir))
    assert len(queries.datasets(store)) == 2


def test_a_campaign_needs_no_recorded_answer(tmp_path: Path, tiny_model_dir: Path) -> None:
    store = open_store(tmp_path / "store")
    silent = [{**row, "comparisons": []} for row in multi(20)]
    pool = {"pool": str(write(tmp_path / "silent.jsonl", silent)), "held_out_share": 0.3}
    people = {"name": "people", "held_out_pairs": 3, "audit_share": 0.4}
    more = {"data": pool, "sampler": "all_pairs", "strategies": ["random", "real"], "seeds": [1]}
    with pytest.raises(DataError, match=r"to buy 400 labels \(8 rounds of 50\), and 160 for its audit slice"):
        prepare_study(store, study(tmp_path, tiny_model_dir, oracle=people, rounds=8, labels_per_round=50, **more))
    recorded = {**people, "held_out_pairs": 0}
    with pytest.raises(DataError, match="none with a recorded answer"):
        prepare_study(store, study(tmp_path, tiny_model_dir, oracle=recorded, **more))
    study_id = prepare_study(store, study(tmp_path, tiny_model_dir, oracle=people, **more))
    assert Worker(store, "cpu").work(until_idle=True) >= 0
    (run,) = queries.study(store, study_id).runs
    assert (run.state, run.strategy.name) == ("waiting", "random")
    assert answered.progress(store, study_id, "").asked == 3 + 2


STREAM = {"regime": {"pool": "streamed"}, "labels_per_round": 2}


@pytest.mark.parametrize(
    ("changes", "said", "do"),
    [
        (
            {**STREAM, "rounds": 3},
            "The streamed pool has no parts: prompts_per_round is not set, so every round would read all 8 prompts.",
            "Set prompts_per_round to 2 or less.",
        ),
        (
            {**STREAM, "rounds": 3, "prompts_per_round": 3},
            "The streamed pool ends too soon: 3 rounds of 3 prompts take 9, and it has 8.",
            "Set prompts_per_round to 2 or less.",
        ),
        (
            {"race": "as_published", "strategies": ["smallest_margin"], "rounds": 2},
            "The streamed pool of smallest_margin has no parts",
            "Set prompts_per_round to 4 or less.",
        ),
        (
            {**STREAM, "labels_per_round": 1, "rounds": 9, "prompts_per_round": 1},
            "9 rounds of 1 prompts take 9",
            "Lower rounds, or add prompts.",
        ),
    ],
)
def test_a_stream_without_parts_or_with_too_few_is_refused_before_it_starts(
    changes: dict[str, Any], said: str, do: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(DataError) as refused:
        prepare_study(store, study(tmp_path, tiny_model_dir, **changes))
    assert said in str(refused.value) and do in str(refused.value)
    assert queries.studies(store) == []
    whole = {"rounds": 2, "prompts_per_round": 4} if "race" not in changes else {"rounds": 1}
    assert prepare_study(store, study(tmp_path, tiny_model_dir, **{**changes, **whole}))


def test_an_arm_of_its_own_setting_must_have_pairs_enough_for_its_own_batches(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """BAL-PM's paper labels 320 a round: the study's five would be there, its arm's are not, and the arm is named."""
    store = open_store(tmp_path / "store")
    race = {"race": "as_published", "strategies": ["bal_pm"], "oracle": {"name": "gold", "scorer": "howto"}}
    with pytest.raises(DataError, match=r"a run of bal_pm is to buy 320 labels \(1 rounds of 320\)") as refused:
        prepare_study(store, study(tmp_path, tiny_model_dir, **race))
    assert "race: controlled" in str(refused.value)
    assert queries.studies(store) == [] and queries.datasets(store) == []
    assert prepare_study(store, study(tmp_path, tiny_model_dir, **{**race, "race": "controlled"}))


def test_a_batch_of_one_pair_a_prompt_must_have_prompts_enough(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Eight prompts of several pairs: enough pairs for nine labels, and no nine prompts."""
    store = open_store(tmp_path / "store")
    nine = {"labels_per_round": 9, "one_per_prompt": True}
    with pytest.raises(DataError, match=r"A round finds 8 prompts with a pair .* 9 labels are to be bought in it, one"):
        prepare_study(store, study(tmp_path, tiny_model_dir, **nine))
    with pytest.raises(DataError, match="A round finds 5 prompts") as refused:
        prepare_study(store, study(tmp_path, tiny_model_dir, prompts_per_round=5, **nine))
    assert "Lower labels_per_round to 5 or less" in str(refused.value)
    assert queries.studies(store) == []
    assert prepare_study(store, study(tmp_path, tiny_model_dir, **{**nine, "labels_per_round": 8}))
    assert prepare_study(store, study(tmp_path, tiny_model_dir, **{**nine, "one_per_prompt": False}))


def test_shares_that_differ_by_little_are_different_data(tmp_path: Path, tiny_model_dir: Path) -> None:
    """A data set is known by its file and part; parts that round to the same per cent must not be taken for one."""
    store = open_store(tmp_path / "store")
    pool = write(tmp_path / "many.jsonl", multi(300, 2))
    for share in (0.2, 0.204):
        data = {"pool": str(pool), "held_out_share": share}
        prepare_study(store, study(tmp_path, tiny_model_dir, data=data))
    assert len(queries.datasets(store)) == 4


def test_three_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: x\ndata: {pool: p.jsonl}\nmodel: {path: m, dtpye: float32}\nstrategies: [activdpo]\nrounds: 0\n"
    )
    with pytest.raises(ConfigError) as caught:
        StudyConfig.from_yaml(path)
    text = str(caught.value)
    assert "3 things need mending" in text
    assert "model.dtpye" in text
    assert "Did you mean 'activedpo'?" in text
    assert "rounds" in text


def test_on_a_server_neither_data_nor_mapping_lies_elsewhere(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, root, house = open_store(tmp_path / "store"), tmp_path / "root", tmp_path / "house.yaml"
    root.mkdir()
    house.write_text("prompt: prompt\nresponses: responses\n")
    pool = write(root / "pool.jsonl", multi(10))
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    outside = study(tmp_path, tiny_model_dir)
    for data in (outside.data.model_dump(), {"pool": str(pool), "format": str(house)}):
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            prepare_study(store, study(tmp_path, tiny_model_dir, data=data))
    (root / "inside.txt").write_text("A line.\n")
    for text in (tmp_path / "there.txt", tmp_path / "gone.txt", root / ".." / "there.txt", Path("~nobody/a\0b")):
        (tmp_path / "there.txt").write_text("A line.\n")
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            told = {"data": {"pool": str(pool)}, "evaluation": {"text_file": str(text)}}
            prepare_study(store, study(tmp_path, tiny_model_dir, **told))
    assert queries.datasets(store) == []
    told = {"data": {"pool": str(pool)}, "evaluation": {"text_file": str(root / "inside.txt")}}
    assert prepare_study(store, study(tmp_path, tiny_model_dir, **told))
