"""Agreement by topic and strategy, whether a strategy buys noise, and seconds by length: figures with their numbers"""

import streamlit as st

from engine.analysis.alpha import Alpha
from workbench.charts.palette import Mode
from workbench.charts.worth import Row, rows_figure, seconds_figure
from workbench.components.how_to_read import read_this
from workbench.components.markup import empty, foreign, heading, show, table
from workbench.wording import NOTHING, between, integer, number, signed
from workbench.worth import MEASURES, Worth

CONFIG = {"displayModeBar": False}
AGREEMENT = (
    "A mark is Krippendorff's α of that group, its bar a 95 % interval. 1 is full agreement, 0 what chance gives. "
    "Strategies that pick hard pairs have lower α without worse labellers."
)
NOISE = (
    "A mark is the noise of a strategy's picks minus that of pairs drawn at random, its bar a 95 % interval. Right of "
    "0 the strategy buys noisier labels. Few pairs give wide bars."
)
SECONDS = (
    "A mark is a fifth of the timed answers: median seconds, half of the answers within the bar. Times above 15 "
    "minutes count as 15. Longer pairs take longer; that is no fault."
)
NO_AGREEMENT = "No pair has two answers that could differ."
SECOND = {
    "people": "Let a part of the pairs be answered twice: oracle.answers_per_pair: 1.2 asks two people about every "
    "fifth.",
    "models": "An oracle answers each pair once. A judge's steadiness is its consistency over both orders; agreement "
    "is of people, or of simulated labellers over seeds.",
    "file": "The file has one answer to each pair, or all its answers are the same.",
}
NO_NOISE = (
    "Whether a strategy buys noise cannot be told yet.",
    "It takes 10 pairs with two answers, or with scores, among the strategy's picks and among pairs drawn at random.",
)
NO_SECONDS = ("No answer was timed.", "The page Label notes the seconds of each answer.")


def agreement_panel(found: Worth, mode: Mode) -> None:
    """Alpha of all, by strategy, by topic, and by the clusters of the newest map."""
    clusters = [(f"cluster: {name}", one) for name, one in found.by_cluster]
    groups = [("all pairs", found.alpha), *found.by_strategy, *found.by_topic, *clusters]
    show(heading("Agreement", "Krippendorff's α of all answers, by strategy, topic and cluster of the map"))
    rows = [Row(name, one.alpha, one.low, one.high, one.pairs) for name, one in groups if one.alpha is not None]
    if not rows:
        empty(NO_AGREEMENT, SECOND["file" if found.source == "file" else "people" if found.people else "models"])
        return
    figure = rows_figure(rows, "Krippendorff's α (no unit)", 0.0, mode)
    st.plotly_chart(
        figure, theme=None, key="alpha", config=CONFIG, alt="Krippendorff's alpha of each group with its interval"
    )
    read_this(AGREEMENT if found.by_cluster else f"{AGREEMENT} Clusters are here once the page Map has made them.")
    with st.expander("The numbers"):
        show(table([("of", False), ("α", True), ("95 %", True), ("pairs", True), ("answers", True)],
                   [_alpha(name, one) for name, one in groups]))  # fmt: skip


def noise_panel(found: Worth, mode: Mode) -> None:
    """Each strategy's noise against random's."""
    said = MEASURES.get(found.measure, "")
    show(heading("Does a strategy buy noise?", said))
    known = [(name, one) for name, one in found.bought if one.difference is not None]
    if not known:
        empty(*NO_NOISE)
        return
    rows = [Row(name, one.difference or 0.0, one.low, one.high, one.n) for name, one in known]
    figure = rows_figure(rows, "noise minus that of random pairs", 0.0, mode)
    st.plotly_chart(
        figure, theme=None, key="noise", config=CONFIG, alt="noise of each strategy against random with its interval"
    )
    read_this(NOISE)
    with st.expander("The numbers"):
        head = [("strategy", False), ("noise", True), ("pairs", True), ("random", True), ("pairs", True),
                ("difference", True), ("95 %", True)]  # fmt: skip
        cells = [
            [foreign(name), number(one.mean), integer(one.n), number(one.random), integer(one.n_random),
             signed(one.difference or 0.0), between(one.low, one.high)]
            for name, one in known
        ]  # fmt: skip
        show(table(head, cells))


def seconds_panel(found: Worth, mode: Mode) -> None:
    """Seconds of an answer by the length of its pair."""
    show(heading("How long an answer takes", "by the length of both responses"))
    if not found.by_length:
        empty(*NO_SECONDS)
        return
    figure = seconds_figure(found.by_length, mode)
    st.plotly_chart(
        figure, theme=None, key="seconds", config=CONFIG, alt="seconds of an answer against the length of its pair"
    )
    read_this(SECONDS)
    with st.expander("The numbers"):
        head = [("characters", True), ("answers", True), ("median s", True), ("half within", True)]
        show(table(head, [
            [integer(part.length), integer(part.n), number(part.median, 1), between(part.low, part.high, 1)]
            for part in found.by_length
        ]))  # fmt: skip


def _alpha(name: str, one: Alpha) -> list[str]:
    value = NOTHING if one.alpha is None else number(one.alpha)
    return [foreign(name), value, between(one.low, one.high), integer(one.pairs), integer(one.answers)]
