"""The map: points in the plane, coloured by state, strategy, round or a quantity; the ground is grey, picks on top."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.store.summaries import StrategyRef
from workbench.charts.agreement import SEQUENTIAL
from workbench.charts.curves import FONT, plain_text
from workbench.charts.names import MARGINS, held, placed, span, written
from workbench.charts.palette import INKS, Ink, Mode, mark_of
from workbench.charts.rings import rings
from workbench.charts.scene import LABELLED, Marks, Scene
from workbench.charts.scores import POOL
from workbench.wording import integer, number

SPOKEN = 3_000
"""Points of a layer that are spoken for one by one at most; of larger layers the hover box says what they share."""
WIDE, HIGH = 680, 500
"""The drawn plane in pixels, about."""
LOW, AROUND = 340, 100
"""The plane's least height, and what lies around it: margins, legend and the room beyond the outermost points."""
ACCENT: dict[Mode, str] = {"light": "#2F4A7A", "dark": "#6E97E0"}


@dataclass(frozen=True, eq=False)
class Layer:
    """Name in the legend, its rows, how they are marked, and their opacity while others are selected."""

    name: str
    rows: np.ndarray
    marker: dict[str, Any]
    opacity: float
    ground: bool = False


def plane_figure(
    scene: Scene,
    *,
    colour: str,
    strategies: Sequence[StrategyRef],
    explained: Sequence[float] | None,
    mode: Mode,
) -> go.Figure:
    """`colour` is "state", "strategy", "round" or a quantity; `explained` the share of the spread along each direction.

    Both axes have one scale, so the figure is as high as its points are, not a box with empty sides.
    """
    ink, figure, height = INKS[mode], go.Figure(), _height(scene)
    layers = [layer for layer in _layers(scene, colour, strategies, mode, ink) if len(layer.rows) or layer.ground]
    ends = scene.ends or ()
    if ends:
        for layer in layers:
            _segments(figure, ends, layer, ink)
    for layer in layers:
        rows = layer.rows
        lit = {} if scene.lit is None else {"selectedpoints": np.flatnonzero(scene.lit[rows])}
        focus = {"color": ACCENT[mode], "opacity": 1} if layer.ground else {"opacity": 1}
        figure.add_scattergl(
            x=scene.x[rows],
            y=scene.y[rows],
            mode="markers",
            marker=layer.marker,
            customdata=rows.astype(np.int32),
            **_hover(scene, layer, strategies),
            name=f"{layer.name} {integer(len(rows))}",
            showlegend=bool(layer.name),
            selected={"marker": focus},
            unselected={"marker": {"opacity": layer.opacity}},
            **lit,
        )
    rings(figure, scene, ACCENT[mode], ink)
    for one in placed(scene, height):
        figure.add_annotation(
            x=one.name.x, y=one.name.y, xshift=one.aside, yshift=one.up, text=written(one.words), showarrow=False,
            font={"size": 12, "color": ink.ink, "family": FONT}, bgcolor=_thin(ink.paper), borderpad=1,
            captureevents=False,
        )  # fmt: skip
    _outline(figure, scene.outline, ACCENT[mode])
    _lay_out(figure, explained, ink, height, turned=scene.turned)
    for axis, values in zip((figure.update_xaxes, figure.update_yaxes), held(scene), strict=True):
        axis(range=span(values))  # else names at the border would push the points together
    return figure


def _height(scene: Scene) -> int:
    """In pixels, for a plane about `WIDE` wide; of all points, so that it is the same in every round."""
    across, up = (float(np.ptp(values)) if len(values) else 0.0 for values in (scene.x, scene.y))
    return AROUND + round(min(max(WIDE * up / across, LOW), HIGH) if across else HIGH)


def _layers(scene: Scene, colour: str, strategies: Sequence[StrategyRef], mode: Mode, ink: Ink) -> Iterator[Layer]:
    """From the ground up."""
    rows, marks = scene.rows, scene.marks.at(scene.rows)
    small = 3 if scene.what == "segments" else 4
    ground = {"color": POOL[mode], "size": small, "line": {"width": 0}}
    if colour in ("state", "strategy"):
        yield from _of_strategies(rows, marks, colour, strategies, mode, ink, ground)
        return
    values = marks.picked_in.astype(np.float32) if colour == "round" else scene.values
    if values is None:
        values = np.full(len(scene.x), np.nan, dtype=np.float32)
    values = values if colour == "round" else values[rows]
    known = values > 0 if colour == "round" else ~np.isnan(values)
    now = marks.by >= 0
    outlined = {"size": 9, "line": {"width": 1.4, "color": ink.ink}}
    without = "not picked so far" if colour == "round" else "without a value in this round"
    yield Layer(without, rows[~known & ~now], ground, 0.45, ground=True)
    yield Layer("grey, picked in this round", rows[~known & now], {"color": POOL[mode], **outlined}, 0.8)
    if not known.any():
        return
    steps = SEQUENTIAL[mode][2:]  # the two palest are too near the paper
    unit = "picked in round" if colour == "round" else scene.unit
    shared = {
        "colorscale": [[n / (len(steps) - 1), step] for n, step in enumerate(steps)],
        "cmin": float(values[known].min()),
        "cmax": float(values[known].max()),
    }
    bar = {
        "title": {"text": f"{plain_text(unit)}, {integer(int(known.sum()))} points", "side": "right",
                  "font": {"size": 11}},
        "thickness": 10,
        "len": 0.6,
        "outlinewidth": 0,
        "tickfont": {"size": 11, "color": ink.muted},
        **({"dtick": 1} if colour == "round" else {}),
    }  # fmt: skip
    plain = {"size": 8 if colour == "round" else 5, "line": {"width": 0}, "colorbar": bar, **shared}
    for name, part, marker, opacity in (
        ("", known & ~now, plain, 0.6),
        ("coloured, picked in this round", known & now, {**plain, "size": 10, "line": outlined["line"]}, 0.8),
    ):
        yield Layer(name, rows[part], {"color": values[part], **marker}, opacity)


def _of_strategies(
    rows: np.ndarray,
    marks: Marks,
    colour: str,
    strategies: Sequence[StrategyRef],
    mode: Mode,
    ink: Ink,
    ground: dict[str, Any],
) -> Iterator[Layer]:
    who = marks.by if colour == "state" else marks.ever_by
    rest, labelled = who < 0, marks.state == LABELLED
    hollow = {"symbol": "circle-open", "color": ink.ink, "size": 8, "line": {"width": 1.2}}
    words = "pool" if colour == "state" else "picked by none of these"
    yield Layer(words, rows[rest & ~labelled], ground, 0.45, ground=True)
    yield Layer("labelled before", rows[rest & labelled], hollow, 0.55)
    for place, strategy in enumerate(strategies):
        mark = mark_of(strategy.slot, mode)
        look = {"color": mark.colour, "symbol": mark.marker, "size": 9 if colour == "state" else 8,
                "line": {"width": 1, "color": ink.paper}}  # fmt: skip
        yield Layer(f"picked by {plain_text(strategy.title)}", rows[who == place], look, 0.8)


def _hover(scene: Scene, layer: Layer, strategies: Sequence[StrategyRef]) -> dict[str, Any]:
    """What the hover box says: of few points each, of many what they have in common; of the data only cluster words."""
    one = {"pairs": "Pair", "responses": "Response", "segments": "Pair"}[scene.what]
    if len(layer.rows) <= SPOKEN:
        return {"hovertext": _spoken(scene, layer.rows, one, strategies), "hoverinfo": "text"}
    value = " · %{marker.color:.3f}" if isinstance(layer.marker["color"], np.ndarray) else ""
    shared = plain_text(layer.name) or "scored"
    return {"hovertemplate": f"{one} no. %{{customdata}} of the map{value} · {shared}<extra></extra>"}


def _spoken(scene: Scene, rows: np.ndarray, one: str, strategies: Sequence[StrategyRef]) -> list[str]:
    titles, marks, lines = [plain_text(s.title) for s in strategies], scene.marks.at(rows), []
    values = scene.values[rows] if scene.values is not None else np.full(len(rows), np.nan)
    inside = np.full(len(rows), -1) if scene.cluster is None else scene.cluster[rows]
    clusters = {n: written(name.words) for n, name in enumerate(scene.names) if name.words}
    for n, point in enumerate(scene.ids_of(rows)):
        said = [f"{one} {plain_text(point[:9])}"]
        if not np.isnan(values[n]):
            said.append(f"{plain_text(scene.unit)} {number(float(values[n]))}")
        by, ever = int(marks.by[n]), int(marks.ever_by[n])
        if by >= 0 or ever >= 0:
            said.append(f"picked by {titles[by]}" if by >= 0 else f"picked by {titles[ever]} in an earlier round")
        elif marks.state[n] == LABELLED:
            said.append(f"labelled in round {marks.picked_in[n]}")
        if (words := clusters.get(int(inside[n]))) is not None:
            said.append(f"cluster {words}")
        lines.append(" · ".join(said))
    return lines


def _segments(figure: go.Figure, ends: tuple[np.ndarray, ...], layer: Layer, ink: Ink) -> None:
    """A line from response to response for every row, with a gap between two."""
    x1, y1, x2, y2 = (values[layer.rows] for values in ends)
    gap = np.full(len(x1), np.nan, dtype=np.float32)
    hue = layer.marker["color"]
    figure.add_scattergl(
        x=np.column_stack([x1, x2, gap]).ravel(),
        y=np.column_stack([y1, y2, gap]).ravel(),
        mode="lines",
        line={"color": ink.muted if isinstance(hue, np.ndarray) else hue, "width": 0.6 if layer.ground else 1.6},
        opacity=0.4 if layer.ground else 0.8,
        hoverinfo="skip",
        showlegend=False,
    )


def _thin(colour: str) -> str:
    """So that a mark under a name is still seen."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.6)"


def _outline(figure: go.Figure, shapes: Mapping[str, Any], colour: str) -> None:
    line = {"color": colour, "width": 1.5, "dash": "dot"}
    for shape in shapes.get("lasso", ()):
        corners = " L".join(f"{float(x):.6g},{float(y):.6g}" for x, y in zip(shape["x"], shape["y"], strict=True))
        figure.add_shape(type="path", path=f"M{corners} Z", line=line)
    for box in shapes.get("box", ()):
        (x0, x1), (y0, y1) = box["x"][:2], box["y"][:2]
        figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line=line)


def _lay_out(figure: go.Figure, explained: Sequence[float] | None, ink: Ink, height: int, *, turned: bool) -> None:
    words, axes = {"size": 11, "color": ink.muted, "family": FONT}, (figure.update_xaxes, figure.update_yaxes)
    for place, (axis, nth) in enumerate(zip(axes[::-1] if turned else axes, ("first", "second"), strict=True)):
        share = "of UMAP" if explained is None else f"{100 * explained[place]:.1f} % of the spread"
        axis(
            title={"text": f"{nth} direction, {share} (no unit)", "font": words},
            showgrid=False,
            zeroline=False,
            showline=False,
            ticks="",
            showticklabels=False,
        )
    # Bound by its domain: bound by its range, a plane that was once wider stays small when the window is made narrower.
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", scaleratio=1, constrain="domain", constraintoward="bottom")
    figure.update_layout(
        height=height,
        margin={"l": 28, "r": 8, "t": 8, "b": 58},  # and 34 pixels below the plane, under its title, the legend
        dragmode="lasso",
        hovermode="closest",
        uirevision="map",
        paper_bgcolor=ink.paper,  # the page's own, so that a saved picture has a ground
        plot_bgcolor=ink.paper,
        font={"family": FONT, "size": 11, "color": ink.ink},
        legend={
            "orientation": "h",
            "x": 0,
            "y": -34 / (height - MARGINS),
            "yanchor": "top",
            "font": {"size": 11, "color": ink.ink},
            "itemsizing": "constant",
            "bgcolor": "rgba(0,0,0,0)",
        },
        hoverlabel={"bgcolor": ink.paper, "bordercolor": ink.line, "font": {"color": ink.ink, "size": 12}},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": ink.muted, "activecolor": ink.ink},
        newselection={"line": {"color": ink.muted, "width": 1.5, "dash": "dot"}},
    )
