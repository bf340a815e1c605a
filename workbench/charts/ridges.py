"""A score or signal from round to round: a density a row, with the picks and the answered pairs as ticks below it."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from engine.store.summaries import SCORE
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT
from workbench.charts.palette import INKS, Mark, Mode, mark_of
from workbench.charts.scores import FAINT, POOL, Panel, axis_words, brushable, dress, known, ticks
from workbench.wording import count, number

GRID = 120
"""Places at which a density is drawn."""
TICKS = 200
"""Answered pairs of a row at most that get a tick; evenly spread over their order."""
OVERLAP = 1.5
"""Height of a peak in rows. Each row has its own scale: margins are all but 0 at first, and would hide the rest."""


def ridges_figure(
    rounds: Mapping[int, Panel], at: int, *, mode: Mode, height: int = 240, with_ticks: bool = False
) -> go.Figure:
    """Densities of a run's values, a row a round from the first at the top; round `at` in the strategy's colour.

    Every row is as high as the others.

    `with_ticks`: below each row the picks as ticks in the strategy's colour, answered pairs as shorter ones in ink.
    """
    first = next(iter(rounds.values()))
    ink, mark = INKS[mode], mark_of(first.found.strategy.slot, mode)
    ends = [float(value) for panel in rounds.values() for value in (panel.ordered[0], panel.ordered[-1])]
    axis = round_axis(ends, ticks=8 if with_ticks else 6)
    x = np.linspace(axis.low, axis.high, GRID)
    curves = {n: density(panel.ordered, x) for n, panel in rounds.items()}
    figure = go.Figure()
    for place, (n, y) in enumerate(curves.items()):
        base, panel = float(len(curves) - 1 - place), rounds[n]
        heights = base + OVERLAP * y / (float(y.max()) or 1.0)
        figure.add_scatter(
            x=[x[0], *x, x[-1]],
            y=[base, *heights, base],
            fill="toself",
            fillcolor=mark.tint(0.75) if n == at else Mark(POOL[mode], "solid", "circle").tint(0.75),
            line={"color": mark.colour if n == at else FAINT[mode], "width": 1},
            mode="lines",
            hoverinfo="text",
            text=f"round {n} · {count(len(panel.ordered), 'pair')} · median {number(median(panel.ordered))}",
            name=f"round {n}",
        )
        if with_ticks:
            answered = known(panel.answered)
            spread = np.linspace(0, len(answered) - 1, min(len(answered), TICKS)).round().astype(int)
            for name, values, colour, size in (
                ("already answered", np.sort(answered)[spread], ink.ink, 5),
                ("picked", known(panel.picked), mark.colour, 11),
            ):
                figure.add_scatter(
                    x=values,
                    y=np.full(len(values), base - 0.02 - 0.006 * size),
                    mode="markers",
                    marker={"symbol": "line-ns-open", "size": size, "color": colour, "line": {"width": 1.4}},
                    hovertemplate=f"round {n} · {name} · %{{x:.3f}}<extra></extra>",
                    selected={"marker": {"opacity": 1}},
                    unselected={"marker": {"opacity": 1}},
                    name=f"round {n}, {name}",
                )
    dress(figure, ink, height)
    ticks(figure, axis, ink, "score (no unit)" if first.quantity.key == SCORE else first.axis)
    figure.update_yaxes(
        title={"text": "round, each with its density", "font": axis_words(ink)}, showgrid=False, zeroline=False,
        tickvals=list(range(len(curves))), ticktext=[f"<b>{n}</b>" if n == at else f"{n}" for n in reversed(curves)],
        tickfont={"size": 11, "color": ink.ink, "family": FONT}, showticklabels=True, fixedrange=True,
        range=[-0.3 if with_ticks else -0.08, len(curves) + 0.6],
    )  # fmt: skip
    figure.update_layout(margin={"l": 46, "r": 8, "t": 4, "b": 40}, dragmode=False, hovermode="closest")
    if with_ticks:
        brushable(figure, mode)
    return figure


def median(ordered: np.ndarray) -> float:
    """The middle of values in rising order."""
    return float(np.mean(ordered[[(len(ordered) - 1) // 2, len(ordered) // 2]]))


def density(ordered: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A Gaussian kernel density at the evenly spaced places x (Silverman's width), from counts in their cells.

    `ordered` are the values in rising order, (n,); the density (len(x),) is per unit of x.
    """
    step = float(x[1] - x[0])
    edges = np.append(x - step / 2, x[-1] + step / 2)
    counts = np.diff(np.searchsorted(ordered, edges))
    quarter, most = np.interp([0.25, 0.75], np.linspace(0, 1, len(ordered)), ordered)
    deviation = float(ordered.std(dtype=np.float64))
    spread = min(deviation, (most - quarter) / 1.34) or deviation
    width = max(0.9 * spread * len(ordered) ** -0.2, step)
    kernel = np.exp(-0.5 * ((x[:, None] - x[None, :]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return np.asarray(kernel @ counts / max(len(ordered), 1))
