"""The parts of Batch on their own: tokens and their sums, meters, the sum of a score, ranks; hostile texts in all."""

import math
import re
from dataclasses import replace

import pytest

from engine.analysis.meters import Meter
from engine.store import queries, writer
from engine.store.summaries import PickedPair, StrategyRef
from engine.tasks.token_ratios import Strip
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from tests.workbench.worlds import HOSTILE
from workbench import batches
from workbench.batches import Batch
from workbench.components.batch_meters import READING as METERS_READING
from workbench.components.batch_meters import batch_meters, covered, meters_of, no_clusters
from workbench.components.neighbours import Neighbour, neighbours
from workbench.components.token_heat import OPEN, READING, token_heat
from workbench.components.why_pair import Other, Rank, Why, why_card
from workbench.session import Looking

A = Strip(("Yes", ",", " soak", "<|eos|>"), (0.3, -0.06, 1.2, 0.0), (2.0, 0.0, 4.0, 9.0), 1.44)
B = Strip(("No",), (-0.6,), (1.0,), -0.6)
ACTIVE, APL, REAL = (
    StrategyRef("activedpo", "ActiveDPO", 1),
    StrategyRef("apl", "APL", 2),
    StrategyRef("real", "REAL", 3),
)
TAGS = ("<script", "<img", "<iframe", "<a ", "<style>")


def pick(**changes: object) -> PickedPair:
    given = PickedPair(
        "x1",
        2,
        2,
        False,
        23.0,
        22.5,
        {"rank_in_pool": 4.0},
        (("user", "How?"),),
        "one two",
        "three",
        "",
        "",
        "a",
        "gold",
    )
    return replace(given, **changes)


# ---- tokens ----


def test_below_the_strips_stand_the_sums_the_margin_and_the_probability_it_means() -> None:
    shown = token_heat((A, B), 0.5, "policy after round 2", same=False)
    assert "sum +1.44 nats · β 0.5 · implicit reward <b>+0.72</b>" in shown
    assert "sum −0.60 nats · β 0.5 · implicit reward <b>−0.30</b>" in shown
    chance = 1 / (1 + math.exp(-1.02))
    assert f"<b>+1.02</b> reward units, so the policy would call A better with probability <b>{chance:.2f}</b>" in shown
    assert "call B better" in token_heat((B, A), 0.5, "", same=False)
    assert "over 0.999" in token_heat((A, B), 10.0, "", same=False)


def test_tint_and_underline_grow_to_their_ends_and_the_exact_numbers_stand_beside() -> None:
    spans = re.findall(r'<span class="(up|down)" style="--r:(\d+)%;--e:(\d)px" title="([^"]*)">([^<]*)<',
                       token_heat((A, B), 1.0, "", same=False))  # fmt: skip
    assert [span[:3] for span in spans] == [
        ("up", "26", "3"), ("down", "5", "1"), ("up", "52", "4"), ("down", "0", "4"), ("down", "52", "2"),
    ]  # fmt: skip
    assert spans[0][3] == "+0.300 nats · entropy 2.000 nats"
    assert "".join(span[4] for span in spans[:3]) == "Yes, soak"


def test_every_token_is_in_the_table_also_those_that_are_folded() -> None:
    many = Strip(("a",) * (OPEN + 7), (0.1,) * (OPEN + 7), (0.5,) * (OPEN + 7), 1.0, left_out=3)
    shown = token_heat((many, B), 1.0, "", same=False)
    assert "show the other 7 tokens" in shown
    assert "3 more tokens behind these; the sum is over all." in shown
    assert len(re.findall("<tr><td>", shown)) == OPEN + 8


def test_a_response_that_does_not_fit_and_a_policy_that_is_the_reference_say_so() -> None:
    assert "There is no margin" in token_heat((Strip(why="Too <b>long</b>."), B), 1.0, "", same=False)
    assert "Too &lt;b&gt;long" in token_heat((Strip(why="Too <b>long</b>."), B), 1.0, "", same=False)
    nothing = Strip(("a",), (0.0,), (1.0,), 0.0)
    assert "still the same" in token_heat((nothing, nothing), 1.0, "", same=True)
    assert "either better with probability <b>0.50</b>" in token_heat((nothing, nothing), 1.0, "", same=True)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_stay_texts(hostile: str) -> None:
    strip = Strip((hostile[:400], "", "\n\t\x07"), (0.1, 0.2, 0.3), (1.0, 1.0, 1.0), 0.6)
    others = [Other(hostile[:90], hostile[:90], hostile[:90])]
    ranks = [Rank(replace(APL, title=hostile[:90]), 1, 2, hostile[:90]), Rank(REAL, None, 0, hostile[:90])]
    parts = [{"name": hostile[:90], "value": 1.0, "unit": hostile[:90], "note": hostile[:90], "read": True}]
    why = Why(hostile[:90], parts=parts, others=others, ranks=ranks, notes=[hostile[:90]])
    clusters = covered({"value": 1.0, "mean": 1.0, "low": 1.0, "high": 1.0}, 2, [hostile[:90]])
    shown = (
        token_heat((strip, strip), 1.0, hostile[:90], same=False)
        + why_card(pick(why={hostile[:20] or "x": hostile[:90]}), ACTIVE, why)
        + batch_meters([clusters], hostile[:90])
        + neighbours([Neighbour(hostile[:90], hostile[:90], 0.5, 1, None)])
    ).lower()
    assert not [tag for tag in TAGS if tag in shown]
    assert "\\x07" in shown


# ---- meters ----


def test_meters_say_where_the_batch_lies_among_random_ones() -> None:
    found = {"redundancy": vars(Meter(0.31, 0.22, 0.2, 0.25)), "prompts": vars(Meter(1, 1.8, 1, 2)),
             "length": vars(Meter(1.5, 9.0, 8.0, 10.0))}  # fmt: skip
    shown = meters_of([pick(), pick(pair_id="x2", answer="tie")], {"meters": found}, no_clusters("no map yet"))
    said = {one.title: one for one in shown}
    assert said["redundancy"].below == "above random: 0.22 (0.20 to 0.25)"
    assert said["prompts"].below == "as random: 2 (1 to 2)"
    assert said["length of a response"].below == "below random: 9.0 (8.0 to 10.0)"
    assert said["labelled"].below == "1 with neither chosen"
    assert said["redundancy"].band == (0.2, 0.22, 0.25)
    markup = batch_meters(shown, "200 random batches.")
    assert "no map yet" in markup
    assert "left:20.0%;width:5.0%" in markup


def test_before_anybody_asked_what_the_texts_say_stands_there() -> None:
    said = {one.title: one for one in meters_of([pick(), pick(answer=None)], None, no_clusters("x"))}
    assert (said["prompts"].value, said["length of a response"].value, said["labelled"].value) == ("1", "1.5", "1")
    assert said["redundancy"].value == "–"


def test_missing_clusters_are_named_by_their_words() -> None:
    found = vars(Meter(2, 3.5, 3, 5))
    assert covered(found, 5, ["sofa, leather", "zip", "tent"]).below.endswith(
        "missing: “sofa, leather”, “zip” and 1 more"
    )


def test_how_to_read_a_chart_takes_forty_words_at_most() -> None:
    assert max(len(READING.split()), len(METERS_READING.split())) <= 40


# ---- why ----


def test_the_sum_of_a_score_and_a_rank_on_its_line() -> None:
    term = {"unit": "", "percentile": 97.0, "note": "", "read": False}
    read = {"unit": "reward units", "percentile": None, "note": "", "read": True}
    first = {"name": "with nothing labelled", "symbol": "‖φ‖²/λ", "value": 28.0, **term}
    parts = [first, {"name": "its margin", "value": -1.5, **read}]
    ranks = [Rank(APL, 51, 101, "its pick 3"), Rank(REAL, None, 0, "no scores")]
    shown = why_card(pick(), ACTIVE, Why("Far away.", 568, 99.0, parts, (), ranks, says="a = φᵀV⁻¹φ & so <on>"))
    order = [
        "with nothing labelled",
        "score before the batch",
        "lost to earlier picks",
        "gain when picked",
        "its margin",
    ]
    assert [shown.index(word) for word in order] == sorted(shown.index(word) for word in order)
    assert "with nothing labelled: ‖φ‖²/λ" in shown
    assert "a = φᵀV⁻¹φ &amp; so &lt;on&gt;" in shown
    assert "rank 4 of 568 · above 99.0 % of the pool" in shown
    assert "−0.500" in shown
    assert "left:50.0%" in shown
    assert "51<small> · its pick 3" in shown
    assert "REAL: no scores." in shown


def test_the_others_of_the_seed_say_where_they_put_the_pair_or_why_not(tmp_path, monkeypatch) -> None:
    store = worlds.finished(tmp_path / "s", seeds=(1,))
    words = seen(app(store.folder, monkeypatch, "batch", strategy="ActiveDPO"))
    assert "Under the other strategies" in words
    assert "no scores" in words
    assert "no map of this pool yet" in words
    assert not queries.tasks(store), "nothing is asked for before the reader wants it"
    words = seen(app(store.folder, monkeypatch, "batch", strategy="ActiveDPO", explain="true"))
    assert "No tools worker is here." in words
    assert {task.kind for task in queries.tasks(store)} == {"batch_meters", "why_batch", "token_ratios"}
    seen(app(store.folder, monkeypatch, "batch", strategy="ActiveDPO", explain="true"))
    assert len(queries.tasks(store)) == 3, "what was asked for is not asked for again"


def test_a_strategy_whose_run_never_came_to_the_round_says_why_it_cannot_be_ranked(tmp_path, monkeypatch) -> None:
    store = worlds.failed(tmp_path / "s")
    words = seen(app(store.folder, monkeypatch, "batch", strategy="random", round="2"))
    assert "ActiveDPO: its run failed before this round." in words
    run = next(r for r in queries.study(store, queries.studies(store)[0].id).runs if r.strategy.name == "activedpo")
    for state, why in (("cancelled", "its run was cancelled before this round"), ("running", "nothing picked in this")):
        writer.set_state(store, run.id, state)
        assert f"ActiveDPO: {why}" in seen(app(store.folder, monkeypatch, "batch", strategy="random", round="2"))
    missing = batches._rank(Batch(Looking(), (), False), ACTIVE, None, None, "x1")
    assert (missing.rank, missing.word) == (None, "no run with this seed")
