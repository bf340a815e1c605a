"""The parts of "Looking at". Each is a widget under a key that is also its name in the link.

A value that is the default stays out of the link; one that is no longer there falls back to the default.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.store.summaries import RunSummary, StrategyRef, StudySummary
from workbench.components.markup import escaped, show


def study_labels(studies: Sequence[StudySummary]) -> dict[str, StudySummary]:
    """Name → study, newest first; of several with one name, all but the oldest get the start of their id behind it.

    The oldest keeps the plain name, so that a link made before the others were started still leads to it.
    """
    oldest = {study.name: study.id for study in sorted(studies, key=lambda s: s.created, reverse=True)}
    return {s.name if oldest[s.name] == s.id else f"{s.name} ({s.id[-6:]})": s for s in studies}


def pick_study(labels: dict[str, StudySummary]) -> StudySummary:
    """The study. There is no default, so that a link always says which; the caller has settled on one."""
    chosen = st.selectbox(
        "Study", list(labels), index=None, required=True, key="study", bind="query-params",
        label_visibility="collapsed", placeholder="Study",
    )  # fmt: skip
    return labels[chosen] if chosen in labels else next(iter(labels.values()))


def pick_strategy(strategies: Sequence[StrategyRef]) -> StrategyRef:
    """The strategy; the first that is not random is the default."""
    by_title = {s.title: s for s in strategies}
    first = next((n for n, s in enumerate(strategies) if s.slot != 0), 0)
    chosen = st.selectbox(
        "Strategy", list(by_title), index=first, key="strategy", bind="query-params", label_visibility="collapsed"
    )
    return by_title[chosen]


def pick_run(runs: Sequence[RunSummary]) -> RunSummary:
    """The run of the strategy, by its seed."""
    by_seed = {str(run.seed): run for run in runs}
    seeds = list(by_seed)
    chosen = st.segmented_control(
        "Seed", seeds, default=seeds[0], key="seed", bind="query-params", required=True, width="stretch"
    )
    return by_seed[chosen or seeds[0]]


def run_words(strategy: str, regime: Mapping[str, Any] | None, seed: int, arm: str = "") -> str:
    """A run, the same on every page: strategy · regime · seed · arm, where a study has arms."""
    how = regime_words(regime)
    return " · ".join(part for part in (strategy, how, f"seed {seed}", f"arm {arm}" if arm else "") if part)


def regime_words(regime: Mapping[str, Any] | None) -> str:
    """ "pool fixed, weights reset, data cumulative"."""
    return ", ".join(f"{part} {value}" for part, value in (regime or {}).items())


def say_run(run: RunSummary, regime: Mapping[str, Any] | None) -> None:
    """The run that is looked at, under its seed."""
    words = run_words(run.strategy.title, regime, run.seed, run.arm)
    show(f'<small title="run {escaped(run.id)}">Run: {escaped(words)}</small>')


def pick_round(rounds: Sequence[int], names: Sequence[str]) -> int:
    """One of `rounds`, those that have picks, on a slider over `names`, all that the run is to have.

    The slider is as long from the first round on, and its default is the last round of all: so it does not move under
    the reader while a run goes on, and a link says which round it means.
    """
    if len(names) == 1:  # a slider needs two ends
        show(f"<small>Round {names[0]}, the only one</small>")
        return rounds[0]
    chosen = int(st.select_slider("Round", names, value=names[-1], key="round", bind="query-params"))
    known = chosen if chosen in rounds else max((n for n in rounds if n < chosen), default=rounds[0])
    there = "" if len(rounds) == len(names) else f"{rounds[-1]} of {len(names)} rounds are there. "
    if chosen != known:
        show(f'<div class="note warn"><small>Round {chosen} is to come. You see round {known}.</small></div>')
    elif there:
        show(f"<small>{there}</small>")
    return known


def pick_pair() -> str:
    """A pair's id as text, so that a link can lead to it; "" for the first pick."""
    return st.text_input("Pair", key="pair", bind="query-params", placeholder="the first pick").strip()
