"""How unlike the two responses of each pair are: a histogram of the pool, and those chosen in it.

The picks are ticks above it, and no part of it: a chart whose figure changes is built anew in the browser, which takes
a third of the time of a step from round to round.
"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from workbench.charts.axes import Axis, round_axis
from workbench.charts.curves import FONT
from workbench.charts.palette import INKS, Mode
from workbench.charts.plane import ACCENT
from workbench.charts.scores import FAINT, POOL
from workbench.wording import count, number

BINS = 36
LEFT, RIGHT = 48, 8
"""Pixels beside the bars: what stands above them keeps to the same."""


@dataclass(frozen=True, eq=False)
class Unlike:
    """How many pairs lie in each bin: `edges` (k + 1,), `counts` (k,) of all pairs, `chosen` (k,) of those chosen."""

    edges: np.ndarray
    counts: np.ndarray
    chosen: np.ndarray | None = None


def unlike(values: np.ndarray, chosen: np.ndarray | None = None) -> Unlike:
    """The histogram of dissimilarities (n,); NaN is left out. `chosen` (n,) says which pairs are counted apart."""
    known = values[~np.isnan(values)]
    axis = round_axis([0.0, float(known.max())] if len(known) else [0.0, 1.0])
    edges = np.linspace(axis.low, axis.high, BINS + 1)
    part = None if chosen is None else np.histogram(values[chosen & ~np.isnan(values)], edges)[0]
    return Unlike(edges, np.histogram(known, edges)[0], part)


def axis_of(found: Unlike) -> Axis:
    """The axis of dissimilarity."""
    return round_axis([float(found.edges[0]), float(found.edges[-1])])


def dissimilarity_figure(
    found: Unlike,
    *,
    mode: Mode,
    brushed: tuple[float, float] | None = None,
    height: int = 216,
) -> go.Figure:
    """All pairs in grey, those chosen in the accent.

    `brushed` is the range that was dragged over. A range can be dragged along x.
    """
    ink, figure, edges = INKS[mode], go.Figure(), found.edges
    axis = axis_of(found)
    top = float(found.counts.max(initial=1))
    for name, counts, look in (
        ("pool", found.counts, {"color": POOL[mode], "line": {"color": FAINT[mode], "width": 0.6}}),
        ("chosen", found.chosen, {"color": ACCENT[mode], "line": {"width": 0}}),
    ):
        if counts is None:
            continue
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker=look,
            hovertext=[
                f"{name} {count(int(n), 'pair')} · {number(a, 2)} to {number(b, 2)}"
                for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
            ],
            hoverinfo="text",
            name=name,
            showlegend=False,
            unselected={"marker": {"opacity": 1}},
        )
    if brushed is not None:
        figure.add_vrect(x0=brushed[0], x1=brushed[1], fillcolor=ACCENT[mode], opacity=0.14,
                         line={"width": 1, "color": ACCENT[mode]})  # fmt: skip
    words = {"size": 11, "color": ink.muted, "family": FONT}
    counting = round_axis([0.0, top], ticks=3)
    figure.update_xaxes(
        title={"text": "dissimilarity of the responses, 1 − cosine (no unit)", "font": words},
        range=[axis.low, axis.high],
        tick0=axis.low,
        dtick=axis.step,
        tickformat=f".{axis.digits}f",
        tickfont=words,
        ticks="outside",  # so that the 0 of one axis does not touch the 0 of the other
        ticklen=5,
        tickcolor="rgba(0,0,0,0)",
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        title={"text": "pairs in a bin", "font": words},
        range=[0, top * 1.05],
        tickvals=[counting.step * n for n in range(int(top / counting.step) + 1)],
        tickformat=",.0f",
        tickfont=words,
        gridcolor=ink.line,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(
        height=height,
        margin={"l": LEFT, "r": RIGHT, "t": 2, "b": 40},
        bargap=0,
        barmode="overlay",
        dragmode="select",
        selectdirection="h",
        newselection={"line": {"color": ACCENT[mode], "width": 1}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 11, "color": ink.ink},
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
    )
    return figure
