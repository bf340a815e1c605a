"""A badge for what has happened since the page was drawn. The figures stay until the reader asks for new ones."""

from collections.abc import Callable

import streamlit as st

from workbench import session
from workbench.wording import count


@st.fragment(run_every="2s")
def news(drawn: int, now: Callable[[], int]) -> None:
    """`drawn` rounds stand on the page; `now` says how many are done, from the cache unless the revision has risen."""
    fresh = now() - drawn
    if fresh > 0 and st.button(
        f"{count(fresh, 'new round')}: show", icon=":material/refresh:", key="news", on_click=session.catch_up
    ):
        st.rerun()
