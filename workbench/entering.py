"""Who is here, and which pages they may open: leads all of them, a labeller the queue and the guideline of one study.

On one machine nobody signs in. Where the app listens to other machines too, or is reached through a proxy or by another
name than this machine's own, every tab needs a link with a token.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from engine.store import roles
from engine.store.roles import Person
from workbench import cache, messages, session
from workbench.components.markup import empty, page_head, show
from workbench.components.page_list import page_list
from workbench.components.sidebar import who_is_here
from workbench.processes import LOCAL

PAGES = Path(__file__).resolve().parent.parent / "pages"
FRONT = "front door"
"""The group of the page that only leads on, and is not listed."""
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
"""Headers by which a proxy says for whom it asks."""
AT_THE_MACHINE = (
    "At the machine itself the app is open without one at its own address, http://localhost and the port, unless it "
    "was started for other machines too. A lead's link is made there: <code>workbench label invite NAME --role "
    "lead</code>."
)
HERE = Person("", "", "lead")
"""Whoever sits at the machine; the page Label asks for a name."""


def shared() -> bool:
    """Whether other machines can reach this server, or whoever asks came from one."""
    return str(st.get_option("server.address") or "") not in LOCAL or from_elsewhere(st.context.headers)


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a request came through a proxy, or for another name than this machine's own.

    A proxy on this machine asks as if it sat here, for whoever asks it; and a foreign page can point its name here.
    """
    try:
        host = urlsplit(f"//{headers.get('Host') or 'localhost'}").hostname
    except ValueError:  # no name that a browser of this machine would ask for
        return True
    return host not in LOCAL or any(name in headers for name in PROXIED)


def closed() -> bool:
    """Whether the link of this tab opens nothing any more; at the machine itself there is none."""
    token = session.token()
    return bool(token) and roles.by_token(cache.store(), token) is None


def person() -> Person | None:
    """Who is here by the link of this tab; at the machine itself a lead; None for a link that opens nothing."""
    token = session.token()
    if token:
        return roles.by_token(cache.store(), token)
    return None if shared() else HERE


def pages(who: Person | None) -> dict[str, Sequence[Any]]:
    """Group → pages that this person may open."""
    label = st.Page(PAGES / "label.py", title="Label", icon=":material/thumbs_up_down:")
    guideline = st.Page(PAGES / "guideline.py", title="Guideline", icon=":material/menu_book:")
    if who is None:
        paths = ("", "label", "guideline")
        return {"": [st.Page(_closed, title="Closed", url_path=path, default=not path) for path in paths]}
    if who.role == "labeller":
        first = st.Page(lambda: st.switch_page(label), title="Preference Workbench", url_path="home", default=True)
        return {FRONT: [first], "": [label, guideline]}
    quality = st.Page(
        PAGES / "label_quality.py", title="Label quality", icon=":material/verified:", url_path="label-quality"
    )
    return {
        "": [st.Page(PAGES / "studies.py", title="Studies", icon=":material/science:", default=True)],
        "Pool": [st.Page(PAGES / "data.py", title="Data", icon=":material/list:")],
        "Pick": [
            st.Page(PAGES / "explore.py", title="Explore", icon=":material/bar_chart:"),
            st.Page(PAGES / "map.py", title="Map", icon=":material/scatter_plot:"),
            st.Page(PAGES / "dry_run.py", title="Dry run", icon=":material/compare:", url_path="dry-run"),
            st.Page(PAGES / "batch.py", title="Batch", icon=":material/checklist:"),
        ],
        "Label": [label, guideline, quality],
        "Result": [
            st.Page(PAGES / "curves.py", title="Curves", icon=":material/show_chart:"),
            st.Page(PAGES / "export.py", title="Export", icon=":material/download:"),
        ],
        " ": [st.Page(PAGES / "help.py", title="Help", icon=":material/help:")],
    }


def for_labeller(who: Person | None, groups: Mapping[str, Sequence[Any]]) -> None:
    """The sidebar of who sees the queue and the guideline only."""
    if who is None:
        return
    with st.sidebar:
        page_list({name: pages for name, pages in groups.items() if name != FRONT})
        show(who_is_here(who.name))
        _watch()


@st.fragment(run_every="3s")
def _watch() -> None:
    """A tab that is open when its link is closed shows so."""
    with messages.frame("The link"):
        if closed():
            st.rerun()


def _closed() -> None:
    page_head("Preference Workbench", "This app is shared, so it opens by a personal link.")
    if session.token():
        empty("This link opens nothing any more.", "Ask the lead of the study for another.")
    else:
        empty("The link has no token.", "Open the link that the lead of the study has sent to you.")
        show(f'<p class="muted">{AT_THE_MACHINE}</p>')
