"""Batch: what a strategy picked in a round, side by side, with the numbers behind each pick."""

from collections.abc import Sequence

import streamlit as st

from engine.arms import strategy_of
from engine.store.summaries import PickedPair
from engine.strategies.base import STRATEGIES
from workbench import cache, session
from workbench.components.markup import empty, escaped, page_head, show
from workbench.components.news import news
from workbench.components.pair_card import batch_words, pair_card, why_card, why_sentence
from workbench.components.pick_list import pick_list, pick_table, step_buttons
from workbench.session import Looking

ONE, CARDS, TABLE = "pair by pair", "cards", "table"
A_PAGE = 10


def earlier(looking: Looking) -> dict[str, PickedPair]:
    """This run's picks of all rounds before, by pair id."""
    if looking.study is None or looking.run is None or looking.round is None:
        return {}
    numbers = [n for n in cache.rounds(looking.study.id, looking.run.id) if n < looking.round]
    return {p.pair_id: p for n in numbers for p in cache.batch(looking.study.id, looking.run.id, n)}


def why(pair: PickedPair, looking: Looking) -> str:
    """Why it was picked, in the words of its strategy."""
    assert looking.strategy is not None  # noqa: S101 - the page stops before, when there is no run
    name = strategy_of(looking.strategy.name)
    plugin = STRATEGIES.get(name) if name in STRATEGIES.names() else None
    summary = plugin.summary() if plugin else ""
    ties = bool(plugin and plugin.ties_at_reference)
    sentence = why_sentence(pair, looking.strategy, summary, ties_at_reference=ties)
    return why_card(pair, looking.strategy, sentence, earlier(looking))


def one_by_one(picks: Sequence[PickedPair], looking: Looking, *, marked: bool) -> None:
    """The list at the left, the pair in the middle, why at the right."""
    ids = [pick.pair_id for pick in picks]
    at = ids.index(looking.pair) if looking.pair in ids else 0
    left, middle, right = st.columns([25, 48, 27], gap="small")
    with left:
        key = f"picks-{looking.run.id if looking.run else ''}-{looking.round}-{session.steps()}"
        pick_list(picks, at, key, on_select=lambda: session.show_chosen("pair", key, ids))
        step_buttons(ids, at, on_step=session.step_to_pair)
    with middle, st.container(border=True):
        show(pair_card(picks[at], len(picks), marked=marked))
    with right, st.container(border=True):
        show(why(picks[at], looking))


def as_cards(picks: Sequence[PickedPair], looking: Looking, *, marked: bool) -> None:
    """All picks one under another, ten at a time."""
    pages = -(-len(picks) // A_PAGE)
    names = [f"{n * A_PAGE + 1} to {min((n + 1) * A_PAGE, len(picks))}" for n in range(pages)]
    chosen = names[0]
    if pages > 1:
        chosen = st.segmented_control("Picks", names, default=names[0], required=True, label_visibility="collapsed")
    start = names.index(chosen or names[0]) * A_PAGE
    for pick in picks[start : start + A_PAGE]:
        with st.container(border=True):
            left, right = st.columns([68, 32], gap="medium")
            with left:
                show(pair_card(pick, len(picks), marked=marked))
            with right:
                show(why(pick, looking))


def page() -> None:
    """The batch in the form the reader wants."""
    looking = session.looking()
    if looking.study is None or looking.run is None or looking.strategy is None:
        page_head("Batch", "The pairs a strategy picked, and why.")
        empty("No study is here yet.", "Start one on the page Studies; its first picks appear here.")
        return
    run = looking.run
    if looking.round is None:
        page_head("Batch", "The pairs a strategy picked, and why.")
        empty(f"{run.strategy.title}, seed {run.seed} has picked nothing yet.", next_step(looking))
        return
    picks = cache.batch(looking.study.id, run.id, looking.round)
    stamp = [f"{looking.study.name} · seed {run.seed} · round {looking.round}", batch_words(picks)]
    kind = "warm-up batch, drawn at random" if picks and picks[0].warm_up else f"what {run.strategy.title} picked"
    page_head("Batch", f"Round {looking.round}: {kind}, and the numbers behind each pick.", stamp)
    said = [sentence for number, sentence in cache.notes(looking.study.id, run.id) if number == looking.round]
    show("".join(f"<small>{escaped(sentence)}</small><br>" for sentence in said))
    with st.container(horizontal=True, vertical_alignment="center"):
        view = st.segmented_control(
            "View", [ONE, CARDS, TABLE], default=ONE, key="view", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        marked = view != TABLE and st.toggle("mark differences", value=True, key="marks", bind="query-params")
        drawn = len(cache.rounds(looking.study.id, run.id))
        news(drawn, lambda: len(cache.rounds(run.study_id, run.id)))
    if not picks:
        empty("This round picked nothing.", "The pool had no pair left.")
    elif view == CARDS:
        as_cards(picks, looking, marked=marked)
    elif view == TABLE:
        pick_table(picks, f"{run.id}-round-{looking.round}.csv")
    else:
        one_by_one(picks, looking, marked=marked)


def next_step(looking: Looking) -> str:
    """What an empty batch waits for."""
    state = looking.run.state if looking.run else ""
    if state == "failed":
        return "The run failed before its first pick; the page Studies says why."
    return "The first picks come in round 1, after the evaluation of round 0."


page()
