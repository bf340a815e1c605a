"""Is the uncertainty real? Reliability by round, rank correlation, calibration and flips, and the same by topic."""

import math
from collections.abc import Sequence

import streamlit as st

from engine.analysis.certainty import Certainty, Rank, Share
from engine.store.summaries import StrategyRef
from workbench.certainty import Uncertainty
from workbench.charts.palette import Mode
from workbench.charts.reliability import WORDS, reliability_figure
from workbench.components.markup import dot, empty, escaped, foreign, heading, show, table
from workbench.wording import NOTHING, between, count, integer, number

NONE = (
    "No run of this strategy recorded the reward margin.",
    "A study records it in every run if its file names it: panel: [reward_margin, gold_score].",
)
HEAD = (
    ("labels", True), ("disagree with the margin", True), ("rank correlation, |margin| and error", True),
    ("calibration error", True),
)  # fmt: skip
TOPICS = 40
"""Topics that are listed at most."""
READING = (
    "A margin that means something has a rank correlation below 0: the surer, the fewer labels disagree. Calibration "
    "error is the mean distance between the promised and the seen share that agrees. Flips are candidates whose margin "
    "changed its sign since the round before. The error of the reward difference is its distance from the gold scores' "
    "difference, each in units of its own size, over all candidates; an uncertainty that is real correlates above 0."
)


def certainty_panel(found: Uncertainty | None, ref: StrategyRef, mode: Mode) -> None:
    """The figure, a row a round, and a row a topic."""
    if found is None:
        empty(*NONE)
        return
    rounds = [(one.round, one.found) for one in found.rounds]
    seeds = max(one.seeds for one in found.rounds)
    of = f"{count(seeds, 'seed')} together" if seeds > 1 else "1 seed"
    show(f"{dot(ref.slot)}{heading(ref.title, f'margin before each label against the label, {of}')}")
    if any(part.bins for _, part in rounds):
        st.plotly_chart(
            reliability_figure(rounds, ref.slot, mode), key="reliability", config={"displayModeBar": False},
            alt=f"share of labels that disagree with the margin, by |margin| and round, {ref.title}; "
            "every mark is a row of the table under it",
        )  # fmt: skip
        show(f"<small><b>How to read this.</b> {escaped(WORDS)}</small>")
        show(bins_markup(rounds))
    show(certainty_markup(found))


def bins_markup(rounds: Sequence[tuple[int, Certainty]]) -> str:
    """Folded away: a row a mark of the figure, with what the margin promised."""
    rows = [
        [integer(number_), number(part.score, 2), integer(part.wrong.n), _share(part.wrong),
         number(1 / (1 + math.exp(part.score)))]
        for number_, found in rounds for part in found.bins
    ]  # fmt: skip
    head = [("round", True), ("|margin| about", True), *HEAD[:2], ("promised", True)]
    return f"<details><summary>every mark as a table</summary>{table(head, rows)}</details>"


def certainty_markup(found: Uncertainty) -> str:
    """The tables by round and by topic."""
    rows = [[integer(one.round), *_cells(one.found), _share(one.flips), _rank(one.error)] for one in found.rounds]
    last = (("flips since the round before", True), ("rank correlation, score and reward error", True))
    rounds = table([("round", True), *HEAD, *last], rows)
    return f"{rounds}<p><small><b>How to read this.</b> {escaped(READING)}</small></p>{_by_topic(found.together)}"


def _by_topic(together: Certainty) -> str:
    """Folded away: the topics with most labels first."""
    largest = sorted(together.clusters, key=lambda topic: -topic[1].wrong.n)
    if not largest:
        return ""
    rows = [[foreign(name), *_cells(part)] for name, part in largest[:TOPICS]]
    said = f"{count(len(largest), 'topic')}, all rounds together"
    cut = f"; the {TOPICS} with most labels" if len(largest) > TOPICS else ""
    return f"<details><summary>by topic: {said}{cut}</summary>{table([('topic', False), *HEAD], rows)}</details>"


def _cells(found: Certainty) -> list[str]:
    return [integer(found.wrong.n), _share(found.wrong), _rank(found.rank), number(found.calibration)]


def _rank(rank: Rank | None) -> str:
    if rank is None or rank.rho is None:
        return NOTHING
    return f"{number(rank.rho)}<br><small>{between(rank.low, rank.high)}</small>"


def _share(found: Share | None) -> str:
    if found is None or found.share is None:
        return NOTHING
    return f"{number(found.share)}<br><small>{between(found.low, found.high)}</small>"
