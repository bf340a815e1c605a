"""Starting a study from the screen: what the reader asked for, the form in its dialog, and the queue."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import EngineError
from engine.store.summaries import StudySummary
from workbench import cache, commands, messages, session
from workbench.components.picker import study_labels
from workbench.components.start_study import Asked, Desk, draft_form
from workbench.style import dialog_style

QUEUED = "Queued. A worker takes it up by itself."
EMPTY: dict[str, Any] = {"name": "", "strategies": ["random", "activedpo"], "warm_up": True}
"""What a form begins with: a strategy against its measure, and a warm-up batch that is the same for both."""
REFUSED = "refused"


def start_file(path: Path) -> None:
    """Queue a study from a file, and say so when the page is drawn again."""
    queue(lambda: commands.start_study(path))


def queue(prepare: Callable[[], str]) -> None:
    """Read the data and queue the study; what is wrong with it is said on a card, and nothing is queued."""
    with messages.frame("The study"), st.spinner("Reading the data…"):
        prepare()
        session.close_draft()
        session.say(QUEUED)
        st.rerun()


def serve(asked: Asked | None, studies: Mapping[str, StudySummary]) -> None:
    """Do what was asked for; while a draft is open, show its form. `studies` by the names one can clone."""
    if asked is not None:
        session.catch_up(REFUSED)
        with messages.frame("The form"):
            try:
                _open(asked, studies)
            except EngineError as error:
                wrong = error  # said until another way is tried: the list of ways hides it, and closing that draws anew
                session.held((REFUSED,), lambda: wrong)
            else:
                st.rerun()  # so that the button is drawn anew, and closed
    refused = session.held((REFUSED,), lambda: None)
    if refused is not None:
        messages.error_card(refused)
    if session.draft() is not None:
        _dialog()


def _open(asked: Asked, studies: Mapping[str, StudySummary]) -> None:
    if asked.empty:
        session.open_draft(EMPTY)
    elif asked.fill is not None:
        session.open_draft(commands.draft_of(asked.fill))
    else:
        start = commands.draft_of_study(cache.study(studies[asked.clone].id))
        session.open_draft(start, cloned=asked.clone)


@st.dialog("Start a study", width="large", on_dismiss=session.close_draft)
def _dialog() -> None:
    draft = session.draft()
    if draft is None:
        return
    st.html(dialog_style(session.mode()))
    desk = Desk(
        cache.datasets(), commands.checked, lambda config: cache.sizes(config.data),
        lambda name: study_labels(cache.studies())[name].id, lambda config: cache.texts(config.data), cache.pace,
        cache.room,
    )  # fmt: skip
    with messages.frame("The form"):
        ready = draft_form(draft.start, draft.cloned, f"draft-{draft.number}", desk)
        if ready is not None:
            lender = desk.id_of(draft.cloned) if ready.with_labels else None
            queue(lambda: commands.start_config(ready.config, lender))
