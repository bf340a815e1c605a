"""A learning curve as a plotly figure."""

import html
from typing import Any

HUES = ("#767A80", "#3B6DDB", "#DB7519", "#1F7557", "#610EC3", "#896221", "#941E67", "#0E9DB9", "#5F3E28", "#779873")
"""By slot, as in the app: random is grey."""


def curve_plot(levels: Any, metric: str, held_out: str) -> Any:
    """Mean against labels bought, a line a strategy, and a band where there is an interval; `levels` of one set."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for _, part in levels.groupby("strategy", sort=False):
        slot = int(part["slot"].iloc[0])
        hue = HUES[0 if slot <= 0 else (slot - 1) % 9 + 1]
        # Plotly reads names and titles as a little HTML.
        said = {"legendgroup": part["strategy"].iloc[0], "name": html.escape(str(part["title"].iloc[0]))}
        if part["low"].notna().all():
            x, low, high = part["labels"].tolist(), part["low"].tolist(), part["high"].tolist()
            figure.add_scatter(x=x + x[::-1], y=high + low[::-1], fill="toself", fillcolor=hue, opacity=0.15,
                               line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
                               legendgroup=said["legendgroup"])  # fmt: skip
        figure.add_scatter(x=part["labels"], y=part["mean"], mode="lines+markers", line={"color": hue}, **said)
    where = f" on {html.escape(held_out)}" if held_out else ""
    figure.update_layout(
        template="simple_white",
        xaxis_title="labels bought (pairs)",
        yaxis_title=f"{html.escape(metric)}{where}, mean over seeds",
    )
    return figure
