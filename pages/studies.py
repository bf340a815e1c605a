"""Studies: what runs, how far it is, and what can be done about it."""

import streamlit as st

from engine.errors import EngineError
from engine.store.summaries import StudyDetail, StudySummary
from workbench import asking, cache, commands, messages, session
from workbench.charts.metrics import set_title, words_of
from workbench.components import asked_panel, stage_table, study_card, study_table
from workbench.components.curve_figures import small_figure, small_words
from workbench.components.how_to_read import read_this
from workbench.components.markup import empty, heading, page_head, show
from workbench.components.picker import study_labels
from workbench.components.start_study import start_form
from workbench.starting import serve, start_file

SENTENCE = "What runs, how far it is, and what it has shown so far."
SHOWN = 3


def live_curve(detail: StudyDetail) -> None:
    """The study's first figure so far, for a look; Curves has it in full."""
    metrics = {m.name: m for m in cache.metric_names(detail.summary.id)}
    metric = metrics.get("accuracy") or next(iter(metrics.values()), None)
    frame = None if metric is None else cache.curve(detail.summary.id, metric.name, next(iter(metric.splits), ""))
    if metric is None or frame is None or frame.empty:
        empty("No round is done yet.", "The curve starts with round 0, the evaluation before any label.")
        return
    words, split = words_of(metric.name), next(iter(metric.splits), "")
    aside = f"{set_title(split)} · mean over the seeds that have the round" if split else "mean over seeds"
    title = f"{words.title} so far" if study_card.is_live(detail) else words.title
    show(heading(title[0].upper() + title[1:], aside))
    unit = metric.unit or "no unit"
    figure, (said, numbers) = small_figure(frame, f"{words.title} ({unit})", session.mode()), small_words(frame, unit)
    st.plotly_chart(figure, key=f"live-{detail.summary.id}", config={"displayModeBar": False},
                    alt=f"{words.title} by labels bought; {said}")  # fmt: skip
    read_this(f"A line is a strategy, up to its last round. {words.better.capitalize() or 'Neither way'} is better.")
    show(numbers)


def card(summary: StudySummary, label: str, others_wait: bool) -> None:
    """One study: facts and grid at the left, its curve at the right. `label` is what it is called in links."""
    detail = cache.study(summary.id)
    with st.container(border=True, key=f"study-{summary.id}"):
        left, right = st.columns([58, 42], gap="medium")
        with left:
            study_card.study_facts(detail)
            study_card.study_grid(detail)
            study_card.failures(detail)
            study_card.waiting_for_review(detail, label)
            study_card.study_actions(detail, on_press=ask, others_wait=others_wait)
            stage_table.stage_drawer(cache.stage_costs(summary.id), detail.runs, summary.id)
            asked_panel.asked_drawer(cache.asked(summary.id), summary.id)
        with right:
            live_curve(detail)


def ask(verb: str, study_id: str, run_id: str | None = None) -> None:
    """Leave the command and say what came of it."""
    try:
        session.say(commands.ask(verb, study_id, run_id))
    except EngineError as error:
        session.say(error=error)


def answer() -> None:
    """What came of the reader's last action."""
    said = session.said()
    if said and said.error:
        messages.error_card(said.error)
    elif said:
        messages.done_card(said.sentence)


@st.fragment(run_every="2s")
def cards(drawn: list[str], chosen: str) -> None:
    """The studies that are under way and the one looked at, and below all of them, so that both say the same.

    Drawn from the cache unless the revision has risen. `drawn` are the states when the page was drawn: when one has
    changed, and no form is open, all of it is drawn anew; so it is when the table leads to another study than `chosen`.
    """
    with messages.frame("The study card"):
        answer()
        studies = cache.studies()
        moved = [s.state for s in studies] != drawn and session.draft() is None
        if moved or session.text_of("study") != chosen:
            st.rerun()
        live = [s for s in studies if s.state in study_card.UNDER_WAY and study_card.is_live(cache.study(s.id))][:SHOWN]
        ids = list(dict.fromkeys(s.id for s in (*live, session.looking().study) if s is not None))
        labels = study_labels(studies)
        shown = [(label, study) for label, study in labels.items() if study.id in ids]
        for label, summary in sorted(shown, key=lambda one: ids.index(one[1].id)):
            card(summary, label, others_wait=any(other.id != summary.id for other in live))
        key = f"studies-{len(studies)}-{studies[0].id}"  # a new study moves the rows: an old selection must not stay
        study_table.study_table(studies, key, on_select=lambda: session.show_chosen("study", key, list(labels)))


studies = cache.studies()
head, action = st.columns([80, 20], vertical_alignment="center")
with head:
    page_head("Studies", SENTENCE)
with action:
    offered = commands.sample() if studies else None
    asked = start_form(offered, list(study_labels(studies)), primary=bool(studies), number=session.drafts())
serve(asked, study_labels(studies))
if studies:
    cards([study.state for study in studies], session.text_of("study"))
    asking.task_list()
else:
    sample = commands.sample()
    keeps = commands.sample_keeps() if sample else ""
    empty("No study is here yet.", f"A study compares strategies over one pool. The sample takes some minutes. {keeps}")
    with st.container(horizontal=True, horizontal_alignment="center"):
        go = sample is not None and st.button("Start the sample study", type="primary", icon=":material/play_arrow:")
    if sample is not None and go:
        start_file(sample)
