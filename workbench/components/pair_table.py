"""Pairs as a table to choose from, and one of them to read: prompt, both responses, what each strategy made of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from engine.store.summaries import PairTexts, StrategyRef
from workbench.components.foreign_text import conversation, first_line, folding
from workbench.components.markup import dot, escaped, foreign, heading, show, table
from workbench.wording import NOTHING, count, integer, number


@dataclass(frozen=True)
class Standing:
    """Where a pair stands with a strategy: score and percentile (None without), place in the batch (0: not in it)."""

    strategy: StrategyRef
    score: float | None
    percentile: float | None
    place: int


def pair_table(
    rows: pd.DataFrame, n: int, texts: Sequence[PairTexts], key: str, on_select: Callable[[], None], height: int = 280
) -> None:
    """The rows of `rows_of`, of `n`, with the start of each prompt. Drawn on a canvas: text stays text."""
    lines = {pair.pair_id: first_line(pair.messages, 120) for pair in texts}
    frame = rows.copy()
    frame.insert(0, "prompt", [lines.get(pair_id, NOTHING) for pair_id in frame["pair_id"]])
    frame = frame.rename(columns={"pair_id": "pair"})[[*(c for c in frame.columns if c != "pair_id"), "pair"]]
    values = list(frame.select_dtypes("number").columns)
    ranks = [name for name in values if name.startswith("percentile ")]
    numbers: dict[str, Any] = {}
    for name in values:
        what = "%ile" if name in ranks else "score" if name.startswith("score ") else "signal"
        short = what if len(ranks) == 1 else name.replace("percentile", "%ile")
        numbers[name] = st.column_config.NumberColumn(
            short, format="%.1f" if what == "%ile" else "%.3f", width=58 if short == what else 92, help=name
        )
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row",
        row_height=30,
        placeholder=NOTHING,
        height=min(height, 38 + 30 * max(1, len(frame))),
        column_config={
            "prompt": st.column_config.TextColumn(width=150),
            "picked by": st.column_config.TextColumn(width=84 if values else 140),
            "by hand": st.column_config.TextColumn(width=66),
            **numbers,
        },
        alt="Pairs with the start of their prompt, scores and percentiles",
    )
    if n > len(rows):
        show(f"<small>The first {integer(len(rows))} of {integer(n)} pairs.</small>")


def read_pair(pair: PairTexts, standings: Sequence[Standing], course: Callable[[str], None]) -> None:
    """The pair: prompt and responses at the left, what every strategy of the round made of it at the right.

    `course` draws the margin of a pair through the rounds.
    """
    with st.container(border=True):
        left, right = st.columns([68, 32], gap="medium")
        with left:
            head = heading(f"Pair {pair.pair_id[:9]}", f"prompt, {count(len(pair.messages), 'turn')}")
            sides = _side("A", pair.response_a, pair.source_a) + _side("B", pair.response_b, pair.source_b)
            talk = f'<div style="margin-top:.6rem">{conversation(pair.messages)}</div>'
            show(f'{head}{talk}<div class="sides">{sides}</div>')
        with right:
            show(heading("In this round") + standings_table(standings))
            show("<small>Scores have no unit. The percentile counts the candidates that score lower.</small>")
            course(pair.pair_id)


def standings_table(standings: Sequence[Standing]) -> str:
    """A row a strategy: the pair's score, its percentile among the candidates, and which pick it was."""
    rows = [
        [
            f'<span class="whole">{dot(found.strategy.slot)}{escaped(found.strategy.title)}</span>',
            number(found.score),
            number(found.percentile, 1),
            f"pick {found.place}" if found.place else NOTHING,
        ]
        for found in standings
    ]
    return table([("strategy", False), ("score", True), ("percentile", True), ("picked", True)], rows)


def legend(parts: Mapping[str, tuple[str, int]]) -> str:
    """A key under a chart with counts: what it is → (style of its square, how many pairs)."""
    return " ".join(
        f'<small class="whole" style="margin-right:1rem"><span class="dot" style="border-radius:2px;{style}"></span>'
        f"{escaped(what)} {integer(n)}</small>"
        for what, (style, n) in parts.items()
    )


def _side(letter: str, text: str, source: str) -> str:
    about = " · ".join(filter(None, [source and foreign(source), count(len(text.split()), "word")]))
    return (
        f'<div class="side"><header><span class="letter {letter.lower()}">{letter}</span>'
        f"<small>{about}</small></header>{folding(text)}</div>"
    )
