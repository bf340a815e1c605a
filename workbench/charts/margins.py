"""Margins through the rounds: of one pair as a line, of many before and after as a cloud about the diagonal."""

import pandas as pd
import plotly.graph_objects as go

from engine.store.probed import Course
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, dress
from workbench.charts.palette import INKS, Ink, Mode, mark_of
from workbench.charts.scores import FAINT, POOL
from workbench.wording import ANSWERS, integer, number, signed

COURSE_WORDS = (
    "A mark is the implicit reward of A minus that of B after a round's training; above 0 the policy prefers A. "
    "The dashed line is where the pair was picked. Away from 0 is surer, not righter."
)
CHANGED_WORDS = (
    "A mark is a pair: its margin before, and after. On the dashed diagonal nothing changed; outlined ones crossed 0 "
    "and prefer the other side now. Sides are arbitrary: left or right means nothing."
)


def course_figure(course: Course, rounds: int, slot: int, *, mode: Mode, height: int = 170) -> go.Figure:
    """A pair's margin after each round of 0 … `rounds` that recorded it; a dashed line where it was picked."""
    ink, mark = INKS[mode], mark_of(slot, mode)
    at, margins = list(course.margins), list(course.margins.values())
    axis = round_axis([0.0, *margins], ticks=3)
    figure = go.Figure()
    dress(figure, axis, ink, "A − B (reward units)", height)
    figure.add_hline(y=0, line={"color": ink.muted, "width": 1})
    figure.add_scatter(
        x=at, y=margins, mode="lines+markers", showlegend=False, name="margin",
        line={"color": mark.colour, "width": 2.1, "dash": mark.dash},
        marker={"color": mark.colour, "symbol": mark.marker, "size": 7}, hoverinfo="text",
        hovertext=[f"after round {n} · margin {signed(m)} · {prefers(m)}" for n, m in course.margins.items()],
    )  # fmt: skip
    if course.picked:
        figure.add_vline(x=course.picked - 0.5, line={"color": ink.muted, "width": 1.2, "dash": "dash"})
        right = course.picked <= (rounds + 1) / 2
        figure.add_annotation(
            x=course.picked - 0.5, y=1, yref="y domain", yanchor="bottom", showarrow=False,
            xanchor="left" if right else "right", text=f"picked in round {course.picked}",
            font={"size": 11, "color": ink.ink, "family": FONT},
        )  # fmt: skip
    _rounds_axis(figure, rounds, ink)
    figure.update_layout(margin={"l": 54, "r": 10, "t": 20, "b": 40})
    return figure


def changed_figure(found: pd.DataFrame, since: int, at: int, slot: int, *, mode: Mode, height: int = 330) -> go.Figure:
    """Margins after round `at` over those after round `since`; `found` is what `minds.changes` gives."""
    ink, mark = INKS[mode], mark_of(slot, mode)
    axis = round_axis([0.0, *found["before"], *found["after"]], ticks=5)
    room = 0.06 * (axis.high - axis.low)  # so that the first ticks of both axes do not meet in their corner
    ends = [axis.low - room, axis.high + room]
    figure = go.Figure()
    dress(figure, axis, ink, f"after round {at}, A − B (reward units)", height)
    figure.add_hline(y=0, line={"color": ink.muted, "width": 1})
    figure.add_vline(x=0, line={"color": ink.muted, "width": 1})
    figure.add_scatter(
        x=ends, y=ends, mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": ink.muted, "width": 1, "dash": "4px,3px"}, name="unchanged",
    )  # fmt: skip
    picked, turned = found["picked"] > 0, found["turned"]
    outline = {"color": ink.ink, "width": 1.4}
    faint = {"color": FAINT[mode], "width": 0.6}
    halo = {"color": ink.paper, "width": 0.8}
    for name, rows, marker in (
        ("same side", ~picked & ~turned, {"color": POOL[mode], "size": 6, "line": faint}),
        ("changed sides", ~picked & turned, {"color": POOL[mode], "size": 7, "line": outline}),
        ("picked, same side", picked & ~turned, {"color": mark.colour, "symbol": mark.marker, "size": 7, "line": halo}),
        ("picked, changed sides", picked & turned,
         {"color": mark.colour, "symbol": mark.marker, "size": 8, "line": outline}),
    ):  # fmt: skip
        part = found[rows]
        if len(part):
            figure.add_scatter(
                x=part["before"].astype("float32"), y=part["after"].astype("float32"), mode="markers", marker=marker,
                customdata=part[["pair_id"]], hoverinfo="text", name=f"{name} {integer(len(part))}",
                hovertext=[_spoken(row) for row in part.itertuples()],
                selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
            )  # fmt: skip
    figure.update_xaxes(
        title={"text": f"after round {since}, A − B (reward units)", "font": _words(ink)},
        range=ends, tick0=axis.low, dtick=axis.step, tickformat=f".{axis.digits}f",
        tickfont=_words(ink), showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(range=ends)
    figure.update_layout(
        margin={"l": 58, "r": 12, "t": 8, "b": 78}, showlegend=True, hovermode="closest", dragmode=False,
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top", "font": {"size": 11, "color": ink.ink},
                "itemclick": False, "itemdoubleclick": False, "bgcolor": "rgba(0,0,0,0)"},
    )  # fmt: skip
    return figure


def prefers(margin: float) -> str:
    """Which side a margin a − b prefers, in words."""
    return "neither side" if margin == 0 else f"prefers {'A' if margin > 0 else 'B'}"


def _spoken(row: object) -> str:
    pair_id, before, after = (getattr(row, name) for name in ("pair_id", "before", "after"))
    label = ANSWERS.get(str(getattr(row, "answer", "")), "no label")
    return f"Pair {pair_id[:9]} · {number(before, 2)} to {number(after, 2)} · now {prefers(after)} · {label}"


def _rounds_axis(figure: go.Figure, rounds: int, ink: Ink) -> None:
    figure.update_xaxes(
        title={"text": "policy after round", "font": _words(ink)}, range=[-0.3, rounds + 0.3], tick0=0,
        dtick=max(1, rounds // 8), tickformat="d", tickfont=_words(ink), showgrid=False, zeroline=False,
    )  # fmt: skip


def _words(ink: Ink) -> dict[str, object]:
    return {"size": 11, "color": ink.muted, "family": FONT}
