"""When the tour is shown: on the first visit to a store, until it is closed; and again whenever Help is asked for it.

That it was closed is a row of the store. The app knows no persons and sets no cookie, and what a tab remembers would be
gone with it: on one machine a store is the nearest thing to a reader.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.store import inbox, queries
from workbench import cache, session
from workbench.components.tour import STEPS, place_of, tour_card


def welcome(page: str) -> None:
    """Open the tour where the app is entered by its front door for the first time: a link leads to what it says."""
    session.tour_at(first=lambda: not page and session.bare_link() and not _seen(str(cache.store_folder())))


def tour(page: str, pages: Mapping[str, Any]) -> None:
    """The card of this page, if the tour is open. `pages`: path in the link → page of `st.navigation`."""
    at = session.tour_at()
    if at is None:
        return
    at = place_of(page, at)
    session.tour_to(at)
    if tour_card(at, pages, here=STEPS[at].page == page):
        close()
        st.rerun()


def close() -> None:
    """Closed: here at once, and for every later visit to the store."""
    session.tour_to(None)
    inbox.tour_seen(cache.store())
    _seen.clear()


@st.cache_data(max_entries=4, show_spinner=False)
def _seen(folder: str) -> bool:
    return queries.tour_seen(cache.store())
