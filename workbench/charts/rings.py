"""What lies around marks of the map: rings of a saved selection, and what people did to the batch in review."""

import numpy as np
import plotly.graph_objects as go

from workbench.charts.palette import Ink
from workbench.charts.scene import Scene
from workbench.wording import integer

HANDS = {"added": "square-open", "swapped": "diamond-open", "pinned": "hexagon-open", "taken out": "x-thin-open"}
"""What was done by hand → the shape that says so; a pair that was swapped in and pinned has both."""


def rings(figure: go.Figure, scene: Scene, accent: str, ink: Ink) -> None:
    """Over the marks, in the accent's colour the saved selection, in ink what was done by hand."""
    _ring(figure, scene, scene.ringed, "in the saved selection", {"symbol": "circle-open", "size": 13, "color": accent})
    for what, symbol in HANDS.items():
        rows = scene.hands.get(what, np.zeros(0, np.int64))
        _ring(figure, scene, rows, f"{what} by hand", {"symbol": symbol, "size": 14, "color": ink.ink})


def _ring(figure: go.Figure, scene: Scene, rows: np.ndarray, name: str, marker: dict[str, object]) -> None:
    if not len(rows):
        return
    figure.add_scattergl(
        x=scene.x[rows],
        y=scene.y[rows],
        mode="markers",
        marker={**marker, "line": {"width": 1.6}},
        customdata=rows.astype(np.int32),
        hoverinfo="skip",
        name=f"{name} {integer(len(rows))}",
    )
