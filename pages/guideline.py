"""Guideline: how to answer, for labellers to read and for the lead to write; every version is kept."""

import streamlit as st

from engine.store import roles
from workbench import cache, entering, labelling, steering_campaign
from workbench.components.foreign_text import said
from workbench.components.markup import empty, page_head, see_studies, show
from workbench.wording import moment


def page() -> None:
    """The newest version; for the lead a form for the next."""
    who = entering.person()
    study_id = labelling.study_here(who) if who is not None else ""
    page_head("Guideline", "How to answer. Every answer names the version it was given under.")
    if not study_id:
        say = see_studies if who is not None and who.role == "lead" else empty  # a labeller has no page Studies
        say("No study is here yet.", "Start a campaign on the page Studies: a study whose oracle is people.")
        return
    versions = roles.guidelines(cache.store(), study_id)
    if not versions:
        empty("No guideline is written yet.", "Say what is better, when it is a tie, and when both are bad.")
    else:
        newest = versions[-1]
        with st.container(border=True):
            at = f" · {moment(newest.at)}" if newest.at else ""
            show(f"<small>version {newest.version}{at}</small>{said(newest.text)}")
    if who is not None and who.role == "lead":
        steering_campaign.write_guideline(study_id, versions[-1].text if versions else "")


page()
