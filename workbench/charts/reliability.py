"""Reliability: of pairs with about the same margin, how many labels disagreed, beside what the margin promised."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.analysis.certainty import Certainty
from workbench.charts.axes import round_axis
from workbench.charts.curves import FONT, dress
from workbench.charts.palette import INKS, Mode, mark_of
from workbench.wording import between, count, number

ABREAST, PANEL, TITLE, FOOT = 6, 150, 26, 44
WORDS = (
    "A mark is a fifth of the round's labelled picks, its bar a 95 % interval (Wilson). The dashed line is what the "
    "margin promised, σ(−|margin|): marks above it are overconfident. Picks are no sample of the pool."
)


def reliability_figure(rounds: list[tuple[int, Certainty]], slot: int, mode: Mode) -> go.Figure:
    """A panel a round, all on one pair of axes; at least one round has bins."""
    ink, mark = INKS[mode], mark_of(slot, mode)
    shown = [(name, found) for name, found in rounds if found.bins]
    columns = min(len(shown), ABREAST)
    rows = -(-len(shown) // columns)
    height = rows * (PANEL + TITLE) + FOOT
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, horizontal_spacing=0.02,
        vertical_spacing=0.3 / rows if rows > 1 else 0,
    )  # fmt: skip
    far = max(part.score for _, found in shown for part in found.bins)
    along = round_axis([0.0, far], ticks=2)
    promised = np.linspace(0, along.high, 60)
    words = {"size": 11, "color": ink.muted, "family": FONT}
    dress(figure, round_axis([0.0, 1.0], ticks=4), ink, "", height)
    for n, (name, found) in enumerate(shown):
        place = {"row": n // columns + 1, "col": n % columns + 1}
        figure.add_scatter(
            x=promised, y=1 / (1 + np.exp(promised)), mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": ink.muted, "width": 1, "dash": "4px,3px"}, name="promised", **place,
        )  # fmt: skip
        shares = [part.wrong.share or 0.0 for part in found.bins]
        high = [(part.wrong.high or 0.0) - share for part, share in zip(found.bins, shares, strict=True)]
        low = [share - (part.wrong.low or 0.0) for part, share in zip(found.bins, shares, strict=True)]
        figure.add_scatter(
            x=[part.score for part in found.bins], y=shares, mode="markers", showlegend=False, name=f"round {name}",
            marker={"color": mark.colour, "symbol": mark.marker, "size": 7}, hoverinfo="text",
            error_y={"array": high, "arrayminus": low, "color": mark.colour, "thickness": 1.5, "width": 0},
            hovertext=[
                f"|margin| about {number(part.score, 2)} · {number(part.wrong.share)} of "
                f"{count(part.wrong.n, 'label')} disagree ({between(part.wrong.low, part.wrong.high)})"
                for part in found.bins
            ],
            **place,
        )  # fmt: skip
        figure.add_annotation(
            text=f"<b>round {name}</b>", x=0, y=1, yshift=TITLE - 4, showarrow=False, xref="x domain",
            yref="y domain", xanchor="left", yanchor="top", **place,
            font={"size": 12, "color": ink.ink, "family": FONT},
        )  # fmt: skip
    room = 0.03 * along.high
    figure.update_xaxes(
        tick0=0, dtick=along.step, tickformat=f".{along.digits}f", tickfont=words,
        range=[-room, along.high + room],
    )  # fmt: skip
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".2f")
    figure.update_yaxes(title={"text": "labels that disagree (share)", "font": words}, row=(rows + 1) // 2, col=1)
    figure.update_layout(margin={"l": 58, "r": 12, "t": TITLE, "b": FOOT})
    figure.add_annotation(
        text="|margin| before the label (reward units)", x=0.5, y=0, yshift=-22, xref="paper", yref="paper",
        showarrow=False, xanchor="center", yanchor="top", font=words,
    )  # fmt: skip
    return figure
