"""The figures of one metric, a held-out set beside the other, how to read them, and the numbers behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from engine.arms import second
from engine.evidence import Arms
from engine.store.summaries import MetricRef
from workbench.charts.curves import curve_figure, value_axis
from workbench.charts.levels import last_levels, levels
from workbench.charts.luck import WORDS as LUCK_WORDS
from workbench.charts.luck import parted
from workbench.charts.metrics import covers, set_title, words_of
from workbench.charts.palette import Mode
from workbench.charts.paper import on_paper
from workbench.charts.reading import ONE_RUN_WORDS, ONLY_CONTROLS, how_to_read
from workbench.charts.strips import figure_of
from workbench.components.curve_controls import Shown
from workbench.components.levels_table import levels_table, levels_words, rounds_markup
from workbench.components.markup import escaped, heading, show

FAR = 1.5
"""A control that has bought more than this many times the others' labels is a level to hold against, not a curve."""


@dataclass(frozen=True, eq=False)
class Curves:
    """What is drawn of one metric: held-out set → its rows with their place x, and → levels across the figure."""

    metric: MetricRef
    frames: Mapping[str, pd.DataFrame]
    held: Mapping[str, Mapping[str, float]]
    shown: Shown
    arms: Arms
    focus: str = ""
    one_run: bool = False

    @property
    def again(self) -> Mapping[str, str]:
        """Twin → its second arm."""
        return self.arms.again

    def table(self, split: str) -> pd.DataFrame:
        """Means and intervals, without the second arms."""
        return levels(parted(self.frames[split], self.again)[0])

    @property
    def reading(self) -> str:
        """How to read the figures."""
        if self.one_run:
            return ONE_RUN_WORDS
        tables = pd.concat([self.table(split) for split in self.frames])
        luck = any(len(parted(frame, self.again)[1]) for frame in self.frames.values())
        words = how_to_read(tables, words_of(self.metric.name), traces=self.shown.traces)
        alone = set(tables["strategy"]) <= self.arms.controls
        return words + (f" {LUCK_WORDS}" if luck else "") + (f" {ONLY_CONTROLS}" if alone else "")

    def drawn(self) -> dict[str, Any]:
        """What the figures of all sets share: one y axis, the strategy in focus, what is drawn."""
        traces, levels_held = self.shown.traces, [level for held in self.held.values() for level in held.values()]
        axis = value_axis(*self.frames.values(), seeds=traces, again=self.again, held=levels_held)
        title = f"{words_of(self.metric.name).title} ({self.metric.unit or 'no unit'})"
        return {
            "axis": axis, "y_title": title, "seeds": traces, "again": self.again, "focus": self.focus,
            "across": self.shown.across,
        }  # fmt: skip


def curves_of(
    metric: MetricRef, frames: Mapping[str, pd.DataFrame], spent: pd.DataFrame, shown: Shown, arms: Arms, focus: str,
    *, one_run: bool = False,
) -> Curves:  # fmt: skip
    """`frames` as `queries.curve` gives them; `spent` has the seconds of every run and round.

    `one_run`: it is a campaign, which never has another seed.
    """
    placed, held = {}, {}
    for split, frame in frames.items():
        control = frame["strategy"].isin(arms.controls)
        others, far = frame[~control], pd.DataFrame()
        if others.empty:  # a control beside nothing is still something to look at
            others = frame
        elif shown.controls:
            most = frame.groupby("strategy")["labels"].transform("max")
            beyond = control & (most > FAR * others["labels"].max())
            others, far = frame[~beyond], frame[beyond]
        held[split] = {row.title: float(row.mean) for row in last_levels(levels(far)).itertuples()} if len(far) else {}
        placed[split] = shown.across.along(others, spent)
    return Curves(metric, {k: frame for k, frame in placed.items() if len(frame)}, held, shown, arms, focus, one_run)


def curve_figures(curves: Curves, mode: Mode) -> None:
    """The figures side by side, how to read them, and the numbers behind them."""
    words, drawn = words_of(curves.metric.name), curves.drawn()
    columns = st.columns(len(curves.frames) if len(curves.frames) > 1 else [60, 40], gap="medium")
    for column, (split, frame) in zip(columns, curves.frames.items(), strict=False):
        with column:
            show(heading(words.heading, covers(words, split, frame)))
            st.plotly_chart(
                figure_of(frame, mode=mode, held=curves.held[split], **drawn),
                key=f"curve-{curves.metric.name}-{split}",
                config={"displayModeBar": False},
                alt=f"{words.title} against {curves.shown.across.title}, {set_title(split)}; "
                f"{levels_words(curves.table(split))}",
            )
    show(f"<small><b>How to read this.</b> {escaped(curves.reading)}</small>")
    n = len(curves.frames)
    for column, split in zip(columns[-1:] if n == 1 else st.columns(n, gap="medium"), curves.frames, strict=True):
        with column:
            show(heading("Last level of each strategy", set_title(split)))
            levels_table(curves.table(split), curves.metric.unit or "no unit")
            show(rounds_markup(curves.table(split), curves.metric.unit or "no unit"))


def papers(curves: Curves, stamp: list[str]) -> dict[str, Any]:
    """The same figures for paper: held-out set → figure."""
    words, drawn = words_of(curves.metric.name), curves.drawn()
    return {
        split: on_paper(figure_of(frame, mode="light", held=curves.held[split], **drawn), words.heading,
                        [covers(words, split, frame), *stamp, curves.reading])
        for split, frame in curves.frames.items()
    }  # fmt: skip


@st.cache_resource(max_entries=32, show_spinner=False)
def small_figure(frame: pd.DataFrame, y_title: str, mode: Mode) -> Any:
    """Made anew when a round is done, not with every word of a worker: it costs more than the rest of the card."""
    frame = frame[~frame["strategy"].map(second)]
    return curve_figure(frame, y_title=y_title, mode=mode, seeds=frame["seed"].nunique() < 3, bands=False, height=300)


@st.cache_data(max_entries=32, show_spinner=False)
def small_words(frame: pd.DataFrame, unit: str) -> tuple[str, str]:
    """The same in words, and as a table."""
    found = levels(frame[~frame["strategy"].map(second)])
    return levels_words(found), rounds_markup(found, unit)
