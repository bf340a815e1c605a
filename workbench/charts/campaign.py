"""The curve of a campaign: its one run on each set that people answered, with intervals over prompts"""

from collections.abc import Sequence

import plotly.graph_objects as go

from engine.analysis.single_run import Estimate
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, dress
from workbench.charts.palette import INKS, Mode
from workbench.charts.worth import plain
from workbench.wording import between, integer, number

HEIGHT = 280
DASHES, MARKS = ("solid", "5px,3px", "2px,2px"), ("circle", "square-open", "diamond-open")
APART = 0.006
"""Sets stand so far apart along the axis, as a part of it, that their bars do not cover each other."""


def campaign_figure(lines: Sequence[tuple[str, Sequence[tuple[int, Estimate]]]], title: str, mode: Mode) -> go.Figure:
    """A line a set of (name, (labels, level) round by round), not empty; told apart by dash, marker and its legend."""
    ink = INKS[mode]
    ends = [v for _, points in lines for _, p in points for v in (p.mean, p.low, p.high) if v is not None]
    most = max(labels for _, points in lines for labels, _ in points)
    along, words = round_axis([0.0, float(most or 1)]), {"size": 11, "color": ink.muted, "family": FONT}
    figure = go.Figure()
    dress(figure, round_axis(ends), ink, title, HEIGHT)
    for n, (name, points) in enumerate(lines):
        figure.add_scatter(
            x=[labels + n * APART * along.high for labels, _ in points], y=[p.mean for _, p in points],
            name=plain(name), mode="markers+lines", hoverinfo="text",
            marker={"color": ink.ink, "size": 8, "symbol": MARKS[n % len(MARKS)]},
            line={"color": ink.muted, "width": 1.5, "dash": DASHES[n % len(DASHES)]},
            error_y={
                "array": [(p.high if p.high is not None else p.mean) - p.mean for _, p in points],
                "arrayminus": [p.mean - (p.low if p.low is not None else p.mean) for _, p in points],
                "color": ink.ink, "thickness": 1.2, "width": 0,
            },
            hovertext=[
                f"{plain(name)} · {integer(labels)} labels · {number(p.mean)} ({between(p.low, p.high)})"
                for labels, p in points
            ],
        )  # fmt: skip
    room = 0.03 * along.high
    figure.update_xaxes(
        title={"text": "labels bought by picks (pairs)", "font": words}, tickfont=words, tick0=0, dtick=along.step,
        tickformat=",.0f", range=[-room, along.high + room],
    )  # fmt: skip
    figure.update_layout(
        margin={"l": 58, "r": 12, "t": 26, "b": 44}, showlegend=len(lines) > 1,
        legend={"orientation": "h", "x": 0, "y": 1.14, "font": words},
    )  # fmt: skip
    return figure
