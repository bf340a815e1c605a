"""Label: pairs from the queue, side by side; answer, fast and blind."""

import streamlit as st

from workbench import entering, labelling, steering_campaign
from workbench.components.markup import empty, page_head, see_studies


def page() -> None:
    """The queue of one study, for one person."""
    here = entering.person()
    named = here is not None and bool(here.id)
    who = labelling.who_labels()
    study_id = labelling.study_here(who)
    asks = labelling.oracle(study_id) if study_id else None
    sentence = "Which response would you rather get? Strategy, round and model stay hidden."
    if asks is None:
        page_head("Label", sentence)
        say = see_studies if who.role == "lead" else empty  # a labeller has no page Studies
        if not study_id:
            say("No study is here yet.", "Start a campaign on the page Studies: a study whose oracle is people.")
        else:
            say(
                "Nobody is asked in this study.",
                "Another oracle answers it. In a campaign the oracle is people: start one on the page Studies.",
            )
        return
    page_head("Label", sentence, [f"labelling as {who.name}"])
    labelling.queue(study_id, who, asks)
    if who.role == "lead":
        if not named:
            st.text_input("Labelling as", key="labeller", max_chars=80, placeholder="lead", width=240)
        steering_campaign.panel(study_id)


page()
