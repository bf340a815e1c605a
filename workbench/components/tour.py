"""The tour of a first visit: a card at the top of six pages, plain words, and links that lead on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from workbench.components.markup import escaped, show


@dataclass(frozen=True)
class Step:
    """What the tour says on a page; `page` is its path in the link."""

    page: str
    title: str
    words: str


STEPS = (
    Step("", "Studies",
         "A study races strategies: each picks pairs, buys their labels, trains and is measured, round after round, "
         "with several seeds. Here you start one and see how far it is. Closing the tab changes nothing: the worker "
         "goes on."),
    Step("explore", "Explore",
         "How the scores and signals of a round lie. “Round” at the left moves every figure. Click or drag in a chart "
         "to read those pairs. What you look at stands in the link: send it, and others see the same."),
    Step("map", "Map",
         "The pool in the plane: near means alike. Draw a lasso to see what lies in it, keep it under a short name, "
         "and find it again on other pages."),
    Step("batch", "Batch",
         "What was picked, side by side, and why: its score, what it would have been without the picks before it, the "
         "nearest labelled pair, and both responses token by token."),
    Step("curves", "Curves",
         "Did it help? Every strategy against the labels it bought, with random as the measure. A difference counts "
         "only with its interval."),
    Step("export", "Export",
         "The labelled pairs in the form that a trainer reads, with a card that says where they come from. The page "
         "Help has every word and formula, and this tour."),
)  # fmt: skip


def place_of(page: str, at: int) -> int:
    """The step that belongs to a page; where none does, the tour stays where it was."""
    return next((n for n, step in enumerate(STEPS) if step.page == page), at)


def tour_card(at: int, pages: Mapping[str, Any], *, here: bool) -> bool:
    """Step `at`, `here` if this is its page; whether it was closed. `pages`: path in the link → a page to lead to.

    Links and a button, so that it works with the keyboard alone.
    """
    step = STEPS[at]
    with st.container(border=True, key="tour"):
        where = f"<small>Tour, {at + 1} of {len(STEPS)}</small>"
        show(f'<div class="row"><h2>{escaped(step.title)}</h2>{where}</div><p class="prose">{escaped(step.words)}</p>')
        with st.container(horizontal=True, vertical_alignment="center"):
            if not here:
                st.page_link(pages[step.page], label=f"Go to {step.title}")
            elif at + 1 < len(STEPS):
                st.page_link(pages[STEPS[at + 1].page], label=f"Next: {STEPS[at + 1].title}")
            if here and at:
                st.page_link(pages[STEPS[at - 1].page], label=f"Back: {STEPS[at - 1].title}")
            return st.button("Close the tour", key="tour-close")
