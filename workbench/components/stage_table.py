"""What the stages of runs took, as a table: a row a stage, with its time, tokens, tokens a second and peak memory."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.store.summaries import RunSummary
from workbench.components.markup import escaped, show, table
from workbench.components.study_card import run_name
from workbench.spent_words import COLUMNS, HOW, Took, in_short, took
from workbench.wording import NOTHING

ALL = "all runs"


def stage_markup(rows: Sequence[Took]) -> str:
    """The table and how to read it; the last row is of all stages together."""
    head = [(title, n > 0) for n, title in enumerate(COLUMNS)]
    cells = [[escaped(word) for word in row.words()] for row in rows]
    cells[-1] = [f"<b>{cell}</b>" for cell in cells[-1]]
    return f"{table(head, cells)}<p><small>{escaped(HOW)}</small></p>"


def stage_drawer(costs: pd.DataFrame, runs: Sequence[RunSummary], key: str) -> None:
    """A drawer with the table of all runs of a study, or of the one that is chosen; nothing before the first stage."""
    rows = took(costs)
    if not rows:
        return
    known = in_short(rows)
    with st.expander(
        f"What the stages took{'' if known == NOTHING else f': {known}'}", icon=":material/speed:", key=f"took-{key}"
    ):
        begun = {run.id: run for run in runs if run.id in set(costs["run_id"])}
        chosen = st.selectbox(
            "Runs",
            [ALL, *begun],
            format_func=lambda run_id: run_name(begun[run_id]) if run_id in begun else ALL,
            key=f"took-of-{key}",
        )
        show(stage_markup(rows if chosen == ALL else took(costs, chosen)))
