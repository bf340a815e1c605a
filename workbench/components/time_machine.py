"""The time machine: a slider over rounds, what changed its mind between two, and a pair's margin through them all."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.analysis.minds import Turned, changes, turned
from engine.store.probed import Course
from engine.store.summaries import PairTexts, RunSummary
from workbench import browsing, cache, margins, session
from workbench.charts.margins import CHANGED_WORDS, COURSE_WORDS, changed_figure, course_figure, prefers
from workbench.charts.palette import Mode
from workbench.components.foreign_text import first_line
from workbench.components.how_to_read import read_this
from workbench.components.markup import empty, escaped, heading, show, table
from workbench.components.news import news
from workbench.components.score_choice import clicked_pair
from workbench.session import Looking
from workbench.wording import ANSWERS, NOTHING, count, integer, listed, number, signed

BARE = {"displaylogo": False, "displayModeBar": False}
BEFORE = "since the round before"
SHOWN = 200
"""Rows of the table at most: those that changed most."""
NO_PANEL = "A study records its picks and some of its pool too if its file says so: evaluation: {probe: 256}."


def round_slider(looking: Looking) -> None:
    """The sidebar's slider once more, where the eye is, and the badge: both sliders are one value, that of the link."""
    run = looking.run
    if looking.round is None or run is None:
        return
    with st.container(key="time-machine"):
        news(len(looking.rounds), lambda: len(cache.rounds(run.study_id, run.id)))
        if len(looking.rounds) > 1:
            session.choose("round_here", str(looking.round))
            st.select_slider(
                "Round", [str(n) for n in looking.rounds], key="round_here",
                on_change=lambda: session.choose("round", session.value_of("round_here")),
                help="The same as in the sidebar: it moves the picks, labels and scores on this page.",
            )  # fmt: skip


def what_changed(looking: Looking) -> None:
    """Pairs whose margin changed most, or changed sides, between two rounds; a row or mark leads to the pair."""
    run, at = looking.run, looking.round
    if run is None or at is None:
        return
    after = margins.after(run, at)
    if after.empty:
        since = 0
        show(heading("What changed its mind", f"margins after round {at} against those before any training"))
    else:
        with st.container(horizontal=True, vertical_alignment="center", key="changed-head"):
            show(heading("What changed its mind"), width="content")
            since = _since(at)
            show(f"<small>margins after round {at} against those after round {since}</small>")
    before = margins.after(run, since)
    if after.empty or before.empty:
        empty(f"Round {at} has not been evaluated yet." if after.empty else "No margins are recorded there.",
              "Margins are measured after each round's training.")  # fmt: skip
        return
    found = changes(before, after)
    show(f"<p>{escaped(turned_words(turned(found), since))}</p>")
    left, right = st.columns([48, 52], gap="medium")
    with left:
        _cloud(found, run, since, at, session.mode())
    with right:
        _changed_table(found, run, since, at)


def _since(at: int) -> int:
    """The round to compare with; the one before is the usual one, whatever round is looked at."""
    rounds = {f"since round {n}": n for n in range(at - 1)}
    chosen = st.selectbox(
        "since round", [BEFORE, *rounds], key="since", bind="query-params", width=190, label_visibility="collapsed"
    )
    return rounds.get(chosen, at - 1)


def turned_words(found: Turned, since: int) -> str:
    """ "91 of 504 pairs changed sides: 48 now agree with their label, 43 do not." """
    if found.turned == 0:
        none = f"None of {count(found.n, 'pair')} changed sides."
        return f"{none} Before any training every margin is 0." if since == 0 else none
    labelled = found.agree + found.disagree
    parts = [f"{integer(found.agree)} now agree with their label"] if labelled else []
    parts += [f"{integer(found.disagree)} do not"] if labelled else []
    parts += [f"{integer(found.unlabelled)} have no label"] if found.unlabelled else []
    return f"{integer(found.turned)} of {count(found.n, 'pair')} changed sides: {listed(parts)}."


def _cloud(found: pd.DataFrame, run: RunSummary, since: int, at: int, mode: Mode) -> None:
    key = f"changed-{run.id}-{since}-{at}"
    figure = changed_figure(found, since, at, run.strategy.slot, mode=mode)
    st.plotly_chart(
        figure, theme=None, key=key, config=BARE, selection_mode=("points",),
        on_select=lambda: session.show_selected("pair", key, clicked_pair),
        alt=f"margins of {count(len(found), 'pair')} after round {at} over those after round {since}; their table is "
        "beside it",
    )  # fmt: skip
    sets = [name.replace("_", " ") for name in dict.fromkeys(found["held_out"]) if name]
    panel = int((found["held_out"] == "").sum())
    of = listed([*(f"held-out {name}" for name in sets), *([f"{integer(panel)} of the probe panel"] if panel else [])])
    drawn = f"{count(len(found), 'pair')} measured in both rounds: {of}."
    show(f"<small>{escaped(drawn)}</small>")
    read_this(CHANGED_WORDS)
    if not panel:
        show(f"<small>{escaped(NO_PANEL)}</small>")


def _changed_table(found: pd.DataFrame, run: RunSummary, since: int, at: int) -> None:
    only = st.toggle("only those that changed sides", key="turned", bind="query-params")
    rows = (found[found["turned"]] if only else found).head(SHOWN)
    if rows.empty:
        empty("None changed sides.", "Switch it off to see those whose margin changed most.")
        return
    ids = rows["pair_id"].tolist()
    key = f"changed-table-{run.id}-{since}-{at}-{only}"
    st.dataframe(
        changed_rows(rows, browsing.pair_texts(tuple(ids))), key=key, hide_index=True, height=300, row_height=30,
        selection_mode="single-row", on_select=lambda: session.show_chosen("pair", key, ids),
        column_config={"prompt": st.column_config.TextColumn(width=110), **_numbers(), **_words()},
        alt="Pairs by the change of their margin, with the side preferred before and after and the label",
    )  # fmt: skip
    show(f"<small>{integer(len(rows))} of {count(len(found), 'pair')}, the greatest change first, in reward units. "
         "Choose a row to read the pair.</small>")  # fmt: skip


def _numbers() -> dict[str, Any]:
    return {name: st.column_config.NumberColumn(format="%+.2f", width=58) for name in ("before", "after", "change")}


def _words() -> dict[str, Any]:
    return {
        name: st.column_config.TextColumn(width=wide) for name, wide in (("prefers", 50), ("label", 74), ("now", 60))
    }


def changed_rows(rows: pd.DataFrame, texts: Sequence[PairTexts]) -> pd.DataFrame:
    """The table: start of the prompt, margins, the side preferred, the label, where the pair is from, its id."""
    lines = {pair.pair_id: first_line(pair.messages, 120) for pair in texts}
    sides = rows["after"].map(lambda margin: {1: "A", -1: "B"}.get((margin > 0) - (margin < 0), NOTHING))
    old = rows["before"].map(lambda margin: {1: "A", -1: "B"}.get((margin > 0) - (margin < 0), NOTHING))
    where = [
        f"held-out {held.replace('_', ' ')}" if held else f"picked in round {n}" if n else "pool"
        for held, n in zip(rows["held_out"], rows["picked"], strict=True)
    ]
    return pd.DataFrame(
        {
            "prompt": [lines.get(pair_id, NOTHING) for pair_id in rows["pair_id"]],
            "before": rows["before"].to_numpy(),
            "after": rows["after"].to_numpy(),
            "change": rows["change"].to_numpy(),
            "prefers": [f"{a} → {b}" if a != b else b for a, b in zip(old, sides, strict=True)],
            "label": [ANSWERS.get(answer, NOTHING) for answer in rows["answer"]],
            "now": rows["agrees"].map({1.0: "right", 0.0: "wrong"}).fillna(NOTHING).to_numpy(),
            "from": where,
            "pair": rows["pair_id"].to_numpy(),
        }
    )


def pair_course(run: RunSummary, pair_id: str, height: int = 170) -> None:
    """A pair's margin through the rounds of a run, with when it was picked and how it was labelled."""
    found = margins.course(run, pair_id)
    show(
        heading("Margin by round", f"{run.strategy.title}, seed {run.seed}") + f"<p>{escaped(course_words(found))}</p>"
    )
    if len(found.margins) < 2:
        return
    st.plotly_chart(
        course_figure(found, max(run.rounds_total, *found.margins), run.strategy.slot, mode=session.mode(),
                      height=height),
        theme=None, key=f"course-{run.id}-{pair_id}", config=BARE, alt=f"Margin by round. {course_words(found)}",
    )  # fmt: skip
    read_this(COURSE_WORDS)
    rows = [[integer(n), number(margin, 3), prefers(margin)] for n, margin in found.margins.items()]
    margin_table = table([("after round", True), ("margin", True), ("which", False)], rows)
    show(f"<details><summary>as a table</summary>{margin_table}</details>")


def course_words(found: Course) -> str:
    """When it was picked and labelled, and from where to where its margin went."""
    if found.held_out:
        where = f"Held out ({found.held_out.replace('_', ' ')}): never picked."
    elif found.picked is None:
        where = "Not picked in any evaluated round."
    else:
        answer = ANSWERS.get(found.answer, "")
        where = f"Picked in round {found.picked}" + (f", labelled: {answer}." if answer else ", not labelled yet.")
    known = list(found.margins.items())
    if not known:
        return f"{where} No round recorded its margin. {NO_PANEL}"
    (first, low), (last, high) = known[0], known[-1]
    if len(known) == 1:
        return f"{where} One round recorded its margin: {signed(low, 2)} after round {first}. {NO_PANEL}"
    return f"{where} Margin {signed(low, 2)} after round {first}, {signed(high, 2)} after round {last}."
