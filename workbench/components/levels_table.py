"""The numbers behind a curve: each strategy's last level with its interval, every round's, and both in words."""

from typing import Any

import pandas as pd

from workbench.charts.levels import last_levels
from workbench.components.markup import dot, escaped, show, table
from workbench.wording import NOTHING, between, integer, listed, number


def levels_table(levels: pd.DataFrame, unit: str) -> None:
    """The table on the page."""
    show(levels_markup(levels, unit))


def levels_markup(levels: pd.DataFrame, unit: str) -> str:
    """A row a strategy in slot order; `levels` as `charts.levels.levels` gives it."""
    rows = [
        [
            f'<span class="whole">{dot(int(row.slot))}{escaped(row.title)}</span>',
            integer(row.labels),
            f"<b>{number(row.mean)}</b>",
            between(row.low, row.high) if row.seeds >= 3 else "<small>takes 3 seeds</small>",
            integer(row.seeds),
        ]
        for row in last_levels(levels).itertuples()
    ]
    head = [
        ("strategy", False),
        ("labels bought", True),
        (f"mean, {unit}", True),
        ("95 % interval", True),
        ("seeds", True),
    ]
    return table(head, rows)


def rounds_markup(levels: pd.DataFrame, unit: str) -> str:
    """Folded away: a row a round, a column a strategy: the mean, and from three seeds on its interval."""
    strategies = levels.drop_duplicates("strategy").sort_values("slot")
    at = {(row.strategy, row.round): row for row in levels.itertuples()}
    rows = []
    for number_ in sorted(set(levels["round"])):
        found = [at.get((strategy, number_)) for strategy in strategies["strategy"]]
        labels = max(row.labels for row in found if row is not None)
        rows.append([integer(number_), integer(labels), *map(_level, found)])
    titles = [(str(title), True) for title in strategies["title"]]
    drawn = table([("round", True), ("labels bought", True), *titles], rows)
    return f"<details><summary>every round as a table, {escaped(unit)}</summary>{drawn}</details>"


def _level(row: Any) -> str:
    if row is None:
        return NOTHING
    interval = f"<br><small>{between(row.low, row.high)}</small>" if row.seeds >= 3 else ""
    return f"{number(row.mean)}{interval}"


def levels_words(levels: pd.DataFrame) -> str:
    """ "last means: random 0.690, ActiveDPO 0.712": a figure of curves for who does not see it."""
    last = [f"{row.title} {number(row.mean)}" for row in last_levels(levels).itertuples()]
    return f"last means: {listed(last)}" if last else "nothing is measured yet"
