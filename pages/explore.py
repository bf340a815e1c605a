"""Explore: how the scores and signals of a round lie, what was picked, and where strategies agree."""

from dataclasses import replace
from functools import partial

import streamlit as st

from engine.store.summaries import SCORE, Quantity, RoundScores, RunSummary
from workbench import browsing, cache, chosen_pair, keeping, mapping, not_yet, reviewing, session
from workbench.components import score_panels, time_machine
from workbench.components.markup import empty, heading, no_study, page_head, show
from workbench.components.news import news
from workbench.components.pair_table import pair_table
from workbench.components.score_choice import Choice, choice_title, read_choice
from workbench.components.score_panels import ECDF, HISTOGRAM, RIDGES
from workbench.wording import count

SENTENCE = "How the scores of a round lie, what was picked, and where strategies agree."
OWN = "Scores are each strategy's own; after round 1 so is its policy"
LINEAR, LOG, PICKS, RANKS = "linear", "log count", "picks", "ranks"


def top(run: RunSummary, number: int, sets: dict[str, RoundScores]) -> tuple[Quantity | None, bool]:
    """The distribution, beside it the pairs of the brushed range, below one of them; what is drawn, and if by round."""
    mine = sets[run.strategy.name]
    with st.container(horizontal=True, vertical_alignment="center"):
        chart = score_panels.switch("Chart", [HISTOGRAM, ECDF, RIDGES], "chart")
        chosen = score_panels.pick_quantity(mine)
        key = chosen.key if chosen else SCORE
        log = chart == HISTOGRAM and score_panels.switch("Counts", [LINEAR, LOG], "counts", 1) == LOG
        others = {found.strategy.title: found for found in sets.values() if found is not mine and found.quantity(key)}
        also = st.pills("Beside it", list(others), selection_mode="multi", key="also", bind="query-params",
                        label_visibility="collapsed") if others and chart != RIDGES else []  # fmt: skip
        news(len(session.looking().rounds), lambda: len(cache.rounds(run.study_id, run.id)))
    left, right = st.columns([61, 39], gap="medium")
    with left:
        beside = [others[title] for title in also or [] if title in others]
        shown = ([mine] if chosen else []) + beside
        panels = [drawn for found in shown if (drawn := browsing.panel(run.study_id, run.seed, (found, key)))]
        if chart == RIDGES and chosen:
            rounds, without = browsing.panels_by_round(run.study_id, run.id, run.seed, key)
            score_panels.ridges(rounds, number, without)
        elif panels:
            score_panels.distribution(panels, ecdf=chart == ECDF, log=log)
        else:
            empty(*score_panels.without_scores(mine, bool(others)))
    with right:
        pairs(run, number, sets, key)
    chosen_pair.below(session.looking(), sets)
    return chosen, chart == RIDGES


def pairs(run: RunSummary, number: int, sets: dict[str, RoundScores], key: str) -> None:
    """The pairs that were brushed or clicked, as a table to choose from."""
    brush = st.text_input("Pairs of", key="brush", bind="query-params", placeholder="the picks of the round",
                          help="A range as in “apl 0.5 to 1.2”, of a signal as in “apl@reward_margin 0 to 1”, shared "
                          "picks as in “apl & real”, or what was kept here or on the map. Filled in by a click; empty "
                          "it to see the picks.")  # fmt: skip
    found = read_choice(brush, sets, run.strategy.name, partial(mapping.selection, run.study_id))
    if found is None:
        show('<div class="note warn"><small>This round has no such pairs. You see its picks.</small></div>')
    choice = found or Choice("picks", run.strategy.name)
    choice = replace(choice, key=key) if choice.kind in ("picks", "saved") else choice
    rows, n = browsing.rows(choice, sets)
    show(heading(*choice_title(choice, sets, n)))
    ids = list(rows["pair_id"])
    name = f"pairs-{run.id}-{number}-{choice}-{key}"
    if ids:
        pair_table(rows, n, browsing.pair_texts(tuple(ids)), name, lambda: session.show_chosen("pair", name, ids))
        keeping.buttons(session.looking(), choice, sets, n)
    else:
        empty("No pair lies there.", "Choose another bar or range, or empty the field above.")


def below(run: RunSummary, sets: dict[str, RoundScores], number: int, quantity: Quantity | None, over: bool) -> None:
    """Where strategies agree; of what is drawn above also round by round, and one quantity against another."""
    mine = sets[run.strategy.name]
    columns = iter(st.columns(2 if over else 3, gap="medium"))
    if quantity and not over:
        with next(columns):
            rounds, without = browsing.panels_by_round(run.study_id, run.id, run.seed, quantity.key)
            score_panels.round_by_round(rounds, number, without)
    with next(columns):
        switch = partial(score_panels.switch, "Agreement", [PICKS, RANKS], "agreement")
        score_panels.agreement(sets, browsing.correlation, switch)
    choices = score_panels.against_choices(mine, quantity.key, sets) if quantity else {}
    if quantity and choices:
        with next(columns):
            what = "Score against" if quantity.key == SCORE else "Signal against"
            title = score_panels.head_row("against", what, lambda: st.selectbox(
                "Against", list(choices), key="against", bind="query-params", label_visibility="collapsed",
                width=190))  # fmt: skip
            both = (mine, quantity.key), choices[title]
            panels = [drawn for of in both if (drawn := browsing.panel(run.study_id, run.seed, of))]
            score_panels.against(panels, browsing.density(*both), browsing.batches(*both))


def page() -> None:
    """Choices, distribution, pairs, comparisons."""
    looking = session.looking()
    if looking.study is None or looking.run is None:
        page_head("Explore", SENTENCE)
        no_study("Start one on the page Studies; its first scores appear here.")
    elif looking.round is None:
        page_head("Explore", SENTENCE)
        what = f"{looking.run.strategy.title}, seed {looking.run.seed} has picked nothing yet."
        not_yet.see_studies(looking.study.id, what, "Scores come with the first picks.")
    else:
        sets = browsing.round_of_seed(looking.study.id, looking.run.seed, looking.round)
        page_head("Explore", SENTENCE, [f"{looking.study.name} · seed {looking.run.seed} · round {looking.round}",
                                        f"{count(len(sets), 'run')} compared. {OWN}"])  # fmt: skip
        reviewing.standing(looking)
        reviewing.say()
        quantity, over = top(looking.run, looking.round, sets)
        below(looking.run, sets, looking.round, quantity, over)
        time_machine.what_changed(looking)


page()
