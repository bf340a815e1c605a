"""Learning curves: a figure against labels bought, a line a strategy, its 95 % band, and every seed's trace."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from workbench.charts.axes import Axis, pushed_apart, round_axis
from workbench.charts.levels import last_levels, levels
from workbench.charts.palette import INKS, Ink, Mark, Mode, mark_of
from workbench.wording import between, count, integer, number

MARGIN = {"l": 58, "r": 122, "t": 8, "b": 44}
FONT = "Source Sans, Source Sans Pro, sans-serif"


def curve_figure(
    frame: pd.DataFrame,
    *,
    y_title: str,
    mode: Mode,
    axis: Axis | None = None,
    focus: str = "",
    seeds: bool = True,
    bands: bool = True,
    height: int = 380,
) -> go.Figure:
    """The figure of one metric on one held-out set; `frame` as in `levels`, not empty.

    The strategy `focus` is drawn heavier. With fewer than three seeds there are points and no band. `axis` sets the
    y axis, so that two figures can share one.
    """
    table, ink = levels(frame), INKS[mode]
    axis = axis or value_axis(frame, bands=bands, seeds=seeds)
    figure = go.Figure()
    marks = {row.strategy: mark_of(int(row.slot), mode) for row in table.itertuples()}
    lines = [(str(name), part) for name, part in table.groupby("strategy", sort=False)]
    lines.sort(key=lambda line: line[0] == focus)  # the one in focus lies on top
    for name, part in lines:
        if bands and part["seeds"].min() >= 3:
            _band(figure, part, marks[name], ink)
    if seeds:
        for name, _ in lines:
            _traces(figure, frame[frame["strategy"] == name], marks[name])
    for name, part in lines:
        _mean(figure, part, marks[name], ink, heavy=name == focus)
    _label_ends(figure, table, marks, axis, ink, height)
    _lay_out(figure, table, axis, ink, y_title, height)
    return figure


def value_axis(*frames: pd.DataFrame, bands: bool = True, seeds: bool = True) -> Axis:
    """One y axis that holds the means of all these frames, and what else is drawn: intervals, every seed's values."""
    values: list[float] = []
    for frame in frames:
        table = levels(frame)
        values += table["mean"].tolist() + (frame["value"].tolist() if seeds else [])
        if bands:
            values += table["low"].dropna().tolist() + table["high"].dropna().tolist()
    return round_axis(values)


def _band(figure: go.Figure, part: pd.DataFrame, mark: Mark, ink: Ink) -> None:
    x, low, high = part["labels"].tolist(), part["low"].tolist(), part["high"].tolist()
    figure.add_scatter(
        x=x + x[::-1],
        y=high + low[::-1],
        fill="toself",
        fillcolor=mark.tint(ink.band),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        name=f"{part['title'].iloc[0]}, 95 % band",
    )


def _traces(figure: go.Figure, part: pd.DataFrame, mark: Mark) -> None:
    for seed, trace in part.sort_values("round").groupby("seed"):
        name = f"{trace['title'].iloc[0]}, seed {seed}"
        figure.add_scatter(
            x=trace["labels"],
            y=trace["value"],
            mode="lines" if len(trace) > 1 else "markers",
            line={"color": mark.colour, "width": 0.7},
            marker={"color": mark.colour, "size": 3},
            opacity=0.75,
            hovertemplate=f"{name} · %{{x:,.0f}} labels bought · %{{y:.3f}}<extra></extra>",
            showlegend=False,
            name=name,
        )


def _mean(figure: go.Figure, part: pd.DataFrame, mark: Mark, ink: Ink, *, heavy: bool) -> None:
    # The mean of one or two seeds is drawn as points: a line would promise more than they say.
    few = part["seeds"].max() < 3
    figure.add_scatter(
        x=part["labels"],
        y=part["mean"],
        mode="markers" if few or len(part) == 1 else "lines+markers",
        line={"color": mark.colour, "width": 3.2 if heavy else 2.1, "dash": mark.dash},
        marker={"color": mark.colour, "symbol": mark.marker, "size": 8 if heavy else 7, "line": {"width": 0}},
        hovertext=[spoken(row) for row in part.itertuples()],
        cliponaxis=False,
        hoverinfo="text",
        showlegend=False,
        name=str(part["title"].iloc[0]),
    )


def _label_ends(
    figure: go.Figure, table: pd.DataFrame, marks: dict[str, Mark], axis: Axis, ink: Ink, height: int
) -> None:
    """The strategy's name and last value beside its line's end, joined to it by a hairline."""
    ends = last_levels(table)
    pixels = (height - MARGIN["t"] - MARGIN["b"]) / (axis.high - axis.low)
    wanted = [(axis.high - row.mean) * pixels for row in ends.itertuples()]
    placed = pushed_apart(wanted, 15, 4, height - MARGIN["t"] - MARGIN["b"] - 4)
    right = float(table["labels"].max())
    for row, at, to in zip(ends.itertuples(), wanted, placed, strict=True):
        reach = max(right - row.labels, 0.0)
        figure.add_annotation(
            x=row.labels,
            y=row.mean,
            text=f"<b>{row.title}</b> {number(row.mean)}",
            showarrow=True,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=marks[row.strategy].colour,
            standoff=5,
            ax=18 if not reach else 10,
            ay=to - at,
            xanchor="left",
            yanchor="middle",
            align="left",
            font={"size": 12, "color": ink.ink, "family": FONT},
        )


def spoken(row: Any) -> str:
    """A row of `levels` as the words of its hover box."""
    interval = f" ({between(row.low, row.high)})" if row.seeds >= 3 else ""
    labels = f"{integer(row.labels)} labels bought"
    return f"{row.title} · {labels} · {number(row.mean)}{interval} · {count(row.seeds, 'seed')}"


def _lay_out(figure: go.Figure, table: pd.DataFrame, axis: Axis, ink: Ink, y_title: str, height: int) -> None:
    dress(figure, axis, ink, y_title, height)
    ticks = sorted({round(x) for x in table["labels"]})
    spread = (ticks[-1] - ticks[0]) or 1
    words = {"size": 11, "color": ink.muted, "family": FONT}
    figure.update_xaxes(
        title={"text": "labels bought (pairs per run)", "font": words},
        tickmode="array",
        tickvals=ticks,
        ticktext=[integer(x) for x in ticks],
        tickfont=words,
        range=[ticks[0] - 0.025 * spread, ticks[-1] + 0.02 * spread],
    )


def dress(figure: go.Figure, axis: Axis, ink: Ink, y_title: str, height: int) -> None:
    """What every chart shares: paper, the value axis with its unit, light horizontal lines only, the hover box."""
    room = 0.008 * (axis.high - axis.low)  # a line at the very end of an axis would not be drawn
    words = {"size": 11, "color": ink.muted, "family": FONT}
    figure.update_xaxes(showgrid=False, showline=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(
        title={"text": y_title, "font": words},
        range=[axis.low - room, axis.high + room],
        tick0=axis.low,
        dtick=axis.step,
        tickformat=f".{axis.digits}f",
        tickfont=words,
        gridcolor=ink.line,
        gridwidth=1,
        zeroline=axis.low < 0 < axis.high,
        zerolinecolor=ink.muted,
        fixedrange=True,
    )
    figure.update_layout(
        height=height,
        margin=MARGIN,
        hovermode="closest",
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT},
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
    )
