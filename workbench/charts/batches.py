"""Batches of a dry run: matrices of shared picks and rank correlations, strips of how they differ from the pool."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.analysis.ranks import Spearman
from engine.store.summaries import StrategyRef
from workbench.charts.agreement import correlation_figure, overlap_figure
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, plain_text
from workbench.charts.palette import INKS, Mode, mark_of
from workbench.charts.scores import FAINT, POOL
from workbench.wording import between, count, number, percent

ROW = 22
"""Height of a strategy's row, in pixels."""
CROWDED = 8
"""With more strategies than these, numbers in cells are smaller."""
NAME = 21
"""Characters of a name beside a figure; the whole name stands in the legend of strategies and in the hover."""


def shared_figure(strategies: Sequence[StrategyRef], shared: Mapping[tuple[str, str], int], *, mode: Mode) -> go.Figure:
    """Shared picks of every two; `shared` holds of each with itself the size of its batch."""
    return _numbered(overlap_figure(strategies, shared, mode=mode, height=_height(strategies)), strategies)


def ranks_figure(
    strategies: Sequence[StrategyRef], found: Mapping[tuple[str, str], float | None], n: int, *, mode: Mode
) -> go.Figure:
    """A rank correlation of every two that give scores, over `n` pairs."""
    given = {pair: Spearman(value, n) for pair, value in found.items()}
    return _numbered(correlation_figure(strategies, given, mode=mode, height=_height(strategies)), strategies)


def short(name: str) -> str:
    """A name cut to what fits beside a figure."""
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def _height(strategies: Sequence[StrategyRef]) -> int:
    return max(150, 34 + ROW * len(strategies))


def _numbered(figure: go.Figure, strategies: Sequence[StrategyRef]) -> go.Figure:
    """Rows by number and name, columns by number: twelve names across do not fit."""
    places = [s.name for s in strategies]
    names = [f"{plain_text(short(s.title))} <b>{s.name}</b>" for s in strategies]
    figure.update_xaxes(ticktext=[f"<b>{place}</b>" for place in places], tickangle=0, side="top")
    figure.update_yaxes(ticktext=names[::-1])
    if len(strategies) > CROWDED:
        figure.update_traces(textfont={"size": 10})
    figure.update_layout(margin={"l": 156, "r": 4, "t": 24, "b": 4})
    return figure


def strips_figure(strategies: Sequence[StrategyRef], measures: Sequence[Mapping[str, Any]], *, mode: Mode) -> go.Figure:
    """A column a measure, a row a strategy: where its picks lie, over a band for the pool.

    Numbers: median, middle half and 5 to 95 %. Shares: the share with its interval. Kinds: how much of the batch is of
    another kind than in the pool, beside what chance reaches.
    """
    ink, rows = INKS[mode], len(strategies)
    figure = make_subplots(rows=1, cols=len(measures), shared_yaxes=True, horizontal_spacing=0.03)
    for column, measure in enumerate(measures, start=1):
        low, high = _reach(measure)
        axis = round_axis([low, high], ticks=3)
        _ground(figure, measure, column, rows, mode)
        for place, (strategy, found) in enumerate(zip(strategies, measure["picks"], strict=True)):
            if found["n"]:
                _mark(figure, measure, found, strategy, rows - 1 - place, column, mode)
        words = {"size": 11, "color": ink.muted, "family": FONT}
        figure.update_xaxes(
            range=[axis.low, axis.high], tick0=axis.low, dtick=axis.step, tickformat=f",.{axis.digits}f",
            tickfont=words, showgrid=False, zeroline=False, fixedrange=True,
            title={"text": _unit(measure), "font": words, "standoff": 4}, row=1, col=column,
        )  # fmt: skip
        figure.add_annotation(
            text=f"<b>{plain_text(measure['title'])}</b>", x=0, xref=f"x{column if column > 1 else ''} domain",
            xanchor="left", y=1, yref="paper", yanchor="bottom", yshift=3, showarrow=False,
            font={"size": 12, "color": ink.ink, "family": FONT},
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(rows)),
        ticktext=[f"{plain_text(short(s.title))} <b>{s.name}</b>" for s in strategies][::-1],
        tickfont={"size": 11, "color": ink.ink, "family": FONT},
        range=[-0.6, rows - 0.4],
        gridcolor=ink.line,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(
        height=max(170, 76 + ROW * rows),
        margin={"l": 156, "r": 10, "t": 26, "b": 44},
        showlegend=False,
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 11, "color": ink.ink},
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
    )
    return figure


def _unit(measure: Mapping[str, Any]) -> str:
    """The axis in words."""
    if measure["kind"] == "kinds":
        return "share of another kind"
    return str(measure["unit"])


def _reach(measure: Mapping[str, Any]) -> tuple[float, float]:
    """From the lowest to the highest that is drawn."""
    whole = [found for found in (measure["pool"], *measure["picks"]) if found["n"]]
    if measure["kind"] == "number":
        values = [value for found in whole for value in found["quantiles"]]
        return min(values), max(values)
    if measure["kind"] == "kinds":
        return 0.0, max([0.1, *(value for found in whole for value in (found["distance"], found["chance"]))])
    return min(found["low"] for found in whole), max(found["high"] for found in whole)


def _ground(figure: go.Figure, measure: Mapping[str, Any], column: int, rows: int, mode: Mode) -> None:
    """The pool behind all rows: its middle half and its median, or its share; of kinds what chance reaches."""
    pool = measure["pool"]
    axes = {"xref": f"x{column if column > 1 else ''}", "yref": f"y{column if column > 1 else ''}"}
    ends = {"y0": -0.6, "y1": rows - 0.4, "layer": "below", **axes}
    if measure["kind"] == "number":
        figure.add_shape(
            type="rect", x0=pool["quantiles"][1], x1=pool["quantiles"][3], fillcolor=POOL[mode], opacity=0.35,
            line={"width": 0}, **ends,
        )  # fmt: skip
    middle = {"number": lambda: pool["quantiles"][2], "share": lambda: pool["share"]}.get(measure["kind"])
    if middle is not None:
        figure.add_shape(type="line", x0=middle(), x1=middle(), line={"color": FAINT[mode], "width": 1.4}, **ends)


def _mark(
    figure: go.Figure,
    measure: Mapping[str, Any],
    found: Mapping[str, Any],
    strategy: StrategyRef,
    y: int,
    column: int,
    mode: Mode,
) -> None:
    """One strategy in one column: a line for the spread, a mark for the middle."""
    mark, place = mark_of(strategy.slot, mode), {"row": 1, "col": column}
    head = f"{plain_text(strategy.title)} · {plain_text(measure['title'])}"

    def line(low: float, high: float, width: float) -> None:
        figure.add_scatter(x=[low, high], y=[y, y], mode="lines", line={"color": mark.colour, "width": width},
                           hoverinfo="skip", **place)  # fmt: skip

    if measure["kind"] == "number":
        ends = found["quantiles"]
        line(ends[0], ends[4], 1.2)
        line(ends[1], ends[3], 5)
        middle = ends[2]
        chance = between(found["low"], found["high"], 0)
        words = (
            f"median {number(middle, 2)}, middle half {between(ends[1], ends[3], 2)} {plain_text(measure['unit'])} · "
            f"mean percentile in the pool {number(found['percentile'], 0)} (a random batch {chance})"
        )
    elif measure["kind"] == "share":
        middle = found["share"]
        line(found["low"], found["high"], 1.2)
        words = f"{percent(middle)} ({percent(found['low'])} to {percent(found['high'])})"
    else:
        middle = found["distance"]
        line(found["chance"], found["chance"] + 1e-9, 1)
        figure.add_scatter(
            x=[found["chance"]], y=[y], mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ns-open", "size": 12, "color": FAINT[mode], "line": {"width": 1.6}}, **place,
        )  # fmt: skip
        words = f"{percent(middle)} are of another kind than in the pool; chance reaches {percent(found['chance'])}"
    edge = (mark.colour, 2.5) if mark.marker.startswith("line") else (INKS[mode].paper, 1)  # a line is all edge
    figure.add_scatter(
        x=[middle], y=[y], mode="markers",
        marker={"color": mark.colour, "symbol": mark.marker, "size": 9, "line": {"color": edge[0], "width": edge[1]}},
        hovertext=[f"{head} · {words} · {count(found['n'], 'pair')}"], hoverinfo="text", **place,
    )  # fmt: skip
