"""A score or signal of a round as histogram or ECDF, a panel a strategy; pool, answered and picked apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.analysis.ranks import Cut, cut_line
from engine.store.summaries import SCORE, Quantity, RoundScores
from workbench.charts.axes import Axis, round_axis
from workbench.charts.curves import FONT
from workbench.charts.palette import INKS, Ink, Mark, Mode, mark_of
from workbench.wording import count, integer, number

POOL: dict[Mode, str] = {"light": "#C4C7CC", "dark": "#4A505B"}
FAINT: dict[Mode, str] = {"light": "#868C95", "dark": "#7E8591"}
ACCENT: dict[Mode, str] = {"light": "#2F4A7A", "dark": "#6E97E0"}
BINS = 56
"""Bars of a histogram, about: their edges are round numbers."""
POINTS = 400
"""Corners of an ECDF at most."""


@dataclass(frozen=True, eq=False)
class Panel:
    """What a panel shows: a quantity over the candidates of a round, in rising order (n,).

    `picked` and `answered` are its values of the picks (k,) and of pairs whose label was bought before; NaN where a
    pair has none. `by_hand`: pair → its value, of those that people brought in, pinned or took out in review.
    """

    found: RoundScores
    quantity: Quantity
    ordered: np.ndarray
    picked: np.ndarray
    answered: np.ndarray
    by_hand: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As links call it."""
        of = "" if self.quantity.key == SCORE else f"@{self.quantity.key}"
        return f"{self.found.strategy.name}{of}"

    @property
    def cut(self) -> Cut | None:
        """Where the batch would end if only scores counted; of a signal there is none."""
        return cut_line(self.ordered, self.picked) if self.quantity.key == SCORE else None

    @property
    def axis(self) -> str:
        """The title of the axis of its values, with unit."""
        if self.quantity.key == SCORE:
            return f"score of {self.found.strategy.title} (no unit, higher = label sooner)"
        return f"{self.quantity.title} ({self.quantity.unit or 'no unit'})"


def histogram_figure(panels: Sequence[Panel], *, mode: Mode, log: bool, height: int = 0) -> go.Figure:
    """A panel a strategy: all candidates grey, answered ones outlined, picked ones in its colour."""
    figure, ink = _panels(len(panels), mode, height), INKS[mode]
    for row, panel in enumerate(panels, start=1):
        found, mark = panel.found, mark_of(panel.found.strategy.slot, mode)
        parts = [
            ("candidates", POOL[mode], FAINT[mode], 0.6),
            ("already answered", "rgba(0,0,0,0)", ink.ink, 1.3),
            ("picked", mark.colour, ink.paper, 0.6),
        ]
        edges, *columns = bars_of(panel)
        highest = 1.0
        for (name, fill, line, width), counts in zip(parts, columns, strict=True):
            kept = counts > 0
            highest = max(highest, float(counts.max(initial=0)))
            low, high = edges[:-1][kept], edges[1:][kept]
            figure.add_bar(
                x=(low + high) / 2,
                y=counts[kept],
                width=high - low,
                marker={"color": fill, "line": {"color": line, "width": width}},
                hovertext=[
                    f"{name} · {count(int(n), 'pair')} · {panel.quantity.title} {number(a)} to {number(b)}"
                    for n, a, b in zip(counts[kept], low, high, strict=True)
                ],
                hoverinfo="text",
                # A bar holds its lower edge and not its upper one; the last holds both, as numpy counts.
                customdata=[[panel.name, a, b, "" if b == edges[-1] else "<"] for a, b in zip(low, high, strict=True)],
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
                name=f"{found.strategy.title}, {name}",
                row=row,
                col=1,
            )
        _count_axis(figure, row, highest, log, ink)
        _cut(figure, row, panel, mark, ink)
        _hands(figure, row, panel, ink)
        _value_axis(figure, row, panel, ink)
        title = "pairs in a bin (log scale)" if log else "pairs in a bin"
        figure.update_yaxes(title={"text": title, "font": axis_words(ink)}, row=row, col=1)
    figure.update_layout(
        barmode="overlay", bargap=0, dragmode=False
    )  # Streamlit hands on no click where a drag selects
    return figure


def ecdf_figure(panels: Sequence[Panel], *, mode: Mode, height: int = 0) -> go.Figure:
    """A panel a strategy: the share of pairs whose value is at most so much, of all candidates, answered and picked."""
    figure, ink = _panels(len(panels), mode, height), INKS[mode]
    for row, panel in enumerate(panels, start=1):
        found, mark = panel.found, mark_of(panel.found.strategy.slot, mode)
        for name, values, colour, width in (
            ("candidates", panel.ordered, FAINT[mode], 2.0),
            ("already answered", known(panel.answered), ink.ink, 1.2),
            ("picked", known(panel.picked), mark.colour, 2.6),
        ):
            if not len(values):
                continue
            x, y = steps_of(values)
            figure.add_scatter(
                x=x,
                y=100 * y,
                mode="lines+markers",
                line={"color": colour, "width": width, "shape": "hv"},
                marker={"size": 5, "opacity": 0, "color": colour},  # only what has marks can be selected
                selected={"marker": {"opacity": 0}},
                unselected={"marker": {"opacity": 0}},
                hovertemplate=f"{name} · %{{y:.1f}} % have at most %{{x:.3f}}<extra></extra>",
                name=f"{found.strategy.title}, {name}",
                row=row,
                col=1,
            )
        _cut(figure, row, panel, mark, ink)
        _hands(figure, row, panel, ink)
        _value_axis(figure, row, panel, ink)
        figure.update_yaxes(
            title={"text": "pairs, % of each kind", "font": axis_words(ink)}, range=[-1, 101], dtick=25, row=row, col=1
        )
    return figure


def how_to_read_scores(panel: Panel, *, ecdf: bool) -> str:
    """The caption under the main chart, at most 40 words; picks left of the line are the first question."""
    cut = panel.cut
    mark = "A line says which share of pairs has at most so much." if ecdf else "A bar counts pairs."
    if panel.quantity.key != SCORE:
        why = "In colour are the picks: where they crowd, the strategy goes for such pairs."
    elif cut is not None and cut.left and panel.found.greedy and not panel.found.by_hand:
        why = f"{count(cut.left, 'pick')} left of the line: a higher one would have repeated an earlier pick."
    elif cut is not None and cut.left:
        why = f"{count(cut.left, 'pick')} left of the line: the batch is not only the highest scores."
    else:
        why = "Right of the line are the picks: the highest scores."
    outline = (
        f" {'Thin line' if ecdf else 'Outlined'}: a run of this seed bought the label." if len(panel.answered) else ""
    )
    act = "Drag over it to read the pairs." if ecdf else "Click a bar for its pairs; Box Select takes a range."
    return f"{mark} {why}{outline} {act}"


def known(values: np.ndarray) -> np.ndarray:
    """Those that are there."""
    return values[~np.isnan(values)]


def bars_of(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the bars (m + 1,), and how many candidates, answered and picked pairs each of them counts, (m,)."""
    edges = bin_edges(panel.ordered)
    answered, picked = counted(known(panel.answered), edges), counted(known(panel.picked), edges)
    return edges, counted(panel.ordered, edges), answered, picked


def counted(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many of these values lie from each edge up to the next; the last bin holds both its ends."""
    ordered = np.sort(values, kind="stable")  # a pool's values are in order already, and then this is one pass
    below = np.searchsorted(ordered, edges[:-1], "left")
    return np.diff(np.append(below, np.searchsorted(ordered, edges[-1], "right")))


def bin_edges(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Edges at round numbers that hold all the values."""
    axis = round_axis([float(values.min()), float(values.max())], ticks=bins)
    n = max(1, round((axis.high - axis.low) / axis.step))
    edges = np.array([float(f"{edge:.12g}") for edge in axis.low + axis.step * np.arange(n + 1)])  # as links say them
    edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    return edges


def steps_of(values: np.ndarray, corners: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """x and share ≤ x at `corners` places at most, both ends among them."""
    ordered = np.sort(values.astype(float))
    places = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), corners)).round().astype(int))
    return ordered[places], (places + 1) / len(ordered)


def _panels(n: int, mode: Mode, height: int) -> go.Figure:
    ink = INKS[mode]
    tall = height or (280 if n == 1 else 205 * n)
    figure = make_subplots(rows=n, cols=1, vertical_spacing=0.0 if n == 1 else min(92 / tall, 0.9 / n))
    dress(figure, ink, tall)
    figure.update_yaxes(gridcolor=ink.line, zeroline=False, fixedrange=True, tickfont=axis_words(ink))
    figure.update_layout(margin={"l": 58, "r": 16, "t": 20, "b": 44})
    brushable(figure, mode)
    return figure


def brushable(figure: go.Figure, mode: Mode) -> None:
    """A drag along x takes a range."""
    figure.update_layout(
        dragmode="select",
        selectdirection="h",
        newselection={"line": {"color": ACCENT[mode], "width": 1}},
        activeselection={"fillcolor": ACCENT[mode], "opacity": 0.16},
        margin={"r": 38},  # beside the plot, not on it, stand the buttons
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": FAINT[mode], "activecolor": ACCENT[mode]},
    )


def dress(figure: go.Figure, ink: Ink, height: int) -> None:
    """What all these charts share: no box, no legend, our type."""
    figure.update_layout(
        height=height,
        hovermode="closest",
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT},
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
    )


def axis_words(ink: Ink) -> dict[str, object]:
    """The type of an axis."""
    return {"size": 11, "color": ink.muted, "family": FONT}


def ticks(figure: go.Figure, axis: Axis, ink: Ink, title: str, row: int | None = None) -> None:
    """Round numbers along x, with the title."""
    place = {} if row is None else {"row": row, "col": 1}
    figure.update_xaxes(
        title={"text": title, "font": axis_words(ink)}, range=[axis.low, axis.high], tick0=axis.low, dtick=axis.step,
        tickformat=f".{axis.digits}f", tickfont=axis_words(ink), showgrid=False, zeroline=False, fixedrange=True,
        **place,
    )  # fmt: skip


def _value_axis(figure: go.Figure, row: int, panel: Panel, ink: Ink) -> None:
    ticks(figure, _ends(panel), ink, panel.axis, row)


def _ends(panel: Panel) -> Axis:
    return round_axis([float(panel.ordered[0]), float(panel.ordered[-1])], ticks=8)


def _count_axis(figure: go.Figure, row: int, highest: float, log: bool, ink: Ink) -> None:
    if log:
        top = float(np.ceil(10 * np.log10(highest * 1.3)) / 10)
        tens = [10**n for n in range(int(top) + 1)]
        figure.update_yaxes(
            type="log", range=[float(np.log10(0.6)), top], tickvals=tens, ticktext=[integer(n) for n in tens],
            row=row, col=1,
        )  # fmt: skip
        return
    axis = round_axis([0.0, highest], ticks=4)
    figure.update_yaxes(range=[0, axis.high], tick0=0, dtick=axis.step, tickformat=",.0f", row=row, col=1)


def _cut(figure: go.Figure, row: int, panel: Panel, mark: Mark, ink: Ink) -> None:
    """The dashed line where the batch would end if only scores counted, with its value."""
    cut = panel.cut
    if cut is None:
        return
    k = len(panel.picked)
    what = f"{integer(k)}th highest score" if cut.left else "lowest picked score"
    # A shape on a log axis takes the value, an annotation its logarithm: domain coordinates fit both.
    axis, ends = "" if row == 1 else str(row), _ends(panel)
    along = (cut.value - ends.low) / (ends.high - ends.low)  # at a border its words stand on the inner side
    side = "left" if along < 0.25 else "right" if along > 0.75 else "center"
    figure.add_shape(
        type="line", x0=cut.value, x1=cut.value, y0=0, y1=1, xref=f"x{axis}", yref=f"y{axis} domain",
        line={"color": mark.colour, "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    figure.add_annotation(
        x=cut.value, y=1, xref=f"x{axis}", yref=f"y{axis} domain", showarrow=False, yanchor="bottom",
        xanchor=side, text=f"{what} <b>{number(cut.value)}</b>",
        font={"size": 12, "color": ink.ink, "family": FONT},
    )  # fmt: skip


def _hands(figure: go.Figure, row: int, panel: Panel, ink: Ink) -> None:
    """On the axis of values, where the pairs lie that people brought in or pinned (▲) and those they took out (△)."""
    axis = "" if row == 1 else str(row)
    for pair_id, value in panel.by_hand.items():
        word = panel.found.by_hand.get(pair_id)
        figure.add_annotation(
            x=value, y=0, xref=f"x{axis}", yref=f"y{axis} domain", yanchor="bottom", showarrow=False, borderpad=0,
            text="▲" if word else "△", font={"size": 14, "color": ink.ink, "family": FONT},
            hovertext=f"{word or 'taken out'} by hand · {panel.quantity.title} {number(value)}",
        )  # fmt: skip
