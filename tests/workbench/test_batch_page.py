"""Batch in detail: words that differ, folding, the table to take away, the run's name; the card of an arm."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine.data.export.about import about_study
from engine.store import queries
from engine.strategies.base import STRATEGIES
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from tests.workbench.worlds import HOSTILE
from workbench.cli.main import app as cli
from workbench.components.difference import differing
from workbench.components.export_panel import cell
from workbench.components.foreign_text import folding, said
from workbench.components.pair_card import pair_card
from workbench.components.pick_list import picks_frame
from workbench.components.picker import regime_words, run_words
from workbench.spreadsheet import as_csv


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worlds.finished(tmp_path_factory.mktemp("batch") / "own", seeds=(1,))


@pytest.fixture(scope="module")
def picks(store):
    study = queries.studies(store)[0]
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "activedpo")
    return queries.batch(store, run.id, 2)


# ---- words that differ ----


def test_the_words_that_differ_are_found_in_both():
    one, other = "Soak it for half an hour, then dry it flat.", "Wash it for an hour, then dry it hot."
    a, b = differing(one, other)
    assert [one[s:e] for s, e in a] == ["Soak", "half", "flat."]
    assert [other[s:e] for s, e in b] == ["Wash", "hot."]
    assert differing(one, one) == ([], [])
    assert differing("a  b", "a\nb") == ([], []), "blanks alone are no difference"
    assert differing("", "all of it") == ([], [(0, 9)])


def test_of_very_long_texts_only_the_ends_are_compared():
    one = "same " + " ".join(f"x{n}" for n in range(2000)) + " end"
    other = "same " + " ".join(f"y{n}" for n in range(2000)) + " end"
    a, b = differing(one, other)
    assert len(a) == len(b) == 1
    assert one[a[0][0] : a[0][1]].startswith("x0")
    assert not one[a[0][0] : a[0][1]].endswith("end")


WORDS = st.lists(st.sampled_from(["a", "b", "c<", "&d", "\n", "```", "مرحبا"]), max_size=40).map(" ".join)


@given(WORDS, WORDS)
def test_what_is_not_marked_is_the_same_in_both_and_marks_lose_nothing(one, other):
    a, b = differing(one, other)
    assert rest(one, a) == rest(other, b)
    shown = said(one, a)
    assert len(re.findall("<mark>", shown)) == len(re.findall("</mark>", shown))
    assert re.sub("</?mark>", "", shown) == said(one)


def rest(text: str, marks) -> list[str]:
    kept = list(text)
    for start, end in marks:
        kept[start:end] = " " * (end - start)
    return "".join(kept).split()


def test_marks_go_on_behind_the_fold():
    text = "word " * 400 + "last"
    marks = differing(text, "word " * 400 + "other")[0]
    shown = folding(text, marks)
    assert "show all" in shown
    assert "<mark>last</mark>" in shown.split("</summary>")[1]


def test_a_marked_card_of_hostile_texts_has_no_tag_of_theirs(picks):
    for one in HOSTILE:
        for other in HOSTILE:
            card = pair_card(replace(picks[0], response_a=one, response_b=other), 6, marked=True).lower()
            assert not [tag for tag in ("<script", "<img", "<iframe", "<a ", "<style") if tag in card]


def test_the_switch_takes_the_marks_away_and_travels_in_the_link(store, monkeypatch):
    test = app(store.folder, monkeypatch, "batch", strategy="ActiveDPO")
    assert "<mark>" in seen(test)
    next(toggle for toggle in test.toggle if toggle.label == "mark differences").set_value(False).run()
    assert "<mark>" not in seen(test)
    assert "<mark>" not in seen(app(store.folder, monkeypatch, "batch", strategy="ActiveDPO", marks="false"))


def test_long_texts_are_folded_after_fourteen_lines_and_a_talk_is_a_chat(store, monkeypatch):
    said_ = "".join(
        seen(app(store.folder, monkeypatch, "batch", view="cards", round=number, strategy=strategy))
        for number in ("1", "2")
        for strategy in ("ActiveDPO", "APL")
    )
    assert re.search(r"show all [\d,]+ lines", said_)
    assert 'class="turn assistant"' in said_
    assert "earlier turns" in said_


# ---- the table to take away ----


def test_the_table_can_be_taken_away_whole(store, monkeypatch, picks):
    test = app(store.folder, monkeypatch, "batch", view="table", strategy="ActiveDPO")
    assert [button.proto.label for button in test.main.get("download_button")] == ["Download the table, CSV"]
    frame = picks_frame([replace(pick, response_a="=1+1") for pick in picks])
    assert len(frame) == 6
    assert set(frame["response_b"]) == {pick.response_b for pick in picks}
    assert {"score", "gain", "nearest_cosine", "answer"} <= set(frame.columns)
    assert as_csv(frame).decode().count("'=1+1") == 6


# ---- the run's name ----


def test_a_run_is_shown_as_strategy_regime_seed_and_arm(store, monkeypatch):
    regime = {"pool": "fixed", "weights": "reset", "data": "cumulative"}
    words = run_words("APL", regime, 2)
    assert words == "APL · pool fixed, weights reset, data cumulative · seed 2"
    assert run_words("APL", regime, 2, "b").endswith(" · arm b")
    assert regime_words(None) == ""
    for page in ("batch", "export"):
        assert f"Run: {run_words('APL', regime, 1)}" in seen(app(store.folder, monkeypatch, page, strategy="APL"))


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    """A study in which some arms have a regime, a sampler or a budget of their own."""
    changes = {"controls": ["shuffled", "random_on_policy"], "oracle": {"name": "gold", "scorer": "howto"}}
    return worlds.finished(tmp_path_factory.mktemp("arms") / "s", seeds=(1,), strategies=("activedpo",), **changes)


def test_a_run_with_a_regime_of_its_own_says_that_one(arms, monkeypatch):
    said_ = seen(app(arms.folder, monkeypatch, "batch", strategy="random, on policy"))
    assert "pool regenerated, weights reset" in said_
    assert "pool fixed, weights reset" in seen(app(arms.folder, monkeypatch, "batch", strategy="ActiveDPO"))


def test_a_shuffled_arm_says_that_its_values_belong_to_other_pairs(arms, monkeypatch):
    assert "belongs to another pair" in seen(app(arms.folder, monkeypatch, "batch", strategy="ActiveDPO, shuffled"))
    assert "belongs to another pair" not in seen(app(arms.folder, monkeypatch, "batch", strategy="ActiveDPO"))


# ---- export ----


def test_an_arm_is_exported_by_its_key_and_its_card_says_what_it_was_run_with(arms, tmp_path):
    study = queries.studies(arms)[0].id
    detail = queries.study(arms, study)

    def card(key: str) -> str:
        words = ["export", study, "--strategy", key, "--out", str(tmp_path / key), "--store", str(arms.folder)]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
        return (tmp_path / key / "README.md").read_text(encoding="utf-8")

    shuffled = card("activedpo:shuffled")
    assert '"arm": "shuffled"' in shuffled
    assert STRATEGIES.get("activedpo").source in shuffled
    assert '| regime | `{"pool": "fixed"' in shuffled
    other = card("random:on policy")
    assert '| regime | `{"pool": "regenerated"' in other
    assert '| sampler | `{"name": "policy"' in other
    assert set(about_study(detail)["sources"]) == {"activedpo", "random"}, "the twin was added, and is cited"
    assert len(about_study(detail)["strategies"]) == 4
    refused = CliRunner().invoke(cli, ["export", study, "--strategy", "apl", "--out", str(tmp_path / "x"),
                                       "--store", str(arms.folder)])  # fmt: skip
    assert refused.exit_code == 2
    assert "It has: activedpo, random, activedpo:shuffled, random:on policy." in " ".join(refused.output.split())


def test_a_cell_of_a_row_is_its_text():
    talk = [{"role": "user", "content": "one\ntwo"}]
    assert cell(talk) == "one two"
    assert cell({"a": 1}) == '{"a": 1}'
    assert cell("x" * 500).startswith("x" * 160 + "…")
    assert cell(3) == 3
    assert isinstance(pd.DataFrame([{"a": cell(talk)}]), pd.DataFrame)
