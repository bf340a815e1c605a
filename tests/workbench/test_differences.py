"""Paired differences and the verdicts' intervals in pictures: what is drawn where, with one strategy and with ten."""

from collections.abc import Mapping

import plotly.graph_objects as go
import pytest

from engine.analysis.referee import findings
from engine.evidence import Arms, Evidence, differences
from engine.settings import RefereeSettings
from engine.store.summaries import StrategyRef
from tests.engine.analysis.test_referee import LEVELS
from tests.engine.analysis.test_referee import outcomes as world
from tests.workbench.test_foreign_text import read
from workbench.charts.differences import ABREAST, forest_figure, paired_figure, words_for
from workbench.components.differences_table import differences_markup

TEN = tuple(f"m{n}" for n in range(10))
AGAIN = {"random": "random:again"}


def evidence(names: tuple[str, ...] = ("one",), seeds: int = 5, second: bool = True) -> Evidence:
    levels = {"random": LEVELS, **{name: [0.5, 0.6 + 0.01 * n, 0.7, 0.75] for n, name in enumerate(names)}}
    kept = world({**levels, **({"random:again": LEVELS} if second else {})}, seeds=seeds)
    arms = Arms(dict.fromkeys(names, "random"), AGAIN if second else {})
    paired, ends = differences(kept, arms.twins)
    luck, _ = differences(kept, {other: twin for twin, other in arms.again.items()})
    found = findings(kept, arms.twins)
    return Evidence("pool_like", RefereeSettings(), arms, found, paired=paired, luck=luck, ends=ends)


def refs(names: tuple[str, ...], title: str = "{}") -> dict[str, StrategyRef]:
    return {name: StrategyRef(name, title.format(name.upper()), n + 1) for n, name in enumerate(names)}


def drawn(found: Evidence, named: Mapping[str, StrategyRef], **more: str) -> go.Figure:
    arms = found.arms
    return paired_figure(
        found.paired, found.luck, found.ends, named, arms.twins, arms.again, 0.02, "light", **more
    )  # fmt: skip


def test_a_panel_holds_line_interval_seeds_luck_and_the_smallest_difference():
    found = evidence()
    figure = drawn(found, refs(("one",)), focus="one")
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["ONE"].y) == pytest.approx(found.paired["mean"].tolist())
    assert traces["ONE"].line.width == 3.2
    assert sorted(set(traces["ONE, 95 % interval"].y)) == pytest.approx(
        sorted({*found.paired["low"], *found.paired["high"]})
    )
    assert len(traces["ONE, seeds"].y) == 5
    band = found.luck["mean"].abs().tolist()
    assert list(traces["luck band"].y) == pytest.approx([*band, *[-v for v in reversed(band)]])
    levels = [trace.y[0] for trace in figure.data if trace.name.startswith("smallest")]
    assert levels == [-0.02, 0.02]
    assert "Grey" in words_for(found.luck)


def test_two_seeds_have_points_and_no_interval_and_no_second_arm_no_luck():
    figure = drawn(found := evidence(seeds=2, second=False), refs(("one",)))
    assert {trace.mode for trace in figure.data if trace.name == "ONE"} == {"markers"}
    assert not [trace for trace in figure.data if trace.fill]
    assert "Grey" not in words_for(found.luck)


def test_ten_strategies_have_a_panel_each_and_titles_that_do_not_meet():
    found = evidence(TEN)
    for title in ("{}", "a name that is far too long, {}"):
        figure = drawn(found, refs(TEN, title))
        titles = [a for a in figure.layout.annotations if a.text.startswith("<b>")]
        assert len(titles) == len({a.xref + a.yref for a in titles}) == 10
        abreast = len({figure.layout[axis].domain for axis in figure.layout if axis.startswith("xaxis")})
        longest = max(len(a.text) for a in titles) - len("<b></b>")
        assert longest * 6.6 <= 0.62 * 1150 / abreast, "a sign takes about 6.6 pixels of its panel"
        ranges = {figure.layout[axis].range for axis in figure.layout if axis.startswith("yaxis")}
        assert len(ranges) == 1, "one y axis for all"
    assert abreast < ABREAST


def test_the_forest_has_a_row_a_strategy_with_verdict_and_bootstrap():
    found = evidence(TEN)
    figure = forest_figure(found.found, refs(TEN), 0.02, "dark")
    assert len(figure.layout.yaxis.ticktext) == 10
    for name in TEN:
        verdict, other = found.found[name].verdict, found.found[name].bootstrap
        bars = [list(t.x) for t in figure.data if t.name == name.upper() and t.mode == "lines"]
        assert other is not None
        assert bars == [[verdict.low, verdict.high], list(other)]
    few = evidence(seeds=2)
    assert not [t for t in forest_figure(few.found, refs(("one",)), 0.02, "light").data if t.mode == "lines"]
    low, high = figure.layout.xaxis.range
    assert all(low <= x <= high for trace in figure.data for x in trace.x)


def test_no_title_is_markup_in_a_figure_or_a_table():
    found, hostile = evidence(), {"one": StrategyRef("one", "<a href='http://x'>one</a>", 1)}
    for figure in (drawn(found, hostile), forest_figure(found.found, hostile, 0.02, "light")):
        words = figure.to_json()
        assert "\\u003ca href" not in words.replace('"name":"\\u003ca href', "")
    assert "<a href='http://x'>one</a>" in read(differences_markup(found, hostile)).text


def test_the_table_has_every_round_and_the_luck_of_it():
    found = evidence()
    text = read(differences_markup(found, refs(("one",)))).text
    for row in found.paired.itertuples():
        assert (f"{row.mean:+.3f}".replace("-", "−") if row.mean else "0") in text
    assert "luck: random, again" in text
    assert f"± {abs(found.luck['mean'].iloc[-1]):.3f}" in text
