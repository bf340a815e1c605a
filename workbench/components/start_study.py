"""The small form that starts a study from a file."""

from pathlib import Path

import streamlit as st


def start_form(sample: Path | None, *, primary: bool) -> Path | None:
    """A button that opens the form; the study file to start, or None. `sample` is offered beside it."""
    chosen: Path | None = None
    with st.popover(
        "Start a study", icon=":material/add:", type="primary" if primary else "secondary", width="stretch"
    ):
        with st.form("start-study", border=False):
            typed = st.text_input("Study file (path on this machine)", placeholder="study.yaml")
            if st.form_submit_button("Start from this file", icon=":material/description:") and typed.strip():
                chosen = Path(typed.strip())
        if sample and st.button("Start the sample study", icon=":material/play_arrow:"):
            chosen = sample
    return chosen
