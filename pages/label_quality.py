"""Label quality: what the labels are worth, who gives them, which are doubtful, and every answer as it was given"""

import streamlit as st

from workbench import cache, not_yet, quality, session
from workbench.components.labeller_table import labeller_table
from workbench.components.markup import empty, no_study, page_head
from workbench.components.worth_agreement import agreement_panel, noise_panel, seconds_panel
from workbench.components.worth_facts import worth_facts
from workbench.wording import count
from workbench.worth import Source

SENTENCE = "What the labels are worth, who gives them, and which of them should be asked again."
PAY = "What an hour of labelling costs, in any money: it prices the answers that are left. It is kept nowhere."
SOURCES: dict[str, Source] = {"bought by this study": "bought", "recorded in the pool's file": "file"}


def page() -> None:
    """Choices, facts, agreement, labellers, suspects, every answer."""
    study = session.looking().study
    if study is None:
        page_head("Label quality", SENTENCE)
        no_study("Start one on the page Studies; its first answers appear here.")
        return
    head = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control("Answers", list(SOURCES), default=next(iter(SOURCES)), required=True,
                                      key="answers", label_visibility="collapsed")  # fmt: skip
        names = st.toggle("Names of people", key="names", help="Else they are numbered, on the page and in the files.")
        money = st.empty()
    source = SOURCES[chosen or next(iter(SOURCES))]
    found = quality.read(study.id, source)
    with head:
        page_head("Label quality", SENTENCE, [study.name, f"{count(len(found.votes), 'answer')} {chosen}"])
    if found.votes.empty:
        if source == "bought":
            not_yet.see_studies(study.id, "No answer is here yet.", "The first come with the first labelled batch.")
        else:
            empty("The pool's file records no answer.", "What this study bought stands under the other switch.")
        return
    an_hour = 0.0
    if found.people:
        an_hour = money.number_input("Pay an hour", 0.0, step=5.0, key="an-hour", width=150, help=PAY)
    worth_facts(found, an_hour)
    left, right = st.columns(2, gap="medium")
    with left:
        agreement_panel(found, session.mode())
    with right:
        noise_panel(found, session.mode())
        if found.people or found.pace is not None:
            seconds_panel(found, session.mode())
    called = quality.names_of(study.id, names)
    labeller_table(found.labellers, lambda who: called.get(who, who))
    if source == "bought":
        quality.suspects(study.id, found)
        quality.traced(study.id, cache.study(study.id).summary.name, names)


page()
