"""The referee on the page Curves: weighed anew when a run has finished; verdicts, differences and guardrails."""

import pandas as pd
import streamlit as st

from engine.advice import Advised
from engine.evidence import Arms, Evidence, advised, arms_of, in_slot_order, no_verdict, weighed
from engine.store.margins import margins
from engine.store.summaries import StrategyRef, StudyDetail
from workbench import cache, session
from workbench.campaign import campaign, is_campaign
from workbench.campaign_records import Campaign
from workbench.certainty import Uncertainty, uncertainty
from workbench.charts.metrics import set_title
from workbench.components.advice_table import advice_table
from workbench.components.campaign_panel import campaign_panel
from workbench.components.certainty_panel import certainty_panel
from workbench.components.difference_figures import difference_figures
from workbench.components.guardrail_table import guardrail_table
from workbench.components.markup import empty
from workbench.components.verdict_table import verdict_table
from workbench.guardrails import guardrails
from workbench.report.gather import gather
from workbench.report.html import as_html
from workbench.study_words import declared_in


def panel(detail: StudyDetail, *, focus: str = "", controls: bool = False) -> None:
    """What the study has shown of each strategy, by what it declared, and whether a gain comes with a cost."""
    evidence, refs = _weighed(str(cache.store_folder()), detail.summary.id, finished(detail)), in_slot_order(detail)
    if is_campaign(detail):
        people(detail)
    elif evidence.why_none:
        empty(no_verdict(evidence), evidence.why_none)
    else:
        declared, where = declared_in(detail.config), set_title(evidence.where)
        verdict_table(evidence.found, refs, declared, where, evidence.arms.twins, evidence.standing)
        difference_figures(evidence, refs, session.mode(), focus=focus, controls=controls)
    shown = [key for key in refs if key not in evidence.arms.again.values()]
    splits = {metric.name: metric.splits for metric in cache.metric_names(detail.summary.id)}

    def curve(name: str) -> pd.DataFrame:
        found = splits.get(name, ())
        return cache.curve(detail.summary.id, name, found[0]) if found else pd.DataFrame()

    edited = {run.id for run in detail.runs if run.edited}
    guardrail_table(guardrails(list(splits), curve, evidence.arms.twins, detail.config, shown, edited), refs)
    advice_table(_advised(str(cache.store_folder()), detail.summary.id, detail.summary.rounds_done), refs,
                 set_title(evidence.where))  # fmt: skip


def people(detail: StudyDetail) -> None:
    """Of a campaign, in place of verdicts: also before its first round. Nothing for another study."""
    found = _campaign(str(cache.store_folder()), detail.summary.id, cache.revision(detail.summary.id))
    if found is not None:
        campaign_panel(found, session.mode())


def certainty(detail: StudyDetail, ref: StrategyRef) -> None:
    """Is the uncertainty real? Of the strategy that the reader looks at, and read only when it is asked for."""
    if st.toggle("Is the uncertainty real?", key="certainty", bind="query-params"):
        rounds = sum(run.rounds_done for run in detail.runs if run.strategy.name == ref.name)
        found = _uncertainty(str(cache.store_folder()), detail.summary.id, ref.name, rounds)
        certainty_panel(found, ref, session.mode())


def report(study_id: str) -> bytes:
    """The whole report as one HTML file."""
    return as_html(gather(cache.store(), study_id)).encode("utf-8")


def arms(detail: StudyDetail) -> Arms:
    """Who is compared with whom."""
    return _arms(str(cache.store_folder()), detail.summary.id, tuple(ref.name for ref in detail.summary.strategies))


def finished(detail: StudyDetail) -> tuple[str, ...]:
    """The runs that are done. What is finished never changes, so they say whether anything has."""
    return tuple(run.id for run in detail.runs if run.state == "done")


@st.cache_data(max_entries=32, show_spinner=False)
def _arms(folder: str, study_id: str, keys: tuple[str, ...]) -> Arms:
    return arms_of(cache.study(study_id))


@st.cache_data(max_entries=16, show_spinner="Reading the rounds…")
def _advised(folder: str, study_id: str, rounds: int) -> tuple[Advised, ...]:
    return advised(cache.store(), cache.study(study_id))


@st.cache_data(max_entries=16, show_spinner="Reading the margins…")
def _uncertainty(folder: str, study_id: str, key: str, rounds: int) -> Uncertainty | None:
    return uncertainty(margins(cache.store(), study_id, key))


@st.cache_data(max_entries=16, show_spinner="Reading the answers…")
def _campaign(folder: str, study_id: str, revision: int) -> Campaign | None:
    return campaign(cache.store(), cache.study(study_id))


@st.cache_data(max_entries=16, show_spinner="Weighing the evidence…")
def _weighed(folder: str, study_id: str, finished: tuple[str, ...]) -> Evidence:
    return weighed(cache.store(), cache.study(study_id))
