"""The button that takes a view along as a notebook."""

from collections.abc import Callable

import streamlit as st


def notebook_button(file: str, make: Callable[[], bytes], key: str = "as-notebook") -> None:
    """`make` writes the notebook when it is asked for."""
    st.download_button(
        "Open as notebook",
        make,
        file,
        "application/x-ipynb+json",
        icon=":material/code_blocks:",
        on_click="ignore",
        key=key,
        help="An .ipynb that loads this study from its store and draws this view again",
    )
