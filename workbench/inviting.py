"""Links for labellers, made and closed by a lead on the page Label. A token is shown once, and kept nowhere."""

from functools import partial

import streamlit as st

from engine.store import roles
from workbench import cache, entering, messages, session
from workbench.components.markup import foreign, heading, show
from workbench.wording import count

MADE = "_link_made"
"""The study, the name and the link that were made last in this tab, until the lead has them."""
HERE = "http://localhost:8501"
ONLY_HERE = (
    "The app listens on this machine only, so a link opens here. For other machines start it with "
    "<code>workbench app --host 0.0.0.0</code>; then everybody needs a link, a lead as well: "
    "<code>workbench label invite NAME --role lead</code>."
)


def panel(study_id: str) -> None:
    """Who has a link to this study's queue, a form for another, and the way to close one."""
    there = {one.id: one.name for one in roles.people(cache.store()) if one.study_id == study_id and one.invited}
    show(heading("Links", f"{count(len(there), 'labeller')} of this study"))
    if there:
        show(f"<p>{', '.join(foreign(name) for name in there.values())}</p>")
    if not entering.shared():
        show(f"<p><small>{ONLY_HERE}</small></p>")
    row = partial(st.container, horizontal=True, vertical_alignment="bottom", gap="small")
    with st.form("invite", border=False, clear_on_submit=True), row():
        st.text_input("Name of a labeller", key="invite-name", max_chars=80, width=240)
        st.form_submit_button("Make a link", on_click=messages.once(partial(_invite, study_id)))
    made = session.value_of(MADE)
    if made and made[0] == study_id:
        show(f'<p role="status">The link of {foreign(made[1])}. It is shown this once; an older one is closed.</p>')
        st.code(made[2], language=None, wrap_lines=True)
        st.button("I have it", key="link-taken", on_click=partial(session.choose, MADE, None))
    if there:
        with row():
            st.selectbox(
                "Close the link of", list(there), None, key="close-whose", format_func=there.__getitem__, width=240
            )
            st.button(
                "Close it",
                key="close-link",
                on_click=messages.once(_close),
                disabled=not session.value_of("close-whose"),
            )


def _invite(study_id: str) -> None:
    def do() -> str:
        person, token = roles.invite(cache.store(), str(session.value_of("invite-name") or ""), "labeller", study_id)
        session.choose(MADE, (study_id, person.name, f"{_address()}/label?token={token}"))
        return f"{person.name} has a link; it stands below, under For the lead."

    messages.say_of(do)


def _close() -> None:
    def do() -> str:
        person_id = str(session.value_of("close-whose") or "")
        roles.revoke(cache.store(), person_id)
        session.choose(MADE, None)
        return "The link opens nothing any more; what was answered is kept."

    messages.say_of(do)


def _address() -> str:
    """Where the app is, as this lead reaches it."""
    return (st.context.url or HERE).rstrip("/").removesuffix("/label")
