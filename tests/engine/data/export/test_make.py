"""An export: every pair accounted for, filters counted, labellers behind numbers, a card that machines read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from engine.data.answers import Subset, counting, majority_of, settle
from engine.data.export.about import about_study, about_subset
from engine.data.export.files import archive, files_of
from engine.errors import DataError, UnknownName
from engine.store import queries
from engine.store.summaries import StudyDetail, StudySummary
from tests.engine.data.export.pairs import ALL, asked, made_of, pairs, vote
from tests.workbench import worlds

PARTS = ("exported", "ties", "both bad", "unresolved", "excluded")


def test_every_pair_asked_is_accounted_for() -> None:
    counts = made_of(pairs()).counts
    assert dict(counts) == {
        "asked": 8, "exported": 4, "ties": 1, "both bad": 1, "unresolved": 2, "excluded": 0,
    }  # fmt: skip
    answers = {p.pair.picks[0].rank: (p.answer, p.agreement, len(p.votes)) for p in settle(pairs(), ALL).preferred}
    assert answers == {1: ("a", 1.0, 1), 2: ("b", 1.0, 1), 7: ("b", pytest.approx(2 / 3), 3), 8: ("b", 1.0, 1)}
    assert settle(pairs(), ALL).skips == 2


ANSWERS = st.lists(st.sampled_from(["a", "b", "tie", "both_bad", "skip"]), min_size=1, max_size=7)


@for_all(votes=st.lists(ANSWERS, min_size=1, max_size=8), least=st.none() | st.floats(0, 1))
def test_any_answers_add_up_and_the_majority_is_the_one_counted_by_hand(votes: Any, least: float | None) -> None:
    of = [asked(n, *answers) for n, answers in enumerate(votes, start=1)]
    found = settle(of, Subset(study_id="s1", agreement_at_least=least))
    assert found.counts["asked"] == sum(found.counts[part] for part in PARTS) == len(of)
    for pair, answers in zip(of, votes, strict=True):
        said = [a for a in answers if a != "skip"]
        most = max((said.count(a) for a in said), default=0)
        leaders = {a for a in said if said.count(a) == most}
        assert majority_of(counting(pair))[0] == (leaders.pop() if len(leaders) == 1 else None)


@pytest.mark.parametrize(
    ("filters", "exported", "why"),
    [
        ({"score_at_least": 0.6}, 1, {"score outside the range": 6, "no score": 1}),
        ({"score_at_most": 0.5}, 3, {"score outside the range": 1, "no score": 1}),
        ({"labeller": "p1"}, 1, {"no answer of the labeller": 7}),
        ({"labeller": "gold", "agreement_at_least": 0.9}, 3, {"agreement below the bound": 3}),
    ],
)
def test_what_filters_leave_out_is_counted_by_reason(filters: Any, exported: int, why: dict[str, int]) -> None:
    of = pairs()
    if "score_at_least" in filters or "score_at_most" in filters:
        of[0], of[4] = asked(1, "a", score=0.7), asked(5, "both_bad", score=None)
    found = settle(of, Subset(study_id="s1", **filters))
    assert (found.counts["exported"], found.excluded) == (exported, why)
    assert found.counts["excluded"] == sum(why.values())


def test_a_filter_by_labeller_takes_that_one_s_answer() -> None:
    (kept,) = settle(pairs(), Subset(study_id="s1", labeller="p1")).preferred
    assert kept.answer == "a", "two others said b"


def test_labellers_are_numbered_anew_in_every_export_and_named_only_when_asked_for() -> None:
    noted = [asked(n, vote("a", n, labeller=f"p{n}", person=f"Ann {n}", note="typo")) for n in range(1, 9)]

    def who(of: Any, **how: Any) -> dict[str, str]:
        made = made_of(of, "audit", **how)
        whole = "".join(str(content) for content in files_of(made).values())
        assert ("Ann" in whole, "typo" in whole) == (bool(how.get("names")),) * 2
        return {row["pair_id"]: row["labeller"] for row in made.rows}

    first = who(noted)
    assert set(first.values()) == {f"labeller {n}" for n in range(1, 9)}
    assert who(noted) == first, "the same export made again"
    assert {k: v for k, v in who(noted[:7]).items()} != {k: first[k] for k in who(noted[:7])}
    assert who(noted, salt=b"of another store") != first, "who knows the names and the file does not know the order"
    many = [asked(n, vote("a", n, labeller=f"p{n}")) for n in range(1, 31)]
    assert who(many, salt=b"") != who(many, salt=b""), "without a salt it has one of its own"
    assert set(who(noted, names=True).values()) == {f"Ann {n}" for n in range(1, 9)}


def test_a_card_names_no_labeller_even_when_the_subset_is_one_labeller_s(tmp_path: Path) -> None:
    store = worlds.finished(tmp_path / "store", seeds=(1,), strategies=("random",))
    about = about_subset(store, Subset(study_id=queries.studies(store)[0].id, labeller="ann@example"))
    assert about["subset"] == {"labeller": "one, or one oracle"}
    assert "ann" not in str(about)


def test_the_sidecar_has_a_line_a_pair_with_picks_answers_and_times() -> None:
    of = [asked(1, vote("a", 1, at="2026-01-01T10:00:00", seconds=3.5)), asked(2, "tie", round=2)]
    lines = [json.loads(line) for line in files_of(made_of(of))["provenance.jsonl"].splitlines()]
    assert [line["answer"] for line in lines] == ["a", None]
    assert lines[0]["votes"] == [{"answer": "a", "oracle": "gold", "seconds": 3.5, "at": "2026-01-01T10:00:00"}]
    wanted = {"pair_id", "round", "strategy", "score", "rank", "label_source", "votes", "picks", "agreement"}
    assert wanted <= lines[1].keys()
    assert (lines[1]["round"], lines[1]["label_source"]) == (2, ["gold"])


def test_the_card_is_valid_yaml_for_the_hub_and_text_stays_text() -> None:
    from huggingface_hub import DatasetCard

    about = {"study": "a `study` | with\nmarks", "feedback": "human", "oracle": {"name": "people"},
             "verdict": ["| no |"], "curve": [{"strategy": "real", "round": 1, "accuracy": 0.5}]}  # fmt: skip
    made = made_of(pairs(), about=about, licence="cc-by-4.0")
    card = DatasetCard(made.card)
    head = card.data.to_dict()
    assert head["license"] == "cc-by-4.0"
    assert head["configs"][0]["data_files"][0]["path"] == made.file
    assert head["dataset_info"]["splits"][0]["num_examples"] == 4
    assert [f["name"] for f in head["dataset_info"]["features"]] == list(made.rows[0])
    assert {"dpo", "preference", "human-feedback"} <= set(head["tags"])
    assert head["size_categories"] == ["n<1K"]
    assert "`a 'study' \\| with marks`" in card.text  # Markdown tables want the bar escaped, inside code too
    for line in ("| ties | 1 |", "| unresolved | 2 |", "Skips: 2 answers.", "Agreement: 0.667", "## Known limits"):
        assert line in card.text
    assert "* `\\| no \\|`" in card.text
    assert "| `real` | 1 | 0.5000 |" in card.text


@pytest.mark.parametrize("feedback", ["", "human", "synthetic"])
def test_the_card_says_whose_feedback_it_is_only_where_that_is_known(feedback: str) -> None:
    from huggingface_hub import DatasetCard

    found = DatasetCard(made_of(pairs(), about={"study": "s", "feedback": feedback}).card)
    assert found.data.to_dict()["tags"] == ["preference", "dpo", *([f"{feedback}-feedback"] if feedback else [])]
    assert "| feedback |" not in found.text


def test_a_column_without_a_value_is_a_number_where_it_is_one(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    made = made_of([asked(n, "a", score=None) for n in (1, 2)], container="parquet")
    (tmp_path / "x.parquet").write_bytes(files_of(made)[made.file])
    assert str(pq.read_schema(tmp_path / "x.parquet").field("score").type) == "double"


def test_the_archive_is_the_same_twice() -> None:
    assert archive(files_of(made_of(pairs()))) == archive(files_of(made_of(pairs())))


def test_what_cannot_be_exported_gets_a_sentence() -> None:
    with pytest.raises(UnknownName, match="trm"):
        made_of(pairs(), "trm")
    with pytest.raises(DataError, match="does not go into 'csv'"):
        made_of(pairs(), container="csv")
    with pytest.raises(DataError, match="No container is called 'xml'"):
        made_of(pairs(), container="xml")
    with pytest.raises(DataError, match="nothing to export"):
        made_of([asked(1, "tie")])


def test_what_arms_differ_in_is_said_by_key_and_what_they_share_once() -> None:
    fixed, fresh = {"pool": "fixed"}, {"pool": "regenerated"}
    saved = {
        "real": {"strategy": {"name": "real", "keep": "similar"}, "seed": 1},  # as saved before there were arms
        "random:as real": {"strategy": {"name": "random"}, "arm": "as real", "setting": {"regime": fresh}},
        "full_labels": {"strategy": {"name": "full_labels"}, "arm": "", "setting": {"rounds": 1}},
        "gone": {"strategy": {"name": "gone"}, "arm": "", "setting": {}},
    }
    own = {"url": "http://inside:8000/v1", "key_variable": "THEIR_KEY", "extra": {"route": "r1"}}
    server = {"name": "server", "responses": 3, **own}
    config = {
        "rounds": 3, "labels_per_round": 20, "sampler": server, "regime": fixed,
        "oracle": {"name": "gold"}, "model": {"path": "a/b"},
    }  # fmt: skip
    now = datetime(2026, 1, 1, tzinfo=UTC)
    summary = StudySummary("s1", "n", "done", now, None, (), (1, 2), 3, 20, 0, 0, 0, 0, 0.0, None, None, "", "")
    detail = StudyDetail(summary, (), config, {}, saved)
    about = about_study(detail)
    assert about["sampler"] == {"name": "server", "responses": 3}, "where it is and how it is reached stays at home"
    assert about["feedback"] == "synthetic"
    assert about["regime"] == {"real": fixed, "random:as real": fresh, "full_labels": fixed, "gone": fixed}
    assert about["budget per run"]["full_labels"] == "the whole pool, in one round"
    assert about["budget per run"]["random:as real"] == 60
    assert about["strategies"][1] == {"name": "random", "arm": "as real"}
    assert set(about["sources"]) == {"real", "random", "full_labels"}
    assert about["formulas"]["real"]
    one = about_study(detail, "random:as real", 2)
    assert (one["regime"], one["budget per run"], one["seeds"]) == (fresh, 60, [2])
