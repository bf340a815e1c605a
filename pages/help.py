"""Help: what this is, the words, the strategies with their formulas, the metrics. All of it from the code itself."""

import streamlit as st
from pydantic import BaseModel

from engine.config import StudyConfig
from engine.filters.base import FILTERS
from engine.oracles.base import ORACLES
from engine.samplers.base import SAMPLERS
from engine.settings import (
    DataSettings,
    DPOSettings,
    EvaluationSettings,
    LoraSettings,
    ModelSettings,
    RefereeSettings,
    Regime,
)
from engine.signals.base import SIGNALS
from engine.strategies.base import STRATEGIES
from engine.trackers.base import TRACKERS
from workbench import session
from workbench.components.help_metrics import metrics_table
from workbench.components.help_plugins import paragraphs, parameters, room
from workbench.components.help_words import what_this_is, words_table
from workbench.components.markup import heading, page_head, show

CHAPTERS = ("start", "words", "strategies", "signals", "samplers and oracles", "trackers", "metrics", "study file")
SETTINGS: dict[str, type[BaseModel]] = {
    "the study": StudyConfig,
    "data": DataSettings,
    "model": ModelSettings,
    "model.lora": LoraSettings,
    "regime": Regime,
    "dpo": DPOSettings,
    "evaluation": EvaluationSettings,
    "referee": RefereeSettings,
}


def study_file() -> None:
    """Every part of a study file with what it takes."""
    show(heading("Study file", "YAML; unknown keys are refused, and every mistake is named at once"))
    for name, settings in SETTINGS.items():
        with st.container(border=True):
            show(heading(name) + paragraphs(settings))
            parameters(settings)


def page() -> None:
    """One chapter at a time; the link says which."""
    page_head("Help", "What this is, the words, the strategies with their formulas, and the metrics.")
    chapter = st.segmented_control(
        "Chapter", CHAPTERS, default=CHAPTERS[0], key="chapter", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if chapter == "words":
        words_table()
    elif chapter == "strategies":
        room(STRATEGIES, "A higher score means: label sooner.")
    elif chapter == "signals":
        room(SIGNALS, "Computed once a round for every strategy that asks.")
    elif chapter == "samplers and oracles":
        room(SAMPLERS, "They say where candidate pairs come from.")
        room(ORACLES, "They answer which of two responses is better.")
        room(FILTERS, "They leave labels out of training after they were bought; no strategy sees them.")
    elif chapter == "trackers":
        room(TRACKERS, "They log runs elsewhere, stage by stage; one that fails stops no run.")
    elif chapter == "metrics":
        metrics_table()
    elif chapter == "study file":
        study_file()
    else:
        what_this_is()
        words = "Six pages in plain words; close it at any time."
        st.button("Take the tour", icon=":material/tour:", help=words, on_click=lambda: session.tour_to(0))


page()
