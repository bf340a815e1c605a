"""How unlike the two responses of each pair are: a histogram of the pool, those chosen in it, a tick for every pick."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from engine.store.summaries import StrategyRef
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, plain_text
from workbench.charts.palette import INKS, Mode, mark_of
from workbench.charts.plane import ACCENT
from workbench.charts.scores import FAINT, POOL
from workbench.wording import count, number

BINS = 36


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


def dissimilarity_figure(
    found: Unlike,
    picks: Sequence[tuple[StrategyRef, np.ndarray]],
    *,
    mode: Mode,
    brushed: tuple[float, float] | None = None,
    height: int = 230,
) -> go.Figure:
    """All pairs in grey, those chosen in the accent; `picks` of the round as ticks above, a row a strategy.

    `brushed` is the range that was dragged over. A range can be dragged along x.
    """
    ink, figure, edges = INKS[mode], go.Figure(), found.edges
    axis = round_axis([float(edges[0]), float(edges[-1])])
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
    rows = [(strategy, values[~np.isnan(values)]) for strategy, values in picks]
    rows = [(strategy, values) for strategy, values in rows if len(values)]
    for place, (strategy, values) in enumerate(rows):
        figure.add_scatter(
            x=values,
            y=np.full(len(values), top * (1.12 + 0.13 * place)),
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 8, "color": mark_of(strategy.slot, mode).colour,
                    "line": {"width": 1.4}},
            hovertemplate=f"picked by {plain_text(strategy.title)} · %{{x:.3f}}<extra></extra>",
            showlegend=False,
            name=f"picks of {plain_text(strategy.title)}",
            unselected={"marker": {"opacity": 1}},
        )  # fmt: skip
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
        range=[0, top * (1.1 + 0.13 * max(len(rows), 1))],
        tickvals=[counting.step * n for n in range(int(top / counting.step) + 1)],
        tickformat=",.0f",
        tickfont=words,
        gridcolor=ink.line,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(
        height=height,
        margin={"l": 48, "r": 8, "t": 6, "b": 40},
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
