"""A campaign on the page Curves, in place of verdicts: its one run with intervals, audit slice, shadows, cost"""

import streamlit as st

from workbench.campaign_records import Campaign
from workbench.campaign_words import CURVE
from workbench.charts.campaign import campaign_figure
from workbench.charts.metrics import set_title
from workbench.charts.palette import Mode
from workbench.components.campaign_tables import (
    audit_markup,
    cost_markup,
    differs_markup,
    levels_markup,
    no_verdict_markup,
    shadows_markup,
)
from workbench.components.how_to_read import read_this
from workbench.components.markup import heading, show
from workbench.study_words import AXES, on_axis


def campaign_panel(found: Campaign, mode: Mode) -> None:
    """Everything, in whatever state the campaign is; what is not there yet says so."""
    show(no_verdict_markup(found))
    lines = [(set_title(line.name), [(p.labels, p.level) for p in line.points]) for line in found.lines]
    if lines:
        show(heading("The run on what people answered", "intervals over prompts only"))
        st.plotly_chart(
            campaign_figure(lines, on_axis(found.metric), mode), theme=None, key="campaign",
            config={"displayModeBar": False},
            alt=f"{AXES[found.metric]} of the campaign's run against labels, with intervals",
        )  # fmt: skip
        read_this(CURVE)
        with st.expander("The numbers of every round, with what was gained since round 0"):
            show(levels_markup(found))
    show(audit_markup(found))
    if found.audit.differs:
        show(differs_markup(found))
    show(shadows_markup(found))
    show(cost_markup(found))
