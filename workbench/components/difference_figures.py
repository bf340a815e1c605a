"""Strategy against its random twin in pictures: paired differences by round, and the verdicts' intervals."""

from collections.abc import Mapping

import streamlit as st

from engine.evidence import Evidence
from engine.store.summaries import StrategyRef
from workbench.charts.differences import FOREST_WORDS, forest_figure, paired_figure, words_for
from workbench.charts.metrics import set_title
from workbench.charts.palette import Mode
from workbench.components.differences_table import differences_markup
from workbench.components.markup import escaped, heading, show
from workbench.study_words import on_axis, statistic_words

CONFIG = {"displayModeBar": False}


def difference_figures(
    evidence: Evidence, refs: Mapping[str, StrategyRef], mode: Mode, *, focus: str = "", controls: bool = False
) -> None:
    """Both figures side by side, how to read them, and the numbers behind the first; nothing before there are any.

    `controls`: their differences are drawn too.
    """
    paired = evidence.paired if controls else evidence.arms.without_controls(evidence.paired)
    if paired.empty:
        return
    where, arms, declared = set_title(evidence.where), evidence.arms, evidence.declared
    left, right = st.columns([62, 38], gap="medium")
    with left:
        show(heading("Paired difference to random", f"{where}, seed by seed, against labels bought"))
        figure = paired_figure(
            paired, evidence.luck, evidence.ends, refs, arms.twins, arms.again, declared.smallest, mode,
            focus=focus, of=on_axis(declared.metric),
        )  # fmt: skip
        alt = f"strategy minus its random twin against labels bought, {where}"
        st.plotly_chart(figure, key="paired", config=CONFIG, alt=alt)
        show(f"<small><b>How to read this.</b> {escaped(words_for(evidence.luck))}</small>")
    with right:
        show(heading("The verdicts' intervals", f"{where}, {statistic_words(declared.statistic)}"))
        figure = forest_figure(evidence.found, refs, declared.smallest, mode, on_axis(declared.metric))
        st.plotly_chart(figure, key="forest", config=CONFIG, alt=f"verdict of each strategy with its interval, {where}")
        show(f"<small><b>How to read this.</b> {escaped(FOREST_WORDS)}</small>")
    with st.expander("The numbers of every round"):
        show(differences_markup(evidence, refs))
