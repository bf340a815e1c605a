"""Reading: real and broken files, every refused row named; splitting; what a study refuses before it starts."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import StudyConfig
from engine.data.prepare import prepare_study
from engine.data.read import examine, read
from engine.data.split import refuse_overlap, split_by_prompt
from engine.errors import ConfigError, DataError, EngineError
from engine.store import queries
from engine.store.database import open_store

ROOT = Path(__file__).resolve().parents[3]
REAL = Path(os.environ.get("WORKBENCH_SHARED_DATA", ROOT.parent / "shared" / "data"))
HH = REAL / "hh-rlhf" / "helpful-base" / "test.jsonl.gz"
real = pytest.mark.skipif(not HH.exists(), reason="the published files are not here; set WORKBENCH_SHARED_DATA")


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def multi(n: int, m: int = 3) -> list[Any]:
    return [
        {
            "prompt": f"How do I wash it, {i}?",
            "responses": [{"text": f"answer {j} to {i}", "score": j} for j in range(m)],
            "comparisons": [{"first": a, "second": b, "answer": "second"} for a in range(m) for b in range(a + 1, m)],
        }
        for i in range(n)
    ]


def test_responses_pairs_and_answers_of_a_row(tmp_path: Path) -> None:
    found = read(write(tmp_path / "x.jsonl", multi(2))).data
    assert (len(found.prompts), len(found.responses), len(found.pairs), len(found.comparisons)) == (2, 6, 6, 6)
    for comparison in found.comparisons:
        pair = found.pairs[comparison.pair_id]
        better = pair.a if comparison.answer == "a" else pair.b
        worse = pair.b if comparison.answer == "a" else pair.a
        assert found.scores[better] > found.scores[worse]


def test_identical_responses_are_dropped_and_counted(tmp_path: Path) -> None:
    row = {
        "prompt": "p",
        "responses": ["x", "x", "y"],
        "comparisons": [{"first": 0, "second": 1, "answer": "tie"}, {"first": 1, "second": 2, "answer": "first"}],
    }
    reading = read(write(tmp_path / "x.jsonl", [row]))
    assert len(reading.data.responses) == 2
    assert len(reading.data.pairs) == 1
    assert reading.report.dropped["identical responses of a prompt"] == 1
    assert reading.report.dropped["comparisons of identical responses"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n{"prompt": "a", "cho', "row 2"),
        (b"\xff\xfe\x00bad", "not UTF-8"),
        (b'{"colour": 1}\n', "no format fits"),
        (b"[1, 2]\n", "not an object"),
        (b'{"prompt": "a", "chosen": "b", "rejected": "b"}\n', "identical"),
        (b"[" * 100_000 + b"\n", "not JSON"),
    ],
)
def test_a_broken_file_gets_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(path)


def test_other_broken_things(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl.gz").write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read(tmp_path / "x.jsonl.gz")
    whole = gzip.compress(json.dumps(multi(1)[0]).encode() * 50)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be unpacked"):
        read(tmp_path / "cut.jsonl.gz")
    (tmp_path / "x.parquet").write_bytes(b"PAR1junk")
    with pytest.raises(DataError, match="not a Parquet file"):
        read(tmp_path / "x.parquet")
    (tmp_path / "x.json").write_text('[{"prompt"')
    with pytest.raises(DataError, match="not JSON"):
        read(tmp_path / "x.json")
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(DataError, match=r"ending \.txt"):
        read(tmp_path / "x.txt")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 2000), flip=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_mutated_file_gives_a_reading_or_a_sentence(tmp_path: Path, cut: int, flip: int, byte: int) -> None:
    content = bytearray("".join(json.dumps(row) + "\n" for row in multi(6)).encode())
    content[flip % len(content)] = byte
    path = tmp_path / "m.jsonl"
    path.write_bytes(bytes(content[: max(1, len(content) - cut % len(content))]))
    try:
        examine(path)
    except EngineError as error:
        found = str(error)
    else:
        found = str(path)
    assert str(path) in found


def test_containers_hold_the_same(tmp_path: Path) -> None:
    import pandas as pd
    from datasets import Dataset

    rows = [{"prompt": f"p{i}", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(5)]
    write(tmp_path / "a.jsonl", rows)
    (tmp_path / "b.json").write_text(json.dumps(rows))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    pd.DataFrame(rows).to_csv(tmp_path / "d.csv", index=False)
    pd.DataFrame(rows).to_parquet(tmp_path / "e.parquet")
    Dataset.from_list(rows).save_to_disk(str(tmp_path / "f"))
    ids = [
        list(read(tmp_path / name).data.pairs)
        for name in ("a.jsonl", "b.json", "c.jsonl.gz", "d.csv", "e.parquet", "f")
    ]
    assert all(one == ids[0] for one in ids)
    assert len(ids[0]) == 5


def test_a_split_is_by_prompt_and_does_not_depend_on_order(tmp_path: Path) -> None:
    rows = multi(60)
    one = split_by_prompt(read(write(tmp_path / "a.jsonl", rows)).data, 0.25)
    other = split_by_prompt(read(write(tmp_path / "b.jsonl", rows[::-1])).data, 0.25)
    assert set(one[0].prompts) == set(other[0].prompts)
    assert not set(one[0].prompts) & set(one[1].prompts)
    assert 5 <= len(one[1].prompts) <= 25
    with pytest.raises(DataError, match="60 prompts of held-out set 'near' are in the pool"):
        refuse_overlap(read(tmp_path / "a.jsonl").data, read(tmp_path / "b.jsonl").data, "near")


def study(tmp_path: Path, model: Path, **changes: Any) -> StudyConfig:
    pool = write(tmp_path / "pool.jsonl", multi(10))
    base = {
        "name": "s",
        "data": {"pool": str(pool)},
        "model": {"path": str(model)},
        "sampler": "all_pairs",
        "strategies": ["random"],
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
    assert queries.studies(store) == []
    assert queries.datasets(store) == []
    assert prepare_study(store, study(tmp_path, tiny_model_dir))
    assert len(queries.datasets(store)) == 2


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


@real
def test_the_published_file_is_read_with_every_dirty_row_named() -> None:
    reading = examine(HH)
    assert reading.report.rows == 2354
    assert reading.report.format == "hh_transcripts"
    assert reading.report.reasons() == {
        "the prompt differs between chosen and rejected": 9,
        "empty last reply": 4,
        "chosen and rejected are identical": 2,
    }
    assert len(reading.data.pairs) == 2339
    roles = [[m.role for m in p.messages] for p in reading.data.prompts.values()]
    assert all(turns[0] == turns[-1] == "user" for turns in roles)
    alternating = sum(turns == ["user", "assistant"] * (len(turns) // 2) + ["user"] for turns in roles)
    assert (alternating, len(roles)) == (2333, 2339)  # six have two assistant turns in a row, as published
    assert Counter(map(len, roles))[1] == 694
    assert not any("\n\nHuman:" in r.text or "\n\nAssistant:" in r.text for r in reading.data.responses.values())
    with pytest.raises(DataError, match=r"15 of 2,354 rows cannot be used"):
        read(HH)
    assert len(read(HH, skip_refused=True).data.pairs) == 2339
