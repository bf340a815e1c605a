"""Charts against slow, obvious twins, and the rules of the palette."""

import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.validator_cache import ValidatorCache
from scipy import stats

from workbench.charts.axes import pushed_apart, round_axis
from workbench.charts.curves import curve_figure, value_axis
from workbench.charts.levels import last_levels, levels
from workbench.charts.metrics import KNOWN, words_of
from workbench.charts.palette import DARK, DASHES, INKS, LIGHT, MARKERS, mark_of
from workbench.charts.reading import how_to_read
from workbench.charts.strips import strip_figure
from workbench.components.markup import slot_class

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"


def frame_of(seeds: int, rounds: int = 3, strategies: tuple[str, ...] = ("random", "activedpo")) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (name, name.upper(), slot, seed, f"{name}-{seed}", number, 60 * number, 0.5 + rng.random() / 5, 500)
        for slot, name in enumerate(strategies)
        for seed in range(1, seeds + 1)
        for number in range(rounds + 1)
    ]
    columns = ["strategy", "title", "slot", "seed", "run_id", "round", "labels", "value", "n"]
    return pd.DataFrame(rows, columns=columns)


def test_levels_equal_the_textbook_interval_worked_row_by_row():
    frame = frame_of(5)
    table = levels(frame)
    assert len(table) == 2 * 4
    for row in table.itertuples():
        values = [v.value for v in frame.itertuples() if v.strategy == row.strategy and v.round == row.round]
        mean = sum(values) / 5
        spread = (sum((v - mean) ** 2 for v in values) / 4) ** 0.5
        half = stats.t.ppf(0.975, 4) * spread / 5**0.5
        assert (row.mean, row.low, row.high, row.seeds) == pytest.approx((mean, mean - half, mean + half, 5))


def test_the_last_level_is_each_strategys_own_last_round():
    frame = frame_of(3)
    frame = frame[~((frame["strategy"] == "activedpo") & (frame["round"] > 1))]
    assert [(r.strategy, r.labels) for r in last_levels(levels(frame)).itertuples()] == [
        ("random", 180),
        ("activedpo", 60),
    ]


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_give_points_and_no_band(seeds):
    figure = curve_figure(frame_of(seeds), y_title="y", mode="light", seeds=False)
    assert {trace.mode for trace in figure.data} == {"markers"}
    assert not [trace for trace in figure.data if trace.fill]


def test_three_seeds_give_a_band_every_trace_and_a_label_a_strategy():
    figure = curve_figure(frame_of(3), y_title="accuracy (share of pairs)", mode="dark", focus="activedpo")
    bands = [t for t in figure.data if t.fill == "toself"]
    thin = [t for t in figure.data if t.line.width == 0.7]
    means = [t for t in figure.data if t.mode == "lines+markers"]
    assert (len(bands), len(thin), len(means)) == (2, 6, 2)
    assert [t.line.width for t in means] == [2.1, 3.2]
    assert figure.data[-1].name == "ACTIVEDPO", "the strategy in focus is drawn last, on top"
    assert [a.text[:9] for a in figure.layout.annotations] == ["<b>RANDOM", "<b>ACTIVE"]
    assert figure.layout.yaxis.title.text == "accuracy (share of pairs)"
    assert figure.layout.xaxis.title.text == "labels bought (pairs per run)"
    assert list(figure.layout.xaxis.tickvals) == [0, 60, 120, 180]


def test_hover_speaks_the_interval_only_where_there_is_one():
    assert "3 seeds" in curve_figure(frame_of(3), y_title="y", mode="light").data[-1].hovertext[1]
    assert " to " in curve_figure(frame_of(3), y_title="y", mode="light").data[-1].hovertext[1]
    assert " to " not in curve_figure(frame_of(2), y_title="y", mode="light").data[-1].hovertext[1]


def test_a_figure_of_one_round_stands_the_strategies_side_by_side():
    frame = frame_of(3)
    figure = strip_figure(frame[frame["round"] == 3], y_title="y", mode="light")
    assert list(figure.layout.xaxis.ticktext) == ["RANDOM", "ACTIVEDPO"]
    assert [t.error_y.visible for t in figure.data if t.error_y.array] == [True, True]
    few = frame_of(2)
    assert not [t for t in strip_figure(few[few["round"] == 3], y_title="y", mode="light").data if t.error_y.visible]


def test_two_figures_share_an_axis_that_holds_both():
    low, high = frame_of(3), frame_of(3).assign(value=lambda f: f["value"] + 1)
    axis = value_axis(low, high)
    assert axis.low <= low["value"].min()
    assert axis.high >= high["value"].max()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_an_axis_holds_its_values_and_ends_at_ticks(values):
    axis = round_axis(values)
    slack = 1e-6 * axis.step
    assert axis.low - slack <= min(values)
    assert max(values) <= axis.high + slack
    steps = (axis.high - axis.low) / axis.step
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert 1 <= round(steps) <= 8
    assert float(f"{axis.step:.{axis.digits}f}") == pytest.approx(axis.step, rel=1e-9), "the ticks' digits say the step"


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12))
def test_labels_pushed_apart_keep_order_distance_and_bounds(wanted):
    placed = pushed_apart(wanted, 15, 0, 300)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    inside = [placed[i] for i in order]
    assert all(-1e-6 <= p <= 300 + 1e-6 for p in inside)
    assert all(after - before >= 15 - 1e-6 for before, after in pairwise(inside))
    far = all(abs(a - b) >= 15 for n, a in enumerate(wanted) for b in wanted[:n])
    if far:
        assert placed == pytest.approx(wanted), "labels that do not touch stay where they are"


def test_more_labels_than_fit_shrink_the_gap_and_stay_inside():
    placed = pushed_apart([10.0] * 30, 15, 0, 100)
    assert min(placed) >= -1e-9
    assert max(placed) <= 100 + 1e-9


def test_no_strategy_is_told_by_colour_alone():
    for mode, paper in (("light", "#FFFFFF"), ("dark", "#15171C")):
        marks = [mark_of(slot, mode) for slot in range(10)]
        assert len({m.colour for m in marks}) == len({m.dash for m in marks}) == 10
        assert all(_contrast(m.colour, paper) >= 3 for m in marks)
    assert mark_of(10, "light").marker == "square-open"
    assert mark_of(10, "light").colour == mark_of(1, "light").colour
    many = [mark_of(slot, "light") for slot in range(82)]
    assert len({(m.colour, m.dash) for m in many}) == len({(m.colour, m.marker) for m in many}) == 82
    assert len({slot_class(slot) for slot in range(28)}) == 28
    symbols = ValidatorCache.get_validator("scatter.marker", "symbol")
    assert all(marker in symbols.values for marker in {m.marker for m in many})
    assert len(DASHES) == len(MARKERS) == 10


def test_charts_and_theme_have_the_same_colours():
    theme = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]
    assert (tuple(theme["light"]["chartCategoricalColors"]), tuple(theme["dark"]["chartCategoricalColors"])) == (
        LIGHT,
        DARK,
    )
    for mode in ("light", "dark"):
        ink = INKS[mode]
        assert (theme[mode]["textColor"], theme[mode]["backgroundColor"], theme[mode]["borderColor"]) == (
            ink.ink,
            ink.paper,
            ink.line,
        )
        assert _contrast(ink.muted, ink.paper) >= 4.5


@pytest.mark.parametrize("name", [*KNOWN, "a_new_figure"])
@pytest.mark.parametrize(("seeds", "rounds"), [(1, 3), (3, 3), (3, 0)])
def test_how_to_read_is_short_and_says_which_way_is_better(name, seeds, rounds):
    words = words_of(name)
    text = how_to_read(levels(frame_of(seeds, rounds)), words, traces=True)
    assert len(text.split()) <= 40
    assert f"{words.better.capitalize()} is better" in text or not words.better
    assert ("band its 95 % interval" in text) == (seeds >= 3 and rounds > 0)


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    a, b = sorted((light(one), light(other)), reverse=True)
    return (a + 0.05) / (b + 0.05)
