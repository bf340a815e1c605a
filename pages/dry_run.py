"""Dry run: what each strategy would pick from a pool, before a label is bought or anything is trained."""

from functools import partial

import streamlit as st

from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool
from workbench import asking, laboratory, messages, opening, session
from workbench.components import lab_choice, lab_figures, lab_price, lab_tables
from workbench.components.markup import empty, no_study, page_head
from workbench.lab_words import title_of
from workbench.session import Looking

SENTENCE = "What each strategy would pick from a pool, before a label is bought or anything is trained."


def page() -> None:
    """Choices; then the price of what is not scored yet, or what came of it."""
    looking = session.looking()
    pools, detail = laboratory.pools(looking), laboratory.detail_of(looking)
    if not pools:
        page_head("Dry run", SENTENCE)
        no_study("Start one on the page Studies, or import a data set on the page Data.")
        return
    head = st.container()
    where = lab_choice.where_row(pools, laboratory.models_of(looking), partial(laboratory.usual_batch, looking))
    chosen, signals = laboratory.choice(looking, laboratory.known_signals(detail))
    fields = laboratory.subject(looking, where)
    with head:
        page_head("Dry run", SENTENCE, laboratory.stamp(looking, where, fields))
    if not chosen:
        empty("No strategy is chosen.", "Add one or more; two can be compared.")
    elif fields is None:
        empty("No model is named.", "A dry run scores the pool with a model: name its folder or hub id.")
    else:
        with messages.frame("The dry run"):
            score, dry = laboratory.tasks_of(fields, chosen, signals, where.k)
            if laboratory.is_scored(score):
                after(dry)
            else:
                before(score, looking)
            opening.dry_run(dry)


def before(score: ScorePool, looking: Looking) -> None:
    """What scoring will take, and the button; or where it stands."""
    there = laboratory.there(score)
    missing = [signal for signal in score.signals if signal not in there]
    with st.container(border=True):
        lab_price.price_card(laboratory.price_of(score, missing, looking), score.signals, there)
    say = ("This pool is not scored yet with this model.", "Once it is, strategies and their parameters cost nothing.")
    if there:
        say = ("A strategy needs a signal that is not scored yet.", "What is scored already is kept.")
    asking.wait_for(score, "The scoring", say, "Score the pool")


def after(dry: DryRun) -> None:
    """The answer, or where it stands."""
    answer = laboratory.soon(dry)
    if answer is None:
        say = ("This dry run was not made yet.", "It takes some seconds.")
        asking.wait_for(dry, "The dry run", say, "Make the dry run", every="0.3s")
        return
    scored = laboratory.scored(dry, answer)
    if scored is None:
        empty("The scores behind this dry run are gone from the cache.", "Reload the page: they are made again.")
        return
    refs = lab_tables.refs_of(answer["strategies"], [title_of(strategy) for strategy in dry.strategies])
    lab_tables.legend(refs, answer["strategies"])
    lab_figures.agreement(refs, answer, session.mode(), partial(laboratory.look_at_two, refs=refs))
    lab_figures.skew(refs, answer, session.mode())
    with st.container(border=True):
        lab_tables.redundancy_table(refs, answer["redundancy"])
    laboratory.pairs(scored)
    lab_tables.seconds_line(answer["seconds"], len(refs))


page()
