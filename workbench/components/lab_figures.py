"""The figures of a dry run with their titles: where strategies agree, and how their batches are skewed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine.store.summaries import StrategyRef
from workbench.charts.batches import ranks_figure, shared_figure, strips_figure
from workbench.charts.palette import Mode
from workbench.components.how_to_read import read_this
from workbench.components.lab_tables import how_to_read_strips, kinds_table, strips_table, title_of
from workbench.components.markup import empty, escaped, heading, show, table
from workbench.wording import count, integer, number

BARE = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "zoom2d", "pan2d", "select2d", "autoScale2d"]}
SPEARMAN, KENDALL = "Spearman", "Kendall"
COLUMNS = 4
"""Strips side by side; more go into a second row."""


def agreement(
    refs: Sequence[StrategyRef], answer: Mapping[str, Any], mode: Mode, on_two: Callable[[Mapping[str, Any]], None]
) -> None:
    """Shared picks at the left, rank correlations at the right; a click on a cell hands on what was clicked."""
    left, right = st.columns(2, gap="medium")
    with left:
        _shared(refs, answer, mode, on_two)
    with right:
        _ranks(refs, answer, mode, on_two)


def _shared(
    refs: Sequence[StrategyRef], answer: Mapping[str, Any], mode: Mode, on_two: Callable[[Mapping[str, Any]], None]
) -> None:
    picked = {str(n): len(found["picks"]) for n, found in enumerate(answer["strategies"], start=1) if found["picks"]}
    shown = [ref for ref in refs if ref.name in picked]
    with st.container(horizontal=True, vertical_alignment="center", key="head-shared"):
        show(heading("Where picks agree", f"shared picks of {integer(max(picked.values(), default=0))}"))
    if len(shown) < 2:
        empty("There is nothing to compare.", "It takes two strategies that pick.")
        return
    found = {(name, name): size for name, size in picked.items()}
    for row in answer["shared"]:
        one, other = str(row["first"] + 1), str(row["second"] + 1)
        found[one, other] = found[other, one] = row["shared"]
    figure = shared_figure(shown, found, mode=mode)
    _clickable(figure, "shared", shown, "Shared picks of every two strategies", on_two)
    usual = max(answer["shared"], key=lambda row: row["chance"])
    read_this(
        f"Two random batches of these sizes share {number(usual['chance'], 1)} on average, at most {usual['most']} in "
        f"95 % of cases (Jaccard {number(usual['jaccard_chance'], 3)}). Click a cell to read the pairs of both."
    )
    with st.expander("As a table, with Jaccard"):
        rows = [[_two(refs, r), integer(r["shared"]), number(r["jaccard"], 2)] for r in answer["shared"]]
        show(table([("two", False), ("shared", True), ("Jaccard", True)], rows))


def _two(refs: Sequence[StrategyRef], row: Mapping[str, Any]) -> str:
    """ "1 random and 2 ActiveDPO"."""
    one, other = (refs[row[side]] for side in ("first", "second"))
    return f"{escaped(one.name)} {escaped(one.title)} and {escaped(other.name)} {escaped(other.title)}"


def _ranks(
    refs: Sequence[StrategyRef], answer: Mapping[str, Any], mode: Mode, on_two: Callable[[Mapping[str, Any]], None]
) -> None:
    scored = [ref for ref, found in zip(refs, answer["strategies"], strict=True) if found["scored"]]
    n = max((row["n"] for row in answer["ranks"]), default=0)
    with st.container(horizontal=True, vertical_alignment="center", key="head-ranks"):
        show(heading("Where rankings agree", f"over {count(n, 'pair')}" if n else ""))
        which = st.segmented_control("Correlation", [SPEARMAN, KENDALL], default=SPEARMAN, key="correlation",
                                     bind="query-params", required=True, label_visibility="collapsed")  # fmt: skip
    if len(scored) < 2:
        empty("There is nothing to compare.", "It takes two strategies that give scores; random gives none.")
        return
    found: dict[tuple[str, str], float | None] = {}
    for row in answer["ranks"]:
        one, other = str(row["first"] + 1), str(row["second"] + 1)
        found[one, other] = found[other, one] = row["kendall" if which == KENDALL else "spearman"]
    figure = ranks_figure(scored, found, n, mode=mode)
    _clickable(figure, f"ranks-{which}", scored, f"{which}'s rank correlation of every two strategies", on_two)
    left = [ref.title for ref in refs if ref not in scored]
    without = f" Without scores: {', '.join(left)}." if left else ""
    read_this(
        "1: the same order; 0: none; −1: the opposite. Scores before the batch, over all pairs; –: all scores of one "
        f"are equal.{without}"
    )
    with st.expander("As a table"):
        rows = [[_two(refs, r), number(r["spearman"], 2), number(r["kendall"], 2)] for r in answer["ranks"]]
        show(table([("two", False), (SPEARMAN, True), (KENDALL, True)], rows))


def skew(refs: Sequence[StrategyRef], answer: Mapping[str, Any], mode: Mode) -> None:
    """How the picks differ from the pool, a column a measure."""
    measures = [{**measure, "title": title_of(measure)} for measure in answer["measures"]]
    show(heading("How picks differ from the pool", f"{count(answer['pool']['pairs'], 'pair')} in the pool"))
    if not measures:
        empty("Nothing is known of these pairs.", "Lengths are always known: the pool may be empty.")
        return
    for first in range(0, len(measures), COLUMNS):
        part = measures[first : first + COLUMNS]
        figure = strips_figure(refs, part, mode=mode)
        words = ", ".join(measure["title"] for measure in part)
        st.plotly_chart(figure, theme=None, key=f"skew-{first}", config=BARE, 
                        alt=f"Picks against the pool: {words}; their numbers are in the table under it")  # fmt: skip
    how_to_read_strips(measures)
    strips_table(refs, measures)
    kinds_table(refs, measures)


def _clickable(
    figure: Any, key: str, refs: Sequence[StrategyRef], words: str, on_two: Callable[[Mapping[str, Any]], None]
) -> None:
    name = f"lab-{key}-{len(refs)}"
    event = st.plotly_chart(
        figure, theme=None, key=name, on_select="rerun", selection_mode="points", config=BARE, alt=words
    )
    on_two({"chart": name, "points": event["selection"]["points"]})
