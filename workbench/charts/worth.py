"""Shares and their intervals as rows beside one axis; and the seconds of an answer by the length of its pair"""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from engine.analysis.labelling import ByLength
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, dress
from workbench.charts.palette import INKS, Mode
from workbench.wording import between, count, integer, number

ROW, FOOT, HEIGHT = 26, 52, 230
LONGEST = 28
"""Letters of a row's name at most: topics may be sentences."""


@dataclass(frozen=True)
class Row:
    """A name, its value with an interval (None without), and of how many pairs."""

    name: str
    value: float
    low: float | None
    high: float | None
    n: int


def rows_figure(rows: Sequence[Row], title: str, zero: float, mode: Mode) -> go.Figure:
    """A mark a row with its interval as a bar, the first row above; `zero` is where the dashed line stands."""
    ink = INKS[mode]
    ends = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
    along = round_axis([*ends, zero], ticks=4)
    places = list(range(len(rows)))[::-1]
    words = {"size": 11, "color": ink.muted, "family": FONT}
    figure = go.Figure()
    dress(figure, round_axis([0.0, 1.0]), ink, "", len(rows) * ROW + FOOT)
    figure.add_scatter(
        x=[row.value for row in rows], y=places, mode="markers", showlegend=False, hoverinfo="text",
        marker={"color": ink.ink, "size": 8},
        error_x={
            "array": [(row.high if row.high is not None else row.value) - row.value for row in rows],
            "arrayminus": [row.value - (row.low if row.low is not None else row.value) for row in rows],
            "color": ink.ink, "thickness": 1.5, "width": 0,
        },
        hovertext=[
            f"{plain(row.name)} · {number(row.value)} ({between(row.low, row.high)}) · {count(row.n, 'pair')}"
            for row in rows
        ],
    )  # fmt: skip
    figure.add_vline(x=zero, line={"color": ink.muted, "width": 1, "dash": "4px,3px"})
    room = 0.04 * (along.high - along.low)
    figure.update_xaxes(
        title={"text": title, "font": words}, tickfont=words, tick0=along.low, dtick=along.step, showgrid=True,
        gridcolor=ink.line, tickformat=f".{along.digits}f", range=[along.low - room, along.high + room],
    )  # fmt: skip
    figure.update_yaxes(
        tickmode="array", tickvals=places, ticktext=[plain(row.name) for row in rows], showgrid=False, zeroline=False,
        range=[-0.6, len(rows) - 0.4], tickfont={**words, "color": ink.ink},
    )  # fmt: skip
    figure.update_layout(margin={"l": 190, "r": 12, "t": 6, "b": FOOT - 6})
    return figure


def plain(name: str) -> str:
    """A name for a chart, which reads tags: short, without any."""
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;")


def seconds_figure(parts: Sequence[ByLength], mode: Mode) -> go.Figure:
    """Median seconds with quartiles against the length of both responses."""
    ink = INKS[mode]
    up = round_axis([0.0, *(part.high for part in parts)], ticks=4)
    along = round_axis([0.0, *(part.length for part in parts)], ticks=4)
    words = {"size": 11, "color": ink.muted, "family": FONT}
    figure = go.Figure()
    dress(figure, up, ink, "seconds an answer", HEIGHT)
    figure.add_scatter(
        x=[part.length for part in parts], y=[part.median for part in parts], mode="markers+lines", showlegend=False,
        marker={"color": ink.ink, "size": 8}, line={"color": ink.muted, "width": 1}, hoverinfo="text",
        error_y={
            "array": [part.high - part.median for part in parts],
            "arrayminus": [part.median - part.low for part in parts],
            "color": ink.ink, "thickness": 1.5, "width": 0,
        },
        hovertext=[
            f"about {integer(part.length)} characters · median {number(part.median, 1)} s, half within "
            f"{between(part.low, part.high, 1)} · {count(part.n, 'answer')}"
            for part in parts
        ],
    )  # fmt: skip
    room = 0.03 * along.high
    figure.update_xaxes(
        title={"text": "characters of both responses", "font": words}, tickfont=words, tick0=0, dtick=along.step,
        tickformat=",.0f", range=[-room, along.high + room],
    )  # fmt: skip
    figure.update_layout(margin={"l": 58, "r": 12, "t": 8, "b": 44})
    return figure
