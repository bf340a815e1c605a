"""Where strategies agree: a matrix of shared picks or rank correlations, and one score or signal against another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from engine.analysis.ranks import Spearman, spearman
from engine.store.summaries import StrategyRef
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT
from workbench.charts.palette import INKS, Ink, Mode, mark_of
from workbench.wording import count, integer, number

# Ten steps each, the same as in `.streamlit/config.toml`: a chart takes plain hex values only.
SEQUENTIAL: dict[Mode, tuple[str, ...]] = {
    "light": (
        "#EEF2F8", "#D4DDED", "#BBC9E1", "#A2B5D6", "#8AA1CA", "#738CB8", "#5E75A1", "#49608A", "#354B74", "#22375E",
    ),
    "dark": (
        "#1E2533", "#28354C", "#334567", "#3E5684", "#4968A1", "#5B7CB8", "#7492C9", "#8EA8D9", "#A8BFEA", "#C3D6FA",
    ),
}  # fmt: skip
DIVERGING: dict[Mode, tuple[str, ...]] = {
    "light": (
        "#8A3A0A", "#B16134", "#D98A58", "#E9B89B", "#F6E6DC", "#DDEEEC", "#A0CCC9", "#5FABA7", "#377F7B", "#0A5552",
    ),
    "dark": (
        "#FFB58A", "#D98D5D", "#B4662F", "#74472B", "#3A2A22", "#1C3230", "#275F5B", "#2C8F8A", "#5DBAB4", "#8AE6E0",
    ),
}  # fmt: skip
GREYS: dict[Mode, tuple[str, str]] = {"light": ("#E4E6E9", "#6F757E"), "dark": ("#262A32", "#868D99")}
CELLS = 32
"""Cells along an axis of the density, about."""


def overlap_figure(
    strategies: Sequence[StrategyRef], shared: Mapping[tuple[str, str], int], *, mode: Mode, height: int = 240
) -> go.Figure:
    """Shared picks of every two strategies; `shared` holds of each with itself the size of its batch."""
    # The darkest cell is a third of the batch or more: three shared picks of sixty must not look like agreement.
    most = max([*(n for (a, b), n in shared.items() if a != b), *(n / 3 for (a, b), n in shared.items() if a == b)])
    cells = []
    for i, one in enumerate(strategies):
        for j, other in enumerate(strategies):
            n = shared[one.name, other.name]
            if i != j:
                words = f"{one.title} and {other.title} · {count(n, 'shared pick')} of {shared[one.name, one.name]}"
                cells.append((i, j, n / most if most else 0.0, integer(n), words))
    return _matrix(strategies, cells, SEQUENTIAL[mode], mode, height)


def correlation_figure(
    strategies: Sequence[StrategyRef], found: Mapping[tuple[str, str], Spearman], *, mode: Mode, height: int = 240
) -> go.Figure:
    """Spearman's rank correlation of every two strategies that have scores."""
    cells = []
    for i, one in enumerate(strategies):
        for j, other in enumerate(strategies):
            if i != j:
                rho, n = found[one.name, other.name].rho, found[one.name, other.name].n
                words = f"{one.title} and {other.title} · Spearman {number(rho, 2)} · {count(n, 'pair')} scored by both"
                share = 0.5 if rho is None else (rho + 1) / 2
                cells.append((i, j, share, number(rho, 2), words))
    return _matrix(strategies, cells, DIVERGING[mode], mode, height)


def _matrix(
    strategies: Sequence[StrategyRef],
    cells: Sequence[tuple[int, int, float, str, str]],
    scale: Sequence[str],
    mode: Mode,
    height: int,
) -> go.Figure:
    """Cells (row, column, share of the scale, text, hover) as bars: a bar can be clicked, a heat map's cell cannot."""
    ink, n = INKS[mode], len(strategies)
    steps = [min(int(share * len(scale)), len(scale) - 1) for _, _, share, _, _ in cells]
    figure = go.Figure()
    figure.add_bar(
        x=[j for _, j, _, _, _ in cells],
        y=[0.94] * len(cells),
        base=[n - 1 - i - 0.47 for i, _, _, _, _ in cells],
        width=0.94,
        marker={"color": [scale[step] for step in steps], "line": {"width": 0}},
        text=[text for _, _, _, text, _ in cells],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"size": 12, "family": FONT, "color": [_on(scale[step], ink) for step in steps]},
        constraintext="none",
        hovertext=[words for _, _, _, _, words in cells],
        hoverinfo="text",
        customdata=[[strategies[i].name, strategies[j].name] for i, j, _, _, _ in cells],
        unselected={"marker": {"opacity": 1}},
    )
    names = [s.title for s in strategies]
    words = {"size": 11, "color": ink.ink, "family": FONT}
    figure.update_xaxes(
        tickvals=list(range(n)), ticktext=names, tickfont=words, range=[-0.5, n - 0.5], showgrid=False,
        zeroline=False, fixedrange=True, tickangle=0 if n <= 4 else -30,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(n)), ticktext=names[::-1], tickfont=words, range=[-0.5, n - 0.5], showgrid=False,
        zeroline=False, fixedrange=True,
    )  # fmt: skip
    _dress(figure, ink, height)
    figure.update_layout(margin={"l": 78, "r": 8, "t": 4, "b": 40}, barmode="overlay", clickmode="event+select")
    return figure


@dataclass(frozen=True, eq=False)
class Density:
    """How many pairs lie in each cell of two quantities: `counts` (rows along y, columns along x) between the edges.

    `rho` is their rank correlation over those pairs.
    """

    counts: np.ndarray
    x_edges: np.ndarray
    y_edges: np.ndarray
    rho: Spearman


@dataclass(frozen=True, eq=False)
class Batch:
    """The picks of a strategy where both quantities are known: ids, and a value each along x and y.

    `by_hand`: what people did about each in review, "" for nothing; () where nobody did anything.
    """

    strategy: StrategyRef
    pair_ids: Sequence[str]
    x: np.ndarray
    y: np.ndarray
    by_hand: Sequence[str] = ()


def density_of(x: np.ndarray, y: np.ndarray) -> Density | None:
    """Counts over some `CELLS` cells a side that end at round numbers; None below three pairs. A row a pair, (n,)."""
    if len(x) < 3:
        return None
    axes = [round_axis([float(values.min()), float(values.max())], ticks=5) for values in (x, y)]
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=CELLS, range=[[axis.low, axis.high] for axis in axes])
    return Density(counts.T, x_edges, y_edges, spearman(x, y))


def against_figure(
    density: Density, batches: Sequence[Batch], titles: tuple[str, str], *, mode: Mode, height: int = 240
) -> go.Figure:
    """One quantity against another: pairs that have both in grey, counted, and picks in their strategy's colour on top.

    `titles` are those of the axes, with units.
    """
    ink, figure = INKS[mode], go.Figure()
    edges = (density.x_edges, density.y_edges)
    x_axis, y_axis = (round_axis([float(side[0]), float(side[-1])], ticks=5) for side in edges)
    x, y = ((side[:-1] + side[1:]) / 2 for side in edges)
    figure.add_heatmap(
        x=x,
        y=y,
        z=np.where(density.counts > 0, np.log1p(density.counts), np.nan).astype(np.float32),
        customdata=density.counts.astype(np.int32),
        colorscale=[[0, GREYS[mode][0]], [1, GREYS[mode][1]]],
        showscale=False,
        hovertemplate="%{customdata:,.0f} pairs<extra></extra>",
    )
    for batch in batches:
        mark = mark_of(batch.strategy.slot, mode)
        figure.add_scatter(
            x=batch.x,
            y=batch.y,
            mode="markers",
            marker={
                "color": mark.colour,
                "symbol": mark.marker,
                "size": 7,
                "line": _outlines(batch, ink),
            },
            customdata=[[pair_id] for pair_id in batch.pair_ids],
            text=[f" · {word} by hand" if word else "" for word in batch.by_hand] or None,
            hovertemplate=f"picked by {batch.strategy.title}{'%{text}' if any(batch.by_hand) else ''}"
            " · %{x:.3f} · %{y:.3f}<extra></extra>",
            unselected={"marker": {"opacity": 1}},
            name=f"picked by {batch.strategy.title}",
        )
    words = {"size": 11, "color": ink.muted, "family": FONT}
    for update, axis, title in ((figure.update_xaxes, x_axis, titles[0]), (figure.update_yaxes, y_axis, titles[1])):
        room = 0.02 * (axis.high - axis.low)
        update(
            title={"text": title, "font": words}, range=[axis.low - room, axis.high + room],
            tick0=axis.low, dtick=axis.step, tickformat=f".{axis.digits}f", tickfont=words, showgrid=False,
            zeroline=False, fixedrange=True,
        )  # fmt: skip
    _dress(figure, ink, height)
    figure.update_layout(margin={"l": 52, "r": 8, "t": 4, "b": 40}, clickmode="event+select")
    return figure


def _outlines(batch: Batch, ink: Ink) -> dict[str, object]:
    """A line of paper around each mark; of ink around those that people brought in or pinned."""
    if not any(batch.by_hand):
        return {"color": ink.paper, "width": 1}
    return {"color": [ink.ink if word else ink.paper for word in batch.by_hand],
            "width": [1.8 if word else 1.0 for word in batch.by_hand]}  # fmt: skip


def _dress(figure: go.Figure, ink: Ink, height: int) -> None:
    figure.update_layout(
        height=height,
        hovermode="closest",
        dragmode=False,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT},
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
    )


def _on(fill: str, ink: Ink) -> str:
    """Ink or paper, whichever stands out more from the fill."""
    return max((ink.ink, ink.paper), key=lambda colour: _contrast(fill, colour))


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
