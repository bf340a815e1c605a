"""Export: take the labelled subset home, in the form a trainer reads, with a card that says where it came from."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.data.answers import Subset
from engine.data.export.make import profiles
from engine.errors import DataError
from workbench import cache, exporting, messages, not_yet, session
from workbench.components import export_panel
from workbench.components.export_panel import Form
from workbench.components.markup import empty, no_study, page_head
from workbench.wording import moment

SENTENCE = "Take the labelled subset home, in the form your trainer reads, with a card that says where it came from."


def page() -> None:
    """What and for whom, the file and its card, the counts and the download."""
    looking = session.looking()
    if looking.study is None or looking.run is None:
        page_head("Export", SENTENCE)
        no_study("Start one on the page Studies; its labelled pairs appear here.")
        return
    if looking.round is None:
        page_head("Export", SENTENCE)
        who = f"{looking.run.strategy.title}, seed {looking.run.seed}"
        not_yet.see_studies(looking.study.id, f"{who} has no labels yet.", "The first come in round 1.")
        return
    page_head("Export", SENTENCE, [looking.study.name, f"labels as of {moment(looking.study.updated)}"])
    left, middle, right = st.columns([26, 46, 28], gap="medium")
    with left:
        subset = exporting.subset_of(looking.study.id, looking.run, looking.round)
        form = export_panel.choose_form(profiles())
        with messages.frame("The adapter"):
            exporting.adapter(looking.run, looking.round)
    with middle, messages.frame("The file"):
        take(subset, form, right)


def take(subset: Subset, form: Form, right: DeltaGenerator) -> None:
    """The file's beginning and its card; at the right what became of every pair, and the download."""
    try:
        made = cache.exported(subset, form.profile, form.container, form.names)
    except DataError as error:  # a choice that holds nothing is no failure
        empty(error.what, error.next_step)
        not_yet.look_again(subset.study_id)
        return
    export_panel.first_rows(made.first, made.file, made.rows)
    written = ""
    with right, messages.frame("The contract"):
        export_panel.counts_table(made.counts, made.excluded, made.skips)
        written = exporting.contract(subset, form, made)
        exporting.same_elsewhere(subset, form, made.file)
    export_panel.card_text(written or made.card, written=bool(written))


page()
