"""Every answer as a row: who, when, what was shown first, under which guideline, and what it corrects; to take away"""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from workbench.components.markup import empty, heading, show
from workbench.wording import ANSWERS, count, integer

SHOWN = 500
"""Rows on the page, the newest; all are in the files."""
COLUMNS = (
    "label", "at", "labeller", "answer", "kind", "strategy", "round", "shown_first", "seconds", "guideline", "corrects",
    "corrected_by", "stands", "pair_id",
)  # fmt: skip
NONE = ("No answer was given yet.", "Every answer is a row here, with who gave it and when; nothing is ever deleted.")


def trace_table(rows: pd.DataFrame, name: str, files: Callable[[str], bytes]) -> None:
    """The newest rows, and all of them as CSV or JSON lines. `rows` are as they may be shown: names or numbers."""
    show(heading("Every answer", count(len(rows), "row") if len(rows) else ""))
    if rows.empty:
        empty(*NONE)
        return
    frame = rows.tail(SHOWN)[::-1][list(COLUMNS)]
    frame = frame.assign(answer=[ANSWERS.get(a, a) for a in frame["answer"]])
    for whole in ("guideline", "corrects", "corrected_by"):
        frame[whole] = ["" if pd.isna(n) else integer(n) for n in frame[whole]]
    frame = frame.rename(columns=lambda title: title.replace("_", " "))
    st.dataframe(
        frame, key="trace", hide_index=True, row_height=30, height=min(len(frame), 12) * 30 + 38, placeholder="",
        alt="Answers with labeller, time, side shown first, guideline and corrections, the newest first",
        column_config={
            "at": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", help="in UTC"),
            "seconds": st.column_config.NumberColumn(format="%.1f"),
        },
    )  # fmt: skip
    if len(rows) > SHOWN:
        show(f"<small>The newest {integer(SHOWN)} of {integer(len(rows))} rows.</small>")
    with st.container(horizontal=True):
        for kind, mime in (("csv", "text/csv"), ("jsonl", "application/jsonl")):
            st.download_button(
                f"All rows, {kind.upper()}", partial(files, kind), f"{name}-answers.{kind}", mime,
                icon=":material/download:", on_click="ignore", key=f"trace-{kind}",
            )  # fmt: skip
