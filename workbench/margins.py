"""Margins of the probe panel and the held-out sets, each round remembered: what a round recorded never changes."""

import pandas as pd
import streamlit as st

from engine.store import probed
from engine.store.probed import Course
from engine.store.summaries import RunSummary
from workbench import cache, session


def after(run: RunSummary, number: int) -> pd.DataFrame:
    """What that round measured (`probed.margins_after`); no rows while it is not evaluated."""
    if not 0 <= number <= measured(run) or measured(run) == 0:
        return pd.DataFrame(columns=probed.COLUMNS)
    return _after(str(cache.store_folder()), run.id, number)


def measured(run: RunSummary) -> int:
    """The last round that was evaluated when this page was opened."""
    return session.held(("measured", run.id), lambda: run.rounds_done)


def course(run: RunSummary, pair_id: str) -> Course:
    """A pair's margin through the rounds, as far as they were measured when this page was opened."""
    if measured(run) == 0:
        return Course(pair_id, {})
    return _course(str(cache.store_folder()), run.id, pair_id, measured(run))


@st.cache_data(max_entries=64, show_spinner=False)
def _after(folder: str, run_id: str, number: int) -> pd.DataFrame:
    return probed.margins_after(cache.store(), run_id, number)


@st.cache_data(max_entries=256, show_spinner=False)
def _course(folder: str, run_id: str, pair_id: str, last: int) -> Course:
    frames = [_after(folder, run_id, number) for number in range(last + 1)]
    return probed.course(cache.store(), run_id, pair_id, frames)
