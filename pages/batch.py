"""Batch: what a strategy picked in a round, side by side, with the numbers behind each pick."""

import streamlit as st

from workbench import batches, cache, not_yet, reviewing, session, steering_campaign
from workbench.batches import Batch
from workbench.components.batch_meters import batch_meters, meters_of
from workbench.components.markup import empty, escaped, page_head, show
from workbench.components.neighbours import neighbours
from workbench.components.news import news
from workbench.components.pair_card import batch_words, pair_card
from workbench.components.pick_list import pick_list, pick_table, step_buttons
from workbench.components.time_machine import pair_course
from workbench.components.token_heat import no_tokens, token_heat
from workbench.components.why_pair import formula, why_card
from workbench.session import Looking

ONE, CARDS, TABLE = "pair by pair", "cards", "table"
A_PAGE = 10


def one_by_one(batch: Batch, looking: Looking, *, marked: bool) -> None:
    """The list at the left, the pair and its tokens in the middle, why at the right."""
    picks, ids = batch.picks, batch.ids
    at = ids.index(looking.pair) if looking.pair in ids else 0
    left, middle, right = st.columns([25, 47, 28], gap="small")
    with left:
        key = f"picks-{batch.run_id}-{batch.round}-{session.steps()}"
        pinned = reviewing.pinned(looking)
        pick_list(picks, at, key, on_select=lambda: session.show_chosen("pair", key, ids), pinned=pinned)
        step_buttons(ids, at, on_step=session.step_to_pair)
    with middle:
        with st.container(border=True):
            show(pair_card(picks[at], len(picks), marked=marked))
        with st.container(border=True, key="tokens"):
            tokens(batch, at)
        if near := batches.neighbours(batch, picks[at]):
            with st.container(border=True, key="neighbours"):
                show(neighbours(near))
    with right, st.container(border=True, key="why"):
        reasons = batches.answer_of(batch, batch.reasons(), "The explanation of the picks")
        show(why_card(picks[at], batch.strategy, batches.why(batch, picks[at], reasons)))
        formula(batches.plugin_of(batch.strategy))
        reviewing.presses(looking, ids[at])
        if looking.run is not None:
            pair_course(looking.run, ids[at])


def tokens(batch: Batch, at: int) -> None:
    """Both responses of the pick as strips of tokens, or how to get them."""
    words = batches.policy_words(batch.round)
    answer = batches.answer_of(batch, batch.tokens(at), "The token view")
    if answer is not None:
        show(token_heat(batches.strips(answer)[batch.ids[at]], answer["beta"], words, same=answer["same"]))
    elif not batch.asks:
        show(no_tokens(words))


def as_cards(batch: Batch, *, marked: bool) -> None:
    """All picks one under another, ten at a time."""
    picks = batch.picks
    names = [f"{n + 1} to {min(n + A_PAGE, len(picks))}" for n in range(0, len(picks), A_PAGE)]
    chosen = names[0]
    if len(names) > 1:
        chosen = st.segmented_control("Picks", names, default=names[0], required=True, label_visibility="collapsed")
    reasons = batches.answer_of(batch, batch.reasons(), "The explanation of the picks")
    start = names.index(chosen or names[0]) * A_PAGE
    for pick in picks[start : start + A_PAGE]:
        with st.container(border=True):
            left, right = st.columns([68, 32], gap="medium")
            with left:
                show(pair_card(pick, len(picks), marked=marked))
            with right:
                show(why_card(pick, batch.strategy, batches.why(batch, pick, reasons)))


def page() -> None:
    """The batch in the form the reader wants."""
    looking = session.looking()
    run, number = looking.run, looking.round
    if looking.study is None or run is None or looking.strategy is None or number is None:
        page_head("Batch", "The pairs a strategy picked, and why.")
        not_yet.see_studies(looking.study.id if looking.study else "all", *batches.nothing_yet(looking))
        return
    picks = cache.batch(looking.study.id, run.id, number)
    kind = "warm-up batch, drawn at random" if picks and picks[0].warm_up else f"what {run.strategy.title} picked"
    stamp = [
        f"{looking.study.name} · seed {run.seed} · round {number}", batches.policy_words(number), batch_words(picks)
    ]  # fmt: skip
    page_head("Batch", f"Round {number}: {kind}, and the numbers behind each pick.", stamp)
    said = [sentence for n, sentence in cache.notes(looking.study.id, run.id) if n == number]
    show("".join(f"<small>{escaped(sentence)}</small><br>" for sentence in said))
    reviewing.bar(looking)
    steering_campaign.shadow(looking)
    with st.container(horizontal=True, vertical_alignment="center"):
        view = st.segmented_control(
            "View", [ONE, CARDS, TABLE], default=ONE, key="view", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        marked = view != TABLE and st.toggle("mark differences", value=True, key="marks", bind="query-params")
        asks = st.toggle("explain", key="explain", bind="query-params", help=batches.EXPLAINED)
        news(len(looking.rounds), lambda: len(cache.rounds(run.study_id, run.id)))
    if not picks:
        empty("This round picked nothing.", "The pool had no pair left.")
        return
    batch = Batch(looking, tuple(picks), asks)
    with st.container(border=True, key="meters"):
        answer = batches.answer_of(batch, batch.meters(), "The comparison with random batches")
        show(batch_meters(meters_of(picks, answer, batches.clusters(batch), asked=asks), batches.drawn_from(answer)))
    if view == CARDS:
        as_cards(batch, marked=marked)
    elif view == TABLE:
        pick_table(picks, f"{run.id}-round-{number}.csv", reviewing.pinned(looking))
    else:
        one_by_one(batch, looking, marked=marked)


page()
