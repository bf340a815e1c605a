"""One pair that was chosen in a chart or table, to be read below it, and what can be done with it from there."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from engine.store.summaries import RoundScores
from workbench import browsing, reviewing
from workbench.components.pair_table import read_pair
from workbench.components.time_machine import pair_course
from workbench.session import Looking


def below(looking: Looking, sets: Mapping[str, RoundScores]) -> None:
    """The pair that is looked at, with what each strategy of `sets` made of it; a press where a batch is in review."""
    run, found = looking.run, browsing.pair_texts((looking.pair,)) if looking.pair else []
    if not found or run is None:
        return
    read_pair(found[0], browsing.standings(looking.pair, list(sets.values())), partial(pair_course, run))
    reviewing.add_here(looking, lambda: [looking.pair], 1, "add-this-pair")
    if run.strategy.name in sets and looking.pair in sets[run.strategy.name].picks:
        st.page_link(reviewing.BATCH, label="Read it on the page Batch, with why it was picked",
                     icon=":material/checklist:")  # fmt: skip
