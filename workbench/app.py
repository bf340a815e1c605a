"""The shell: pages, "Looking at", the worker's last word. Started by `workbench app`.

It runs again with every click, so it stays cheap: one revision, one list of studies from the cache.
"""

import atexit
import gc
from pathlib import Path

import streamlit as st

from workbench import cache, entering, messages, opening, session, touring
from workbench.components.page_list import page_list
from workbench.components.sidebar import worker_line
from workbench.style import stylesheet

ICON = Path(__file__).with_name("icon.svg")  # a file of ours: a named icon would be fetched from a foreign host
# Page → the parts of "Looking at" that it uses.
PARTS = {
    **dict.fromkeys(("", "label", "guideline", "label-quality"), ("study",)),
    "curves": ("study", "strategy"),
    **dict.fromkeys(("data", "dry-run", "export"), ("study", "strategy", "seed", "round")),
    **dict.fromkeys(("explore", "map", "batch"), ("study", "strategy", "seed", "round", "pair")),
}


@st.fragment(run_every="2s")
def _pulse() -> None:
    """What polls on every page: the worker's last word, whether light and dark were switched, a link was closed."""
    with messages.frame("The worker's line"):
        worker_line(cache.workers(str(cache.store_folder())))
    if session.mode_changed() or entering.closed():
        st.rerun()


@st.cache_resource(show_spinner=False)
def _settle() -> None:
    """Take what is loaded by now out of the garbage collector's sight.

    Streamlit collects after every run of a script, and looked at all modules each time: with a page that draws itself
    every two seconds that was three quarters of the app's work.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else a library complains at the end of what was never given back


def main() -> None:
    """Draw the shell, then the page."""
    st.set_page_config(page_title="Preference Workbench", page_icon=str(ICON), layout="wide",
                       initial_sidebar_state=248)  # fmt: skip
    st.html(stylesheet())
    session.remember_mode()
    who, groups = None, entering.pages(None)
    with messages.frame("The link"):
        who = entering.person()
        groups = entering.pages(who)
    page = st.navigation(groups, position="hidden")  # drawn by `page_list`
    with messages.frame(page.title):
        if who is None or who.role != "lead":
            entering.for_labeller(who, groups)
        else:
            cache.plugins()
            cache.forget_rounds_taken_back()
            touring.welcome(page.url_path)
            studies = cache.studies()  # before the sidebar, so that a store that cannot be opened speaks on the page
            with st.sidebar:
                page_list(groups)
                looking = session.look_at(page.url_path, PARTS.get(page.url_path, ()), studies, cache.study)
                with messages.frame("The notebook"):
                    opening.as_notebook(page.url_path, looking)
                _pulse()
            touring.tour(page.url_path, {one.url_path: one for pages in groups.values() for one in pages})
        page.run()
    _settle()


main()
