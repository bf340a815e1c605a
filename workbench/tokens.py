"""Tokens on the page Data: what a response is to the model, and how long the pool's responses are."""

import streamlit as st

from engine.store.summaries import PromptResponses
from engine.tasks.preview import Preview
from engine.tasks.token_counts import TokenCounts
from workbench import asking, session
from workbench.components.markup import heading, show
from workbench.components.token_view import length_facts, token_strip

STRIP = ("These tokens were not asked for yet.", "The tools worker runs the study's own tokenizer and chat template.")
LENGTHS = ("Nobody has counted yet.", "The tools worker reads the whole pool with the study's tokenizer: some seconds.")


def strip(study_id: str, found: PromptResponses) -> None:
    """One response of the prompt as tokens; choosing it asks for them."""
    with st.container(border=True):
        show(heading("As the model reads it", "through the chat template of the study's model"))
        places = {str(n): response.id for n, response in enumerate(found.responses, start=1)}
        key = f"tokens-{found.id}"

        def ask() -> None:
            place = session.value_of(key)
            if place:
                asking.ask_task(Preview(study_id=study_id, response_id=places[place]))

        chosen = st.pills("Response", list(places), key=key, on_change=ask)
        if not chosen:
            return
        task = Preview(study_id=study_id, response_id=places[chosen])
        answer = asking.answered(task)
        if answer is None:
            asking.wait_for(task, "The token view", STRIP, "Show the tokens", primary=False)
        else:
            show(token_strip(answer))


def lengths(study_id: str) -> None:
    """How long the responses of the study's pool are, in tokens; folded until the reader wants it."""
    with st.expander("Lengths of the pool's responses in tokens"):
        task = TokenCounts(study_id=study_id)
        answer = asking.answered(task)
        if answer is None:
            asking.wait_for(task, "The count", LENGTHS, "Count tokens", primary=False)
        else:
            show(length_facts(answer))
