"""Data: read and search the pool, see all that is known of a prompt, bring in another file."""

import streamlit as st

from workbench import browsing, importing, messages, session, tokens
from workbench.components import data_browser
from workbench.components.markup import empty, page_head, show
from workbench.components.prompt_card import pairs_card, prompt_card

SENTENCE = "Read and search the pool, see all that is known of a prompt, bring in another file."
BROWSE, IMPORT = "browse", "import"


def browse() -> None:
    """Data set and search; the prompts at the left, one of them at the right."""
    looking = session.looking()
    study_id = looking.study.id if looking.study else None
    names = browsing.dataset_names_of(study_id)
    if not names:
        empty(
            "No data set is here yet.", "Bring in a file under import, or start the sample study on the page Studies."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Data set", list(names), key="dataset", bind="query-params", width=330)
        text = st.text_input("Text in prompts and responses", key="q", bind="query-params", width=300)
        dataset = names[name]
        first = browsing.search(dataset.id, text, 0)
        number = data_browser.page_number(first.total, first.size)
        chosen = st.text_input("Prompt", key="prompt", bind="query-params", placeholder="the first one", width=170)
    data_browser.dataset_facts(dataset, browsing.recorded(dataset.id))
    if study_id and browsing.datasets_of(study_id).get("pool") == dataset.id:
        tokens.lengths(study_id)
    page = browsing.search(dataset.id, text, number)
    left, right = st.columns([42, 58], gap="medium")
    with left:
        ids = [found.id for found in page.prompts]
        key = f"prompts-{dataset.id}-{number}-{text}"
        data_browser.prompt_list(page, text, key, lambda: session.show_chosen("prompt", key, ids))
    with right:
        found = browsing.prompt(dataset.id, chosen.strip(), study_id) if chosen.strip() else None
        if chosen.strip() and found is None:
            show('<div class="note warn"><small>This data set has no such prompt. You see the first one.</small></div>')
        if found is None and ids:
            found = browsing.prompt(dataset.id, ids[0], study_id)
        if found is not None:
            with st.container(border=True):
                show(prompt_card(found))
            sets, where = {}, ""
            if looking.study and looking.run and looking.round:
                sets = browsing.round_of_seed(looking.study.id, looking.run.seed, looking.round)
                where = f"seed {looking.run.seed}, round {looking.round}"
            with st.container(border=True):
                scores = {name: browsing.scores_of(found.pairs, scored) for name, scored in sets.items()}
                show(pairs_card(found, list(sets.values()), scores, where))
            if study_id:
                tokens.strip(study_id, found)


page_head("Data", SENTENCE)
part = st.segmented_control("Part", [BROWSE, IMPORT], default=BROWSE, key="part", bind="query-params", required=True,
                            label_visibility="collapsed")  # fmt: skip
said = session.said()
if said and said.error:
    messages.error_card(said.error)
if part == IMPORT:
    importing.panel()
else:
    browse()
