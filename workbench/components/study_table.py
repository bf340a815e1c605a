"""All studies, newest first."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from engine.store.summaries import StudySummary
from workbench.components.markup import heading, show
from workbench.wording import STATES, moment


def study_table(studies: Sequence[StudySummary], key: str, on_select: Callable[[], None]) -> None:
    """A row a study in the order given; `on_select` is called before the page is drawn again."""
    frame = pd.DataFrame(
        {
            "study": [s.name for s in studies],
            "state": [STATES.get(s.state, (s.state, ""))[0] for s in studies],
            "strategies": [", ".join(r.title for r in s.strategies) for s in studies],
            "seeds": [len(s.seeds) for s in studies],
            "rounds done": [round(s.rounds_done / s.rounds_total, 2) if s.rounds_total else 0.0 for s in studies],
            "labels asked": [s.labels_bought for s in studies],
            "last change": [moment(s.updated or s.created) for s in studies],
        }
    )
    show(heading("All studies", f"newest first · {len(studies)}"))

    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row",
        row_height=30,
        column_config={
            "study": st.column_config.TextColumn(width="medium"),
            "strategies": st.column_config.TextColumn(width="medium"),
            "rounds done": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0),
            "labels asked": st.column_config.NumberColumn(format="localized"),
        },
        alt="All studies with state, strategies, seeds, progress and labels",
    )
