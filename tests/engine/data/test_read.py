"""Reading: real and broken files, every refused row named; splitting by prompt."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import containers
from engine.data.read import examine, read
from engine.data.split import refuse_overlap, split_by_prompt
from engine.errors import DataError, EngineError

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
        ('{"prompt": "wie", "chosen": "b", "rejected": "schön"}\n'.encode("latin-1"), "not UTF-8: line 1, byte"),
        (b'{"prompt": "a \\ud800", "chosen": "b", "rejected": "c"}\n', "not valid Unicode"),
        (b'{"prompt": [{"role": "user", "content": " "}], "chosen": "b", "rejected": "c"}\n', "empty prompt"),
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


def test_one_bad_line_costs_one_row_and_is_named(tmp_path: Path) -> None:
    good = [json.dumps({"prompt": f"p{i}", "chosen": "yes", "rejected": "no"}).encode() for i in range(3000)]
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join([*good[:2000], b"", b'{"prompt": "\xfc"}', *good[2000:], b'{"prompt": "cu']))
    reading = examine(path)
    assert len(reading.data.pairs) == 3000
    assert [(r.row, r.reason, r.detail[:14]) for r in reading.report.refused] == [
        (2001, "not UTF-8", "line 2002, byt"),
        (3002, "not JSON", "line 3003: Unt"),
    ]
    assert reading.report.refused[1].detail.endswith("the file ends within it")


def test_odd_rows_among_the_first_do_not_hide_the_format(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{i}", "chosen": "yes", "rejected": "no"} for i in range(4)]
    report = examine(write(tmp_path / "x.jsonl", [{"prompt": "p"}, *rows])).report
    assert (report.format, report.why_format[:24]) == ("trl_explicit", "4 of its first 5 rows ha")
    assert [item.row for item in report.refused] == [1]
    with pytest.raises(DataError, match="no format fits"):
        examine(write(tmp_path / "y.jsonl", [{"prompt": "p"}, {"x": 1}, rows[0]]))
    with pytest.raises(DataError, match=r"could be multi_response and trl_explicit\. Say which with --format"):
        examine(write(tmp_path / "z.jsonl", [{**row, "responses": ["a", "b"]} for row in rows]))


def test_rows_that_repeat_are_kept_and_counted_and_scores_that_differ_too(tmp_path: Path) -> None:
    row = multi(1)[0]
    other = json.loads(json.dumps(row))
    other["responses"][0]["score"] = 9
    reading = read(write(tmp_path / "x.jsonl", [row, row, row, other]))
    assert reading.report.repeated == 2
    assert reading.report.dropped["scores that differ from an earlier one of the same response"] == 1
    assert (len(reading.data.pairs), len(reading.data.comparisons)) == (3, 12)
    assert 9 not in reading.data.scores.values()


def test_texts_that_begin_alike_are_split_between_words(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [{"chosen": "The sky is black.", "rejected": "The sky is blue. Really."}])
    reading = read(path)
    ((prompt,), (pair,)) = reading.data.prompts.values(), reading.data.pairs.values()
    assert (reading.report.format, prompt.text) == ("trl_implicit", "The sky is")
    texts = {reading.data.responses[side].text for side in (pair.a, pair.b)}
    assert texts == {"black.", "blue. Really."}
    better = pair.a if reading.data.comparisons[0].answer == "a" else pair.b
    assert reading.data.responses[better].text == "black."


def test_a_byte_order_mark_and_long_cells_are_no_obstacle(tmp_path: Path) -> None:
    mark, row = b"\xef\xbb\xbf", {"prompt": "p", "chosen": "a\r\nb" + "x" * 200_000, "rejected": "c"}
    (tmp_path / "x.jsonl").write_bytes(mark + json.dumps(row).encode())
    (tmp_path / "x.json").write_bytes(mark + json.dumps([row]).encode())
    (tmp_path / "x.csv").write_bytes(mark + f'prompt,chosen,rejected\r\np,"{row["chosen"]}",c\r\n'.encode())
    found = [read(tmp_path / f"x{ending}").data for ending in (".jsonl", ".json", ".csv")]
    assert found[0] == found[1] == found[2]
    assert row["chosen"] in {response.text for response in found[0].responses.values()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "No data file is named"),
        ("x" * 5000, "is no path: File name too long"),
        ("a/b/c", "There is no file a/b/c"),
        ("somebody/pairs-v1.jsonl", "There is no file"),
        (str(ROOT / "tests" / "engine"), "no folder saved by `datasets`"),
    ],
)
def test_a_path_that_leads_nowhere_gets_a_sentence(name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(name)


def test_a_row_may_be_nested_as_deep_as_it_likes(tmp_path: Path) -> None:
    lines = [f'{{"prompt": {"[" * n}{"]" * n}, "chosen": "a", "rejected": "b"}}' for n in (10, 300, 900, 990, 20_000)]
    good = [json.dumps({"prompt": f"p{i}", "chosen": "yes", "rejected": "no"}) for i in range(8)]
    (tmp_path / "x.jsonl").write_text("\n".join([*good, *lines]) + "\n")
    reading = examine(tmp_path / "x.jsonl")
    assert [item.row for item in reading.report.refused] == [9, 10, 11, 12, 13]
    assert len(reading.data.pairs) == 8


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_LINE", 1000)
    monkeypatch.setattr(containers, "MAX_JSON", 1000)
    long = json.dumps([{"prompt": "p" * 2000, "chosen": "a", "rejected": "b"}])
    for name in ("x.jsonl", "x.csv", "x.json"):
        (tmp_path / name).write_text(long)
        with pytest.raises(DataError, match="over 1,000"):
            read(tmp_path / name)


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


@real
def test_the_other_published_file_too() -> None:
    report = examine(REAL / "hh-rlhf" / "helpful-online" / "test.jsonl.gz").report
    assert (report.rows, report.format) == (1137, "hh_transcripts")
    assert report.reasons() == {
        "empty last reply": 3,
        "chosen and rejected are identical": 2,
        "the last turn is not the assistant's": 2,  # the rejected side ends with a question of the person
    }
