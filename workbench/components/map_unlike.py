"""How unlike the two responses of each pair are: the histogram beside the map, and the range that is chosen on it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from engine.store.summaries import StrategyRef
from workbench.charts.dissimilarity import LEFT, RIGHT, Unlike, axis_of, dissimilarity_figure, unlike
from workbench.charts.palette import Mode
from workbench.charts.scene import Marks
from workbench.components.map_scene import Choice, Ground
from workbench.components.markup import escaped, heading, show, slot_class, table
from workbench.wording import count, integer, number

BARS = "unlike-bars"
"""The key of its chart."""
READING = (
    "Bars are all pairs, the dark part those chosen, ticks this round's picks. Further right the two responses say "
    "more different things; 1 means nothing in common. Drag a range to choose its pairs."
)
_RANGE = re.compile(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)")


def panel(
    ground: Ground,
    marks: Marks,
    choice: Choice,
    strategies: Sequence[StrategyRef],
    within: tuple[float, float] | None,
    mode: Mode,
    on_brush: Callable[[], None],
) -> None:
    """Title, the range as words that travel in the link, the bars, how to read them, and the same as a table."""
    values = ground.pairs["dissimilarity"]
    show(heading("How unlike are the two responses?", f"1 − cosine, all {count(len(values), 'pair')}"))
    text = st.text_input("Range of dissimilarity", key="unlike", bind="query-params", width=240,
                         placeholder="all pairs, or a range as 0.4 to 0.8")  # fmt: skip
    if text and within is None:
        show('<div class="note warn"><small>A range is two numbers as in 0.4 to 0.8. You see all pairs.</small></div>')
    found = unlike(values, choice.pairs)
    picks = [(strategy, values[marks.by == place]) for place, strategy in enumerate(strategies)]
    show(pick_ticks(found, picks))
    figure = dissimilarity_figure(found, mode=mode, brushed=within)
    st.plotly_chart(figure, theme=None, key=BARS, on_select=on_brush, selection_mode="box",
                    config={"displayModeBar": False}, alt="How unlike the two responses of each pair are")  # fmt: skip
    show(f"<small><b>How to read this.</b> {escaped(READING)}</small>")
    with st.expander("As a table", key="table-unlike"):
        part = np.zeros(len(found.counts), int) if found.chosen is None else found.chosen
        bars = zip(found.edges[:-1], found.edges[1:], found.counts, part, strict=True)
        rows = [[number(a, 3), number(b, 3), integer(n), integer(m)] for a, b, n, m in bars if n]
        show(table([("from", True), ("below", True), ("pairs", True), ("chosen", True)], rows))


def pick_ticks(found: Unlike, picks: Sequence[tuple[StrategyRef, np.ndarray]]) -> str:
    """A tick for every pick of the round above the bars, a row a strategy; dissimilarities (k,), NaN left out."""
    axis, rows = axis_of(found), []
    for strategy, values in picks:
        known = values[~np.isnan(values)]
        at = 100 * (known - axis.low) / (axis.high - axis.low)
        ticks = "".join(f'<i class="{slot_class(strategy.slot)}" style="left:{place:.2f}%"></i>' for place in at)
        about = escaped(f"{count(len(known), 'pick')} of {strategy.title}")
        rows.append(f'<div role="img" aria-label="{about}" title="{about}">{ticks}</div>')
    return f'<div class="ticks" style="margin:0 {RIGHT}px 0 {LEFT}px">{"".join(rows)}</div>'


def read_range(text: str) -> tuple[float, float] | None:
    """The two ends of "0.4 to 0.8", the lower first; None where the words are no range."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    low, high = sorted(float(end) for end in found.groups())
    return low, high


def range_words(selection: Mapping[str, Any]) -> str:
    """The range that was dragged over in words; "" for none."""
    for box in selection.get("box") or ():
        low, high = sorted(max(float(value), 0.0) for value in box["x"][:2])
        return f"{low:.3f} to {high:.3f}"
    return ""
