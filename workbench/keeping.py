"""The pairs of a range on Explore, kept as a selection: the same that the map keeps, and that Batch and Export read."""

from collections.abc import Mapping
from functools import partial
from typing import Literal

import streamlit as st

from engine.store.summaries import RoundScores
from workbench import asking, reviewing, session
from workbench.components.export_panel import SAVED
from workbench.components.markup import STUDIES
from workbench.components.score_choice import Choice, ids_of
from workbench.session import Looking

MAP, EXPLORE, EXPORT = (STUDIES.with_name(f"{name}.py") for name in ("map", "explore", "export"))
MOST = 100_001
"""One pair more than a selection holds: that there are too many is then said by the store."""


def buttons(looking: Looking, choice: Choice, sets: Mapping[str, RoundScores], n: int) -> None:
    """Keep the `n` pairs of this choice, or take them into a batch under review; of kept ones the way to the map."""
    if choice.kind != "picks":
        reviewing.add_here(looking, partial(ids_of, choice, sets, n), n, "add-range")
    if choice.kind == "saved":
        elsewhere(choice.second, "map")
        return
    st.button("Keep this selection", icon=":material/bookmark_add:", key="keep-range",
              on_click=partial(_keep, looking.study.id if looking.study else "", choice, sets),
              help="Saves the pairs; the link of this page then leads to them, on Map and Export as well.")  # fmt: skip


def elsewhere(selection: str, other: Literal["map", "explore"]) -> None:
    """Where else a saved selection can be looked at, and that it can be taken home."""
    with st.container(horizontal=True, gap="medium"):
        if other == "map":
            st.page_link(MAP, label="See them on the page Map", icon=":material/scatter_plot:",
                         query_params={"sel": selection})  # fmt: skip
        else:
            st.page_link(EXPLORE, label="Their scores, on the page Explore", icon=":material/bar_chart:",
                         query_params={"brush": f"selection {selection}"})  # fmt: skip
        st.page_link(EXPORT, label="Export them", icon=":material/download:",
                     query_params={"what": SAVED, "sel": selection})  # fmt: skip


def _keep(study_id: str, choice: Choice, sets: Mapping[str, RoundScores]) -> None:
    made_from = {"range": str(choice) or f"picks of {choice.first}", "round": sets[choice.first].round}
    if asking.keep_selection(study_id, ids_of(choice, sets, MOST), made_from):
        session.choose("brush", f"selection {session.value_of('sel')}")
