"""Score charts against slow twins, and the words of a choice of pairs."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.ranks import Spearman, percentiles
from engine.store import round_table
from engine.store.summaries import SCORE, RoundScores, StrategyRef
from tests.workbench.worlds import scores_in
from workbench.charts.agreement import Batch, against_figure, correlation_figure, density_of, overlap_figure
from workbench.charts.ridges import density, ridges_figure
from workbench.charts.scores import (
    BINS,
    Panel,
    bin_edges,
    ecdf_figure,
    histogram_figure,
    how_to_read_scores,
    steps_of,
)
from workbench.components.score_choice import (
    Choice,
    brushed,
    choice_title,
    clicked,
    clicked_pair,
    panel_name,
    read_choice,
    rows_of,
)

MARGIN = {"name": "reward_margin", "axis": "pair", "unit": "reward units", "made_on": "policy", "kept": True}


def round_of(name: str, slot: int, frame: pd.DataFrame, picks: tuple[str, ...], *, greedy: bool = False) -> RoundScores:
    """A round over a table that is written as the store writes it; `frame` as `queries.scores` gives it."""
    folder = Path(tempfile.mkdtemp(dir=FOLDER.name))
    signals = [MARGIN] if "reward_margin" in frame else []
    round_table._write(folder / "round.parquet", round_table._table(frame, signals))
    quantities = round_table.quantities_of(folder / "round.parquet")
    strategy = StrategyRef(name, name.upper(), slot)
    return RoundScores(strategy, f"r-{name}", 3, False, greedy, picks, folder / "round.parquet", len(frame), quantities)


FOLDER = tempfile.TemporaryDirectory()


def sets_of(n: int = 40, seed: int = 0) -> dict[str, RoundScores]:
    rng = np.random.default_rng(seed)
    ids = [f"x{i:03}" for i in range(n)]
    found = {}
    for slot, (name, greedy) in enumerate([("random", False), ("one", True), ("two", False)]):
        frame = pd.DataFrame({"pair_id": ids, "score": rng.normal(size=n) if slot else np.nan})
        if name == "one":
            frame["reward_margin"] = rng.normal(size=n).astype(np.float32)
        order = frame.sort_values("score", ascending=False)["pair_id"].tolist()
        picks = [*order[1:5], order[9]] if greedy else order[:5]
        found[name] = round_of(name, slot, frame, tuple(picks), greedy=greedy)
    return found


def panel_of(found: RoundScores, answered: tuple[str, ...] = (), key: str = SCORE) -> Panel:
    quantity = found.quantity(key)
    assert quantity is not None
    values = round_table.values_of(found.table, key, [*found.picks, *answered])
    parts = (values.reindex(list(ids)).to_numpy(dtype=float) for ids in (found.picks, answered))
    return Panel(found, quantity, round_table.ordered(found.table, key), *parts)


# ---- charts --------------------------------------------------------------------------------------------------------
def test_bars_count_what_a_loop_counts_and_leave_no_pair_out():
    found = sets_of()["one"]
    figure = histogram_figure([panel_of(found, found.picks[:2])], mode="light", log=True)
    for bar, ids in zip(figure.data, (scores_in(found).index, found.picks[:2], found.picks), strict=True):
        assert sum(bar.y) == len(ids)
        for x, width, n in zip(bar.x, bar.width, bar.y, strict=True):
            values = [scores_in(found)[i] for i in ids]
            inside = sum(x - width / 2 <= v < x + width / 2 for v in values)
            assert abs(inside - n) <= sum(v == max(scores_in(found)) for v in values)


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60))
def test_edges_hold_all_values_and_rise(values):
    edges = bin_edges(np.array(values))
    assert edges[0] <= min(values)
    assert edges[-1] >= max(values)
    assert (np.diff(edges) > 0).all()


def test_steps_are_the_share_of_values_at_most_so_much():
    x, y = steps_of(np.array([3.0, 1.0, 2.0, 2.0]))
    assert list(zip(x, y, strict=True)) == [(1.0, 0.25), (2.0, 0.5), (2.0, 0.75), (3.0, 1.0)]
    x, y = steps_of(np.arange(10_000.0), corners=50)
    assert (len(x), x[0], x[-1], y[-1]) == (50, 0.0, 9999.0, 1.0)


def test_a_density_equals_the_sum_of_kernels_and_has_area_one():
    rng = np.random.default_rng(1)
    values, x = rng.normal(0, 1, 400), np.linspace(-5, 5, 301)
    found = density(np.sort(values), x)
    spread = min(values.std(), np.subtract(*np.percentile(values, [75, 25])) / 1.34)
    width = 0.9 * spread * 400**-0.2
    slow = [np.mean(np.exp(-0.5 * ((at - values) / width) ** 2)) / (width * np.sqrt(2 * np.pi)) for at in x]
    assert np.abs(found - slow).max() < 0.01
    assert np.trapezoid(found, x) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_figure_has_axes_with_words_and_units(mode):
    sets = sets_of()
    scoring = [panel_of(sets["one"]), panel_of(sets["two"])]
    of_signal = panel_of(sets["one"], key="reward_margin")
    found = density_of(scoring[0].ordered, scoring[1].ordered)
    assert found is not None
    for figure in (
        histogram_figure(scoring, mode=mode, log=False),
        ecdf_figure([*scoring, of_signal], mode=mode),
        against_figure(found, [], (scoring[0].axis, of_signal.axis), mode=mode),
    ):
        titles = [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
        assert all(titles), titles
        assert any("no unit" in title for title in titles)
    assert of_signal.axis == "implicit-reward margin (reward units)"
    rows = ridges_figure({2: scoring[0], 3: scoring[1]}, 3, mode=mode)
    assert rows.layout.xaxis.title.text == "score (no unit)"


def test_rows_over_rounds_tell_the_pool_the_answered_and_the_picks_apart():
    panel = panel_of(sets_of()["one"], answered=("x001", "x002"))
    figure = ridges_figure({2: panel, 3: panel}, 3, mode="light", with_ticks=True)
    known = {trace.name: list(trace.x) for trace in figure.data if trace.mode == "markers"}
    assert known["round 3, picked"] == panel.picked.tolist()
    assert known["round 2, already answered"] == sorted(panel.answered)
    assert len([trace for trace in figure.data if trace.fill == "toself"]) == 2


def test_a_density_counts_what_a_loop_counts_and_the_picks_lie_on_top():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=300), rng.integers(0, 4, 300).astype(float)
    found = density_of(x, y)
    assert found is not None
    slow = np.zeros_like(found.counts)
    for a, b in zip(x, y, strict=True):
        column = max(n for n, edge in enumerate(found.x_edges[:-1]) if a >= edge)
        row = max(n for n, edge in enumerate(found.y_edges[:-1]) if b >= edge)
        slow[row, column] += 1
    assert (found.counts == slow).all()
    assert found.rho.n == 300
    batch = Batch(StrategyRef("one", "ONE", 1), ["x1", "x2"], x[:2], y[:2])
    figure = against_figure(found, [batch], ("x", "y"), mode="light")
    assert np.nansum(np.expm1(figure.data[0].z)) == pytest.approx(300, rel=1e-4)
    assert [tuple(data) for data in figure.data[1].customdata] == [("x1",), ("x2",)]
    assert density_of(x[:2], y[:2]) is None


def test_the_cut_line_stands_at_the_fifth_highest_score():
    found = sets_of()["one"]
    figure = histogram_figure([panel_of(found)], mode="light", log=False)
    fifth = sorted(scores_in(found))[-5]
    assert figure.layout.shapes[0].x0 == pytest.approx(fifth)
    assert "5th highest score" in figure.layout.annotations[0].text
    top = histogram_figure([panel_of(sets_of()["two"])], mode="light", log=False)
    assert "lowest picked score" in top.layout.annotations[0].text
    assert not histogram_figure([panel_of(found, key="reward_margin")], mode="light", log=False).layout.shapes


def test_how_to_read_says_why_picks_lie_left_and_keeps_to_40_words():
    sets = sets_of()
    greedy = how_to_read_scores(panel_of(sets["one"], ("x001",)), ecdf=False)
    assert "1 pick left of the line" in greedy
    assert "repeated an earlier pick" in greedy
    assert "the highest scores" in how_to_read_scores(panel_of(sets["two"]), ecdf=True)
    for panel in (panel_of(sets["one"]), panel_of(sets["two"]), panel_of(sets["one"], key="reward_margin")):
        for ecdf in (True, False):
            assert len(how_to_read_scores(panel, ecdf=ecdf).split()) <= 40


def test_a_matrix_has_a_cell_for_every_two_and_names_them_when_clicked():
    refs = [found.strategy for found in sets_of().values()]
    shared = {(a.name, b.name): 5 if a == b else 2 for a in refs for b in refs}
    figure = overlap_figure(refs, shared, mode="light")
    assert [tuple(cell) for cell in figure.data[0].customdata] == [
        (a.name, b.name) for a in refs for b in refs if a != b
    ]
    assert set(figure.data[0].text) == {"2"}
    found = {(a.name, b.name): Spearman(None, 2) for a in refs for b in refs if a != b}
    assert set(correlation_figure(refs, found, mode="dark").data[0].text) == {"–"}


# ---- the words of a choice -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "choice",
    [
        Choice("picks", "one"),
        Choice("range", "one", low=-0.5, high=1.25),
        Choice("range", "two", low=-1e-7, high=3e9),
        Choice("range", "two", low=0.1 + 0.2, high=float(np.float32(0.7))),
        Choice("range", "one", low=-0.5, high=1.25, key="reward_margin"),
        Choice("shared", "one", "two"),
        Choice("both", "two", "one"),
    ],
)
def test_a_choice_survives_the_link(choice):
    assert read_choice(str(choice), sets_of(), "one") == choice


@pytest.mark.parametrize(
    "text",
    ["gone 1 to 2", "one", "one 1 to", "one x to y", "one & gone", "<b>", "one 1 to 2 3", "two@reward_margin 0 to 1"],
)
def test_words_that_say_nothing_of_this_round_are_none(text):
    assert read_choice(text, sets_of(), "one") is None


def test_a_brushed_box_names_its_panel_and_a_clicked_cell_its_strategies():
    box = {"box": [{"xref": "x2", "yref": "y2", "x": [0.5, -0.25], "y": [0, 1]}], "points": []}
    assert brushed(box, ["one", "two"]) == "two -0.25 to 0.5"
    long = {"box": [{"xref": "x", "x": [2_500_000.123456, 2_500_002.987654]}], "points": []}
    assert brushed(long, ["one"]) == "one 2500000.123 to 2500002.988"
    assert brushed({"box": [], "points": []}, ["one"]) == ""


def test_a_saved_selection_is_read_where_its_pairs_are_candidates():
    sets = sets_of()
    kept = {"l0a": ("x003", "x001", "gone")}
    choice = read_choice("selection l0a", sets, "one", lambda i: kept.get(i, ()))
    assert choice is not None
    assert str(choice) == "selection l0a"
    rows, n = rows_of(choice, sets)
    scores = scores_in(sets["one"])
    assert n == 2
    assert rows["pair_id"].tolist() == sorted(["x001", "x003"], key=lambda i: -scores[i])
    assert choice_title(choice, sets, 2) == ("Kept pairs", "2 pairs · 1 not candidates of this round")
    assert read_choice("selection l0b", sets, "one", lambda i: kept.get(i, ())) is None
    rows, _ = rows_of(Choice("saved", "random", "l0a", pairs=("x001",)), sets)
    assert rows["pair_id"].tolist() == ["x001"]


@pytest.mark.parametrize("start", [0.0, -28.0, 2_500_000.0])
def test_a_clicked_bar_leads_to_exactly_the_pairs_it_counts(start):
    # The hard case: every score lies on the edge between two bars, and numbers are long.
    values = [start + n for n in range(BINS + 1)]
    assert set(values) <= set(bin_edges(np.array(values)).tolist()), "or this tests nothing"
    frame = pd.DataFrame({"pair_id": [f"x{n:03}" for n in range(len(values))], "score": values})
    found = round_of("one", 1, frame, ("x001",), greedy=True)
    figure = histogram_figure([panel_of(found)], mode="light", log=False)
    bars = figure.data[0]
    read = 0
    for n, data in zip(bars.y, bars.customdata, strict=True):
        words = brushed({"box": [], "points": [{"customdata": list(data)}]}, ["one"])
        choice = read_choice(words, {"one": found}, "one")
        assert choice is not None
        rows, many = rows_of(choice, {"one": found})
        assert len(rows) == many == n, words
        read += int(n)
    assert read == len(scores_in(found))
    assert clicked({"points": [{"customdata": ["one", "two"]}]}, "shared") == "one & two"
    assert clicked({"points": []}, "both") == ""
    assert clicked_pair({"points": [{"x": 1}, {"customdata": ["x001"]}]}) == "x001"


@pytest.mark.parametrize("key", [SCORE, "reward_margin"])
def test_rows_of_a_range_are_those_a_loop_finds_highest_first(key):
    sets = sets_of()
    frame = pd.read_parquet(sets["one"].table).set_index("pair_id")
    rows, n = rows_of(Choice("range", "one", low=-0.5, high=0.5, key=key), sets)
    slow = sorted(((v, i) for i, v in frame[key].items() if -0.5 <= v <= 0.5), reverse=True)
    assert rows["pair_id"].tolist() == [i for _, i in slow]
    title = "score ONE" if key == SCORE else "implicit-reward margin ONE"
    assert rows[title].tolist() == [v for v, _ in slow]
    assert rows["percentile ONE"].tolist() == pytest.approx(percentiles(frame[key])[[i for _, i in slow]].tolist())
    assert n == len(slow)
    few, many = rows_of(Choice("range", "one", low=-0.5, high=0.5, key=key), sets, limit=3)
    assert (few["pair_id"].tolist(), many) == ([i for _, i in slow[:3]], n)


def test_rows_of_two_are_the_shared_picks_or_the_greatest_difference_first():
    sets = sets_of()
    shared, _ = rows_of(Choice("shared", "one", "two"), sets)
    assert set(shared["pair_id"]) == set(sets["one"].picks) & set(sets["two"].picks)
    both, n = rows_of(Choice("both", "one", "two"), sets)
    gaps = (both["percentile ONE"] - both["percentile TWO"]).abs()
    assert len(both) == n == 40
    assert gaps.is_monotonic_decreasing
    assert "score RANDOM" not in rows_of(Choice("shared", "random", "one"), sets)[0]
    few, many = rows_of(Choice("both", "one", "two"), sets, limit=7)
    assert (few["pair_id"].tolist(), many) == (both["pair_id"].tolist()[:7], 40)
    assert rows_of(Choice("both", "random", "one"), sets)[1] == 0


def test_a_panel_is_called_in_links_as_its_choice():
    sets = sets_of()
    for key in (SCORE, "reward_margin"):
        assert panel_of(sets["one"], key=key).name == panel_name("one", key)
