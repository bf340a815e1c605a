"""In place of what a study has not made yet: what is missing, the way to the page that says why, and a look for it"""

import streamlit as st

from workbench import cache
from workbench.components import markup


def see_studies(study_id: str, what: str, reason: str) -> None:
    """As `markup.see_studies`; the page is drawn again by itself once the study has come further."""
    markup.see_studies(what, reason)
    look_again(study_id)


def look_again(study_id: str) -> None:
    """The page is drawn again by itself once the study has come further."""
    _look(study_id, cache.revision(study_id))


@st.fragment(run_every="2s")
def _look(study_id: str, drawn: int) -> None:
    """Nothing is on the page that a reader could lose, so no badge asks first."""
    if cache.revision(study_id) != drawn:
        st.rerun()
