"""Curves: did choosing help? Every strategy against labels bought, on every held-out set."""

from functools import partial

import pandas as pd
import streamlit as st

from engine.store.summaries import MetricRef, StudyDetail
from workbench import cache, not_yet, session, verdicts
from workbench.campaign import is_campaign
from workbench.charts.across import device_of
from workbench.components.curve_controls import curve_controls
from workbench.components.curve_figures import curve_figures, curves_of, papers
from workbench.components.markup import escaped, no_study, page_head, see_studies, show
from workbench.components.news import news
from workbench.components.take_away import take_away, take_report
from workbench.study_words import by_hand, compares, reference_words
from workbench.wording import count

NOTHING = ("No round is done yet.", "A curve starts with round 0, the evaluation before any label.")
LEAD = "Did choosing help? Every strategy against its cost, with random as the measure."


def frames_of(detail: StudyDetail, metric: MetricRef) -> dict[str, pd.DataFrame]:
    """Held-out set → the metric's values, for the sets that have any; of the rounds that `detail` knows of."""
    found = {split: cache.curve(detail.summary.id, metric.name, split) for split in metric.splits or ("",)}
    done = {run.id: run.rounds_done for run in detail.runs}
    known = {split: frame[frame["round"] <= frame["run_id"].map(done)] for split, frame in found.items()}
    return {split: frame for split, frame in known.items() if not frame.empty}


def unmeasured(detail: StudyDetail) -> list[str]:
    """What of the held-out sets no round measures, and why; all runs leave out the same."""
    notes = (cache.notes(detail.summary.id, run.id) for run in detail.runs)
    return next((found for said in notes if (found := [text for number, text in said if number == 0])), [])


def page() -> None:
    """Choices, figures, numbers."""
    looking = session.looking()
    if looking.study is None:
        page_head("Curves", LEAD)
        no_study("Start one on the page Studies; its first round appears here.")
        return
    study_id = looking.study.id
    detail = session.held(("study", study_id), lambda: cache.study(study_id))  # what came since is news
    stamp = [compares(detail), reference_words(detail), *filter(None, [by_hand(detail)])]
    page_head("Curves", LEAD, stamp)
    metrics = {m.name: m for m in cache.metric_names(looking.study.id)}
    if not metrics:
        session.catch_up("study")  # nothing of it is on the page that should stay as it is
        not_yet.see_studies(study_id, *NOTHING)
        verdicts.people(detail)
        return
    spent, arms = cache.spent(detail.summary.id), verdicts.arms(detail)
    focus = looking.strategy.name if looking.strategy else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = curve_controls(list(metrics.values()), device_of(spent), controls=bool(arms.controls))
        metric = metrics[shown.metric]
        curves = curves_of(metric, frames_of(detail, metric), spent, shown, arms, focus, one_run=is_campaign(detail))
        stamp = [looking.study.name, *stamp]
        take_away(metric.name, curves.frames, partial(papers, curves, stamp), session.mode())
        take_report(looking.study.name, lambda: verdicts.report(detail.summary.id))
        news(detail.summary.rounds_done, lambda: cache.study(study_id).summary.rounds_done)
    if curves.frames:
        curve_figures(curves, session.mode())
    else:
        see_studies(*NOTHING)
    verdicts.panel(detail, focus=focus, controls=shown.controls)
    if looking.strategy:
        verdicts.certainty(detail, looking.strategy)
    for sentence in unmeasured(detail):
        show(f"<small>{escaped(sentence)}</small><br>")
    silent = [run for run in detail.runs if run.rounds_done == 0]
    if silent and curves.frames:
        have = "has" if len(silent) == 1 else "have"
        who = "The run" if len(detail.runs) == 1 else f"{len(silent)} of {count(len(detail.runs), 'run')}"
        show(f"<small>{who} {have} no round after round 0.</small>")


page()
