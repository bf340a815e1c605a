"""The figures of the page Explore as tables, for who reads and does not look: bars, rounds, matrices, bands."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from engine.store.summaries import StrategyRef
from workbench.charts.agreement import Batch, Density
from workbench.charts.ridges import median
from workbench.charts.scores import Panel, bars_of, known
from workbench.components.markup import escaped, show, table
from workbench.wording import NOTHING, integer, number

BANDS = 8
"""Rows of the table of a density."""


def bars_table(panels: Sequence[Panel]) -> None:
    """A row a bar: from, to, and how many candidates, answered and picked pairs lie there."""
    with _folded("bars"):
        for panel in panels:
            edges, *columns = bars_of(panel)
            rows = [
                [number(low), number(high), *(integer(n) for n in counts)]
                for low, high, *counts in zip(edges[:-1], edges[1:], *columns, strict=True)
                if sum(counts)
            ]
            head = [("from", True), ("below", True), ("candidates", True), ("already answered", True), ("picked", True)]
            show(f"<small>{escaped(panel.axis)}</small>{table(head, rows)}")


def rounds_table(rounds: Mapping[int, Panel], key: str) -> None:
    """A row a round: its candidates, the quarters of their values, and the middle of the picks'."""
    with _folded(key):
        rows = []
        for n, panel in rounds.items():
            quarters = np.quantile(panel.ordered, [0.25, 0.75])
            picked = np.sort(known(panel.picked))
            middle = number(median(picked)) if len(picked) else NOTHING
            rows.append([integer(n), integer(len(panel.ordered)), number(float(quarters[0])),
                         number(median(panel.ordered)), number(float(quarters[1])), middle])  # fmt: skip
        head = ["round", "pairs", "lower quarter", "median", "upper quarter", "median of the picks"]
        show(table([(title, True) for title in head], rows))


def matrix_table(strategies: Sequence[StrategyRef], words: Mapping[tuple[str, str], str]) -> None:
    """A row and a column a strategy; `words`, numbers as text, say each two."""
    with _folded("agree"):
        rows = [
            [escaped(one.title), *(words[one.name, other.name] if one != other else "" for other in strategies)]
            for one in strategies
        ]
        show(table([("strategy", False), *((other.title, True) for other in strategies)], rows))


def bands_table(density: Density, batches: Sequence[Batch], titles: tuple[str, str]) -> None:
    """A row a band along x: its pairs, the middle of y among them, and each strategy's picks."""
    with _folded("against"):
        middle = (density.y_edges[:-1] + density.y_edges[1:]) / 2
        rows = []
        for columns in np.array_split(np.arange(density.counts.shape[1]), BANDS):
            counts = density.counts[:, columns].sum(axis=1)
            low, high = density.x_edges[columns[0]], density.x_edges[columns[-1] + 1]
            last = columns[-1] + 1 == density.counts.shape[1]
            half = np.searchsorted(np.cumsum(counts), counts.sum() / 2)
            picks = [int(((b.x >= low) & ((b.x < high) | (last & (b.x == high)))).sum()) for b in batches]
            rows.append([number(low), number(high), integer(counts.sum()),
                         number(middle[half]) if counts.any() else NOTHING, *map(integer, picks)])  # fmt: skip
        head = ["from", "below", "pairs", "median y, by its cell", *(f"picked by {b.strategy.title}" for b in batches)]
        across = f"Bands of {titles[0]}; y is {titles[1]}."
        show(f"<small>{escaped(across)}</small>{table([(title, True) for title in head], rows)}")


def _folded(key: str) -> st.delta_generator.DeltaGenerator:
    return st.expander("As a table", key=f"table-{key}")
