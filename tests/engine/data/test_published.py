"""What the rows of published formats mean: answers, votes, soft labels, scores; and the published files."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.formats.base import FORMATS, ParsedRow
from engine.data.read import examine
from engine.records import Message, Prompt
from tests.contracts.published_rows import PUBLISHED
from tests.contracts.rows import ROWS
from tests.engine.data.test_read import REAL

ANSWERS: list[tuple[str, int, list[tuple[Any, ...]]]] = [
    ("scored_pairs", 0, [(0, 1, "first", 5.0, "", None)]),
    ("scored_pairs", 1, [(0, 1, "tie", 0.0, "", None)]),
    ("scored_pairs", 2, [(0, 1, "first", None, "", None)]),
    ("shp", 0, [(0, 1, "first", 3.0, "", None)]),
    ("shp", 1, [(0, 1, "second", 3.0, "", None)]),
    ("webgpt", 0, [(0, 1, "first", 1.0, "", None)]),
    ("webgpt", 1, [(0, 1, "tie", 0.0, "", None)]),
    ("tldr_comparisons", 0, [(0, 1, "second", 7.0, "w", None)]),
    ("openassistant_trees", 0, [(0, 1, "first", 1.0, "", None)]),
    ("fine_grained_rlhf", 0, [
        (0, 1, "first", None, "", None), (0, 2, "tie", None, "", None), (0, 3, "second", None, "", None),
        (1, 2, "first", None, "", None), (1, 3, "tie", None, "", None), (2, 3, "second", None, "", None),
    ]),
    ("arena", 0, [(0, 1, "first", None, "j", None)]),
    ("arena", 1, [(0, 1, "both_bad", None, "j", None)]),
    ("pku_saferlhf", 1, [(0, 1, "second", None, "", None)]),
    ("helpsteer", 1, [(0, 1, "first", 2.0, "", None)]),
    ("helpsteer", 2, [
        (0, 1, "first", 1.0, "", None), (0, 1, "tie", 0.0, "", None), (0, 1, "second", 2.0, "", None),
    ]),
    ("nectar", 0, [(0, 1, "first", 1.0, "", None), (0, 2, "first", 1.0, "", None), (1, 2, "tie", 0.0, "", None)]),
    ("alpaca_eval", 0, [(0, 1, "first", None, "j", 0.8)]),
    ("alpaca_eval", 1, []),
    ("alpaca_eval", 2, [(0, 1, "tie", None, "j", None)]),
    ("alpaca_eval", 3, [(0, 1, "second", None, "j", None)]),
    ("argilla", 0, [(0, 1, "first", None, "u", None), (0, 1, "both_bad", None, "v", None)]),
    ("argilla", 1, [(0, 1, "tie", None, "judge", None)]),
    ("argilla", 2, []),
    ("argilla", 3, [(0, 1, "first", None, "u", None), (0, 1, "both_bad", None, "v", None)]),
    ("argilla", 4, []),
    ("label_studio", 0, [(0, 1, "second", None, "3", None)] * 2),
    ("label_studio", 1, []),
    *[(name, 0, [(0, 1, "first", None, "", None)]) for name in (
        "llamafactory", "llamafactory_alpaca", "llamafactory_parts", "openai", "axolotl", "question_pairs",
    )],
]  # fmt: skip


def parsed(name: str, row: int) -> tuple[ParsedRow, ...]:
    found = FORMATS.get(name)().parse(PUBLISHED[name][row])
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize(("name", "row", "answers"), ANSWERS)
def test_the_answers_of_a_row(name: str, row: int, answers: list[tuple[Any, ...]]) -> None:
    (found,) = parsed(name, row)
    assert [tuple(vars(comparison).values()) for comparison in found.comparisons] == answers


def test_scores_and_aspects_of_a_row() -> None:
    one, other = parsed("ultrafeedback", 0)[0].responses
    assert (one.score, dict(one.aspects), one.source) == (5.0, {"helpfulness": 5.0, "overall_score": 8.0}, "small")
    assert (other.score, dict(other.aspects)) == (1.0, {"helpfulness": 1.0, "overall_score": 2.0})
    bare, *_ = parsed("ultrafeedback", 1)[0].responses
    assert (bare.score, bare.aspects) == (None, ())
    assert [r.score for r in parsed("shp", 0)[0].responses] == [9.0, 3.0]
    assert [r.score for r in parsed("scored_pairs", 0)[0].responses] == [8.0, 3.0]
    (rated,) = parsed("helpsteer", 0)[0].responses
    assert (rated.score, dict(rated.aspects)["verbosity"]) == (4.0, 1.0)
    one, other = parsed("pku_saferlhf", 0)[0].responses
    assert (dict(one.aspects), dict(other.aspects)) == ({"safe": 0.0, "safer": 0.0}, {"safe": 1.0, "safer": 1.0})
    assert [row.responses[0].score for n in (0, 1) for row in parsed("kto", n)] == [1.0, 0.0]


def test_a_prompt_is_put_together_as_it_was_asked() -> None:
    assert parsed("tldr_comparisons", 0)[0].messages[0].content == (
        "SUBREDDIT: r/eggs\n\nTITLE: Eggs\n\nPOST: How do I boil an egg?\n\nTL;DR:"
    )
    assert [m.role for m in parsed("llamafactory_alpaca", 1)[0].messages] == ["system", "user", "assistant", "user"]
    assert parsed("llamafactory_alpaca", 1)[0].messages[-1].content == "How do I boil an egg?\nA large one."
    assert [m.role for m in parsed("nectar", 1)[0].messages] == ["user", "assistant", "user"]
    assert [m.role for m in parsed("scored_pairs", 0)[0].messages] == ["user"]
    assert [m.role for m in parsed("scored_pairs", 3)[0].messages] == ["system", "user", "assistant", "user"]
    thread = parsed("helpsteer", 3)[0].messages
    assert [(m.role, m.content) for m in thread] == [
        ("user", "Hi"), ("assistant", "Hello"), ("user", "How do I boil an egg?"),
    ]  # fmt: skip


def test_a_system_column_stands_before_the_prompt_once() -> None:
    for name, row in (("question_pairs", 0), ("scored_pairs", 4), ("prompts_only", 0)):
        messages = parsed(name, row)[0].messages
        assert [m.role for m in messages] == ["system", "user"]
        assert messages[0].content == "Be brief."
    assert [m.role for m in parsed("prompts_only", 1)[0].messages] == ["system", "user", "assistant", "user"]
    explicit = FORMATS.get("trl_explicit")()
    (asked,) = [row for row in ROWS["trl_explicit"] if "system" in row]
    found = explicit.parse(asked)
    assert isinstance(found, ParsedRow)
    assert [m.role for m in found.messages] == ["system", "user"]
    brief, sides = "Be brief.", {"chosen": "The sky is black.", "rejected": "The sky is blue."}
    spoken = [{"from": "system", "value": brief}, {"from": "human", "value": "Hi"}]
    replies = {side: {"from": "gpt", "value": said} for side, said in sides.items()}
    for name, said in (("trl_implicit", sides), ("llamafactory", {**replies, "conversations": spoken})):
        found = FORMATS.get(name)().parse({**said, "system": brief})
        assert isinstance(found, ParsedRow)
        assert found.messages[0].content == brief
        assert [m.role for m in found.messages] == ["system", "user"], name


def test_answers_to_other_questions_are_counted_and_no_votes() -> None:
    assert Counter(parsed("argilla", 3)[0].left_out) == {"answers to another question": 3}
    assert Counter(parsed("argilla", 4)[0].left_out) == {"answers to another question": 2}


@pytest.mark.parametrize(
    "row",
    [
        {"context": "How do I boil an egg?", "chosen": "Eight minutes.", "rejected": "Eight hours."},
        {"question": "How?", "history": "Hi", "chosen": "So.", "rejected": "So not."},
        {"prompt": "How?", "summary_a": "So.", "summary_b": "Not so.", "preference": 1},
        {"prompt": "How?", "good": "So.", "bad": "Not so."},
    ],
)
def test_columns_that_nobody_knows_are_not_passed_over(row: dict[str, Any]) -> None:
    assert not [cls.name for cls in FORMATS if cls().sniff([row])]


def test_answers_and_soft_labels_are_turned_to_side_a(tmp_path: Path) -> None:
    answer = {"first": 0, "second": 1, "answer": "first", "share": 0.75, "strength": 2}
    rows = [{"prompt": f"p{i}", "responses": [f"x{i}", f"y{i}"], "comparisons": [answer]} for i in range(30)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = examine(tmp_path / "x.jsonl").data
    turned = []
    for comparison in data.comparisons:
        first_is_a = data.responses[data.pairs[comparison.pair_id].a].text.startswith("x")
        wanted = ("a", 0.75) if first_is_a else ("b", 0.25)
        assert (comparison.answer, comparison.share, comparison.strength) == (*wanted, 2.0)
        turned.append(first_is_a)
    assert 5 < sum(turned) < 25


def test_aspects_that_differ_from_the_first_are_counted(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "responses": [{"text": "a", "aspects": {"kind": n}}, "b"]} for n in (1, 1, 2)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    reading = examine(tmp_path / "x.jsonl")
    assert reading.report.dropped["aspects that differ from the first ones of the same response"] == 1
    assert list(reading.data.aspects.values()) == [{"kind": 1.0}]


@given(st.lists(st.tuples(st.text(max_size=9), st.text()), max_size=4))
def test_the_id_of_a_prompt_is_that_of_its_json(turns: list[tuple[str, str]]) -> None:
    """Ids stand in every store: the fast way to write them must give what json.dumps gives."""
    text = json.dumps([[role, said] for role, said in turns], ensure_ascii=False)
    wanted = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    assert Prompt.of([Message(*turn) for turn in turns]).id == f"p{wanted}"


def test_every_thread_of_a_tree_is_read_and_what_gives_no_pair_is_counted() -> None:
    (first,) = parsed("openassistant_trees", 1)
    assert [m.role for m in first.messages] == ["user", "assistant", "user"]
    assert [r.text for r in first.responses] == ["Eight minutes.", "No idea.", "Ask."]
    assert Counter(first.left_out) == {"turns with one reply, which is no pair": 1, "replies without a rank": 1}
    (kept,) = parsed("openassistant_trees", 3)
    assert len(kept.responses) == 2
    assert Counter(kept.left_out)["deleted replies"] == 1
    above, below = parsed("openassistant_trees", 2)
    assert [len(above.messages), len(below.messages)] == [1, 3]
    assert [tuple(vars(c).values())[:3] for c in below.comparisons] == [(0, 1, "first")]


PUBLISHED_FILES: list[tuple[str, str, int, int, dict[str, int]]] = [
    ("hh-rlhf/helpful-base/test.jsonl.gz", "hh_transcripts", 2354, 2339, {}),
    ("hh-rlhf/helpful-online/test.jsonl.gz", "hh_transcripts", 1137, 1130, {}),
    ("fine-grained-rlhf/dev_feedback.json", "fine_grained_rlhf", 500, 3000, {"passages beside the question": 498}),
    ("oasst-trees/en_100_tree.jsonl", "openassistant_trees", 100, 755,
     {"turns with one reply, which is no pair": 40, "turns without a reply": 226, "replies without a rank": 6}),
    ("llamafactory/dpo_en_demo.json", "llamafactory", 300, 295, {}),
    ("llamafactory/kto_en_demo.json", "kto", 300, 0, {}),
    ("llamafactory/v1_dpo_demo.jsonl", "llamafactory_parts", 10, 10, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data_format", "rows", "pairs", "left_out"), PUBLISHED_FILES)
def test_a_published_file_is_detected_and_read(
    name: str, data_format: str, rows: int, pairs: int, left_out: dict[str, int]
) -> None:
    path: Path = REAL / name
    if not path.exists():
        pytest.skip("the published files are not here; set WORKBENCH_SHARED_DATA")
    reading = examine(path)
    assert (reading.report.format, reading.report.rows) == (data_format, rows)
    assert len(reading.data.pairs) == pairs == reading.report.counts.pairs
    assert dict(reading.report.dropped) == left_out
    if data_format == "fine_grained_rlhf":
        assert reading.report.ties == 384
        assert reading.report.label_bank
