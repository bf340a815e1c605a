"""Picks of one strategy, of both, of neither: three lists side by side with a pair of each to read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.analysis.ranks import percentiles
from engine.store.summaries import PairTexts, StrategyRef
from workbench.components.foreign_text import conversation, first_line, folding
from workbench.components.markup import dot, escaped, foreign, heading, show, table
from workbench.wording import NOTHING, count, integer, number

LISTED = 200
"""Rows of a list at most."""


@dataclass(frozen=True)
class Batch:
    """A strategy's picks, best first, and its scores (n,) by the pool's row; all NaN where it gives none."""

    strategy: StrategyRef
    picks: tuple[str, ...]
    scores: np.ndarray

    @property
    def order(self) -> str:
        """What the order of its picks says."""
        return "best first" if np.isfinite(self.scores).any() else "in the order drawn"

    @property
    def percentiles(self) -> np.ndarray:
        """Of every pair of the pool the share of scores that are lower, in percent; equal ones count by half."""
        if not np.isfinite(self.scores).all():
            return np.full(len(self.scores), np.nan)
        return percentiles(pd.Series(self.scores)).to_numpy()


@dataclass(frozen=True)
class Part:
    """One of the three lists: its title, how many pairs belong to it, and those that are listed."""

    title: str
    aside: str
    n: int
    ids: tuple[str, ...]


def parts_of(first: Batch, second: Batch, ids: Sequence[str]) -> list[Part]:
    """Only the first's, both's, only the second's, and neither's; the last in the order of what nearly was picked."""
    one, other = set(first.picks), set(second.picks)
    only = tuple(i for i in first.picks if i not in other)
    also = tuple(i for i in second.picks if i not in one)
    both = tuple(i for i in first.picks if i in other)
    known = np.stack([first.percentiles, second.percentiles])
    scored = np.isfinite(known).any(axis=1)
    near = known[scored].mean(axis=0) if scored.any() else np.zeros(len(ids))
    left = [row for row in np.argsort(-near, kind="stable") if ids[row] not in one and ids[row] not in other]
    neither = tuple(ids[row] for row in left[:LISTED])
    return [
        Part(f"only {first.strategy.title}", first.order, len(only), only[:LISTED]),
        Part("both", f"in the order of {first.strategy.title}", len(both), both[:LISTED]),
        Part(f"only {second.strategy.title}", second.order, len(also), also[:LISTED]),
        Part("neither", "nearest to being picked first" if scored.any() else "in no order", len(left), neither),
    ]


NEITHER, OTHER = "neither", "only the second"


def choose_two(refs: Sequence[StrategyRef]) -> tuple[str, str, str]:
    """Whose picks stand beside whose (names of `refs`), and what the third list is: neither's or the second's own."""
    titles = [f"{ref.name} {ref.title}" for ref in refs]
    begin = next((n for n, ref in enumerate(refs) if ref.slot), 0)  # random is no news
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("Picks of", titles, index=begin, key="one", bind="query-params", width=230)
        others = [title for title in titles if title != first]
        second = st.selectbox("beside those of", others, index=min(begin, len(others) - 1), key="other",
                              bind="query-params", width=230)  # fmt: skip
        third = st.segmented_control("Third list", [NEITHER, OTHER], default=NEITHER, key="third",
                                     bind="query-params", required=True)  # fmt: skip
        st.text_input("Pair", key="pair", bind="query-params", placeholder="the first of each list", width=190)
    return refs[titles.index(first)].name, refs[titles.index(second)].name, third or NEITHER


def part_list(
    part: Part, batches: Sequence[Batch], rows: dict[str, int], texts: Sequence[PairTexts], key: str,
    on_select: Callable[[], None],
) -> None:  # fmt: skip
    """The pairs as a table to choose from. Drawn on a canvas: text stays text."""
    show(heading(part.title[:1].upper() + part.title[1:], f"{count(part.n, 'pair')}, {part.aside}"))
    if not part.ids:
        show('<div class="empty" style="padding:1rem"><small>No pair.</small></div>')
        return
    lines = {pair.pair_id: first_line(pair.messages, 120) for pair in texts}
    columns: dict[str, list[object]] = {"prompt": [lines.get(i, NOTHING) for i in part.ids]}
    for batch in batches:
        place = {pair_id: n for n, pair_id in enumerate(batch.picks, start=1)}
        columns[f"pick {batch.strategy.name}"] = [place.get(i) for i in part.ids]
        if np.isfinite(batch.scores).any():
            columns[f"%ile {batch.strategy.name}"] = [float(batch.percentiles[rows[i]]) for i in part.ids]
    frame = pd.DataFrame(columns).dropna(axis="columns", how="all")
    numbers = {name: st.column_config.NumberColumn(format="%.1f" if name.startswith("%") else "%d", width=54)
               for name in frame.columns if name != "prompt"}  # fmt: skip
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row",
        row_height=30,
        height=min(len(frame), 6) * 30 + 38,
        column_config={"prompt": st.column_config.TextColumn(width=130), **numbers},
        alt=f"Pairs picked by {part.title}, with pick numbers and percentiles",
    )
    if part.n > len(part.ids):
        show(f"<small>The first {integer(len(part.ids))} of {count(part.n, 'pair')}.</small>")


def lab_pair(pair: PairTexts, batches: Sequence[Batch], row: int) -> None:
    """A pair to read, A above B, and what every strategy made of it."""
    head = heading(f"Pair {pair.pair_id[:9]}", f"prompt, {count(len(pair.messages), 'turn')}")
    sides = _side("A", pair.response_a, pair.source_a) + _side("B", pair.response_b, pair.source_b)
    talk = f'<div style="margin-top:.5rem">{conversation(pair.messages)}</div>'
    show(f'{head}{talk}<div class="sides stacked">{sides}</div>')
    lines = []
    for batch in batches:
        score, place = (
            float(batch.scores[row]),
            batch.picks.index(pair.pair_id) + 1 if pair.pair_id in batch.picks else 0,
        )
        lines.append([
            f'<span class="whole">{dot(batch.strategy.slot)}<b>{batch.strategy.name}</b></span> '
            f"{escaped(batch.strategy.title)}",
            number(score), number(float(batch.percentiles[row]), 1), f"pick {place}" if place else NOTHING,
        ])  # fmt: skip
    with st.expander("What every strategy makes of it"):
        show(table([("strategy", False), ("score", True), ("percentile", True), ("picked", True)], lines))
        show("<small>Scores have no unit; higher means: label sooner.</small>")


def _side(letter: str, text: str, source: str) -> str:
    about = " · ".join(filter(None, [source and foreign(source), count(len(text.split()), "word")]))
    return (
        f'<div class="side"><header><span class="letter {letter.lower()}">{letter}</span>'
        f"<small>{about}</small></header>{folding(text)}</div>"
    )
