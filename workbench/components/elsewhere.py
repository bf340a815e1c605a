"""The same as what a form asks for: as a command, and as lines of a study file."""

from collections.abc import Mapping

import streamlit as st

from workbench.components.markup import heading, show


def elsewhere(command: str, lines: str = "", notes: Mapping[str, str] | None = None) -> None:
    """The command, below it the lines of YAML where there are any; `notes` are further commands by what they do."""
    with st.expander("The same from the command line", icon=":material/terminal:"):
        st.code(command, language=None, wrap_lines=True)
        for title, other in (notes or {}).items():
            show(heading(title))
            st.code(other, language=None, wrap_lines=True)
        if lines:
            show(heading("As a study file has it"))
            st.code(lines, language=None)
