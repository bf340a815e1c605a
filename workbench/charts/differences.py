"""Strategy minus its random twin: small multiples against labels, and the last round as a row a strategy."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.analysis.referee import Finding
from engine.store.summaries import StrategyRef
from workbench.charts.axes import Axis, round_axis
from workbench.charts.curves import FONT, dress, plain_text
from workbench.charts.palette import INKS, Ink, Mode, mark_of
from workbench.wording import count, integer, signed

ABREAST, ABREAST_LONG = 5, 3
"""Panels in a row at most; fewer where a title is long."""
LONG, LONGEST = 12, 22
"""Characters of a title that is long, and of the longest that is shown whole above its panel."""
PANEL, TITLE, FOOT = 150, 26, 44
"""Heights in CSS pixels: of a panel, of the title above it, of the axis below the last row."""
ROW = 34
WORDS = (
    "Above the zero line a strategy is ahead of its random twin, seed by seed. Its tint is the 95 % interval of each "
    "round by itself, a dot at the end one seed. Dashed: the smallest difference that matters."
)
LUCK_WORDS = (
    " Grey: plus and minus the distance of the second random arm from the first in that round, raw; what luck alone "
    "can do."
)
FOREST_WORDS = (
    "A thick bar is the verdict's interval, which holds for all strategies together; a thin one the percentile "
    "bootstrap, an alternative that decides nothing: it under-covers with few seeds. Dashed: the smallest difference "
    "that matters."
)


def words_for(luck: pd.DataFrame) -> str:
    """How to read the paired differences, with the luck band only where there is one."""
    return WORDS if luck.empty else WORDS + LUCK_WORDS


def paired_figure(
    paired: pd.DataFrame,
    luck: pd.DataFrame,
    ends: pd.DataFrame,
    refs: Mapping[str, StrategyRef],
    twins: Mapping[str, str],
    again: Mapping[str, str],
    smallest: float,
    mode: Mode,
    *,
    focus: str = "",
    of: str = "accuracy (share of pairs)",
) -> go.Figure:
    """A panel a strategy of `refs` that has rows, on one y axis; the frames as in `evidence.Evidence`, not empty.

    The luck band is plus and minus |second − twin| in each round, unsmoothed. `of`: what the differences are in.
    """
    ink, names = INKS[mode], [name for name in refs if name in set(paired["strategy"])]
    most = ABREAST_LONG if any(len(refs[name].title) > LONG for name in names) else ABREAST
    rows, columns = -(-len(names) // most), min(len(names), most)
    height = rows * (PANEL + TITLE) + FOOT
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, shared_xaxes=True, horizontal_spacing=0.02,
        vertical_spacing=TITLE / height * 1.3 if rows > 1 else 0,
    )  # fmt: skip
    axis = _axis(paired, luck, ends, smallest)
    dress(figure, axis, ink, "", height)
    for n, name in enumerate(names):
        place = {"row": n // columns + 1, "col": n % columns + 1}
        part, second = paired[paired["strategy"] == name], again.get(twins.get(name, ""), "")
        _ground(figure, luck[luck["strategy"] == second], part, smallest, ink, place)
        _panel(figure, part, ends[ends["strategy"] == name], refs[name], mode, place, heavy=name == focus)
    places = sorted(set(paired["labels"]))
    ticks = places if len(places) <= 2 else [places[0], places[len(places) // 2], places[-1]]
    words, reach = {"size": 11, "color": ink.muted, "family": FONT}, (places[-1] - places[0]) or 1
    figure.update_xaxes(
        tickvals=ticks, ticktext=[integer(x) for x in ticks], tickfont=words,
        range=[places[0] - 0.03 * reach, places[-1] + 0.1 * reach],
    )  # fmt: skip
    # An empty panel at the end has no ticks of its own: those above it keep theirs.
    for n in range(max(0, len(names) - columns), len(names)):
        figure.update_xaxes(showticklabels=True, row=n // columns + 1, col=n % columns + 1)
    figure.update_yaxes(zeroline=True, zerolinecolor=ink.muted)
    figure.update_layout(margin={"l": 58, "r": 12, "t": TITLE, "b": FOOT})
    figure.add_annotation(text="labels bought (pairs per run)", x=0.5, y=0, yshift=-22, **_by_paper(words, "top"))
    figure.update_yaxes(title={"text": f"difference in {of}", "font": words}, row=(rows + 1) // 2, col=1)
    return figure


def _axis(paired: pd.DataFrame, luck: pd.DataFrame, ends: pd.DataFrame, smallest: float) -> Axis:
    values = [0.0, smallest, -smallest, *luck["mean"].abs(), *-luck["mean"].abs(), *ends["value"], *paired["mean"]]
    # A band of three seeds can be many times as wide as all else: the axis holds up to four times the rest.
    reach = 4 * max(abs(v) for v in values)
    bounds = [*paired["low"].dropna(), *paired["high"].dropna()]
    return round_axis([*values, *(max(-reach, min(reach, float(v))) for v in bounds)], ticks=4)


def _ground(
    figure: go.Figure, luck: pd.DataFrame, part: pd.DataFrame, smallest: float, ink: Ink, place: dict[str, int]
) -> None:
    """What a line is held against: the luck band around zero, and ± the smallest difference that matters."""
    x = luck["labels"].tolist()
    reach = luck["mean"].abs().tolist()
    if x:
        figure.add_scatter(
            x=x + x[::-1], y=reach + [-v for v in reversed(reach)], fill="toself", fillcolor=ink.luck, mode="lines",
            line={"width": 0}, hoverinfo="skip", showlegend=False, name="luck band", **place,
        )  # fmt: skip
    ends = [float(part["labels"].min()), float(part["labels"].max())]
    for level in (-smallest, smallest):
        figure.add_scatter(
            x=ends, y=[level, level], mode="lines", line={"color": ink.muted, "width": 1, "dash": "4px,3px"},
            hoverinfo="skip", showlegend=False, name="smallest difference that matters", **place,
        )  # fmt: skip


def _panel(
    figure: go.Figure, part: pd.DataFrame, ends: pd.DataFrame, ref: StrategyRef, mode: Mode, place: dict[str, int],
    *, heavy: bool,
) -> None:  # fmt: skip
    ink, mark, title = INKS[mode], mark_of(ref.slot, mode), plain_text(ref.title)
    x, few = part["labels"].tolist(), part["seeds"].max() < 3
    if not few:
        figure.add_scatter(
            x=x + x[::-1], y=part["high"].tolist() + part["low"].tolist()[::-1], fill="toself", mode="lines",
            fillcolor=mark.tint(ink.band + 0.04), line={"width": 0}, hoverinfo="skip", showlegend=False,
            name=f"{ref.title}, 95 % interval", **place,
        )  # fmt: skip
    figure.add_scatter(
        x=x, y=part["mean"], mode="markers" if few or len(part) == 1 else "lines+markers", showlegend=False,
        line={"color": mark.colour, "width": 3.2 if heavy else 2.1, "dash": mark.dash},
        marker={"color": mark.colour, "symbol": mark.marker, "size": 5},
        hovertext=[
            f"{title} minus random · {integer(r.labels)} labels bought · {signed(r.mean)}"
            f"{'' if few else f' {_span(r.low, r.high)}'} · {count(r.seeds, 'seed')}"
            for r in part.itertuples()
        ],
        hoverinfo="text", name=ref.title, **place,
    )  # fmt: skip
    last = x[-1] + 0.06 * ((x[-1] - x[0]) or 1)
    figure.add_scatter(
        x=[last] * len(ends), y=ends["value"], mode="markers", marker={"color": mark.colour, "size": 4},
        hovertext=[f"{title}, seed {r.seed} · {signed(r.value)}" for r in ends.itertuples()], hoverinfo="text",
        showlegend=False, name=f"{ref.title}, seeds", **place,
    )  # fmt: skip
    figure.add_annotation(
        text=f"<b>{_short(ref.title)}</b> {signed(part['mean'].iloc[-1])}", x=0, y=1, yshift=TITLE - 4, showarrow=False,
        xref="x domain", yref="y domain", xanchor="left", yanchor="top",
        font={"size": 12, "color": ink.ink, "family": FONT}, **place,
    )  # fmt: skip


def _short(title: str) -> str:
    return plain_text(title if len(title) <= LONGEST else title[: LONGEST - 1] + "…")


def _by_paper(words: Mapping[str, object], yanchor: str) -> dict[str, object]:
    return {
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": words,
        "xanchor": "center",
        "yanchor": yanchor,
    }


def forest_figure(
    found: Mapping[str, Finding],
    refs: Mapping[str, StrategyRef],
    smallest: float,
    mode: Mode,
    of: str = "accuracy (share of pairs)",
) -> go.Figure:
    """A row a strategy: the verdict's difference with its interval, and the bootstrap's where there is one.

    `found` in the order of the rows, not empty.
    """
    ink, names = INKS[mode], [name for name in found if name in refs]
    figure, values = go.Figure(), [0.0, smallest, -smallest]
    for level in (-smallest, smallest):
        figure.add_vline(x=level, line={"color": ink.muted, "width": 1, "dash": "4px,3px"})
    figure.add_vline(x=0, line={"color": ink.muted, "width": 1})
    for place, name in enumerate(names):
        verdict, mark, title = found[name].verdict, mark_of(refs[name].slot, mode), plain_text(refs[name].title)
        mean, bars = verdict.difference.mean, _bars(found[name])
        for (low, high), width, drop in bars:
            figure.add_scatter(
                x=[low, high], y=[place + drop] * 2, mode="lines", opacity=0.55 if width > 2 else 1,
                line={"color": mark.colour, "width": width}, hoverinfo="skip", showlegend=False, name=refs[name].title,
            )  # fmt: skip
            values += [low, high]
        values.append(mean)
        said = f"{signed(mean)} {_span(verdict.low, verdict.high)}".strip()
        figure.add_scatter(
            x=[mean], y=[place], mode="markers", marker={"color": mark.colour, "symbol": mark.marker, "size": 10},
            hovertext=[f"{title} minus random · {said} · {verdict.word}"], hoverinfo="text", showlegend=False,
            name=refs[name].title,
        )  # fmt: skip
    height = ROW * len(names) + 60
    dress(figure, round_axis([0.0, 1.0]), ink, "", height)
    along = round_axis(values, ticks=5)
    words = {"size": 11, "color": ink.muted, "family": FONT}
    room = 0.03 * (along.high - along.low)  # half a mark, so that none is cut at the border
    places = [along.low + n * along.step for n in range(round((along.high - along.low) / along.step) + 1)]
    figure.update_yaxes(
        title=None, range=[len(names) - 0.4, -0.6], tickmode="array", tickvals=list(range(len(names))),
        ticktext=[_row_title(refs[name], found[name]) for name in names], showgrid=False, zeroline=False,
        tickfont={"size": 12, "color": ink.ink, "family": FONT}, tickformat="",
    )  # fmt: skip
    figure.update_xaxes(
        title={"text": f"difference in {of}", "font": words}, tickfont=words, tickmode="array", tickvals=places,
        ticktext=[signed(x, along.digits) if abs(x) > along.step / 2 else "0" for x in places],
        range=[along.low - room, along.high + room], zeroline=False,
    )  # fmt: skip
    figure.update_layout(margin={"l": 150, "r": 16, "t": 8, "b": 44})
    figure.update_yaxes(automargin=True)
    return figure


def _bars(finding: Finding) -> Sequence[tuple[tuple[float, float], float, float]]:
    """((low, high), width in pixels, how far below the row's middle) of each interval that there is."""
    verdict, other = finding.verdict, finding.bootstrap
    bars = []
    if verdict.low is not None and verdict.high is not None:
        bars.append(((verdict.low, verdict.high), 5.0, 0.0))
    if other is not None:
        bars.append(((float(other[0]), float(other[1])), 1.2, 0.26))
    return bars


def _row_title(ref: StrategyRef, finding: Finding) -> str:
    return f"<b>{plain_text(ref.title)}</b>  {signed(finding.verdict.difference.mean)}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"({signed(low)} to {signed(high)})"
