"""The numbers behind the paired differences: a row a strategy, a column a round, and the luck of the same round."""

from collections.abc import Mapping

import pandas as pd

from engine.evidence import Evidence
from engine.store.summaries import StrategyRef
from workbench.components.markup import dot, escaped, table
from workbench.wording import NOTHING, integer, signed


def differences_markup(evidence: Evidence, refs: Mapping[str, StrategyRef]) -> str:
    """Mean difference over its 95 % interval by labels bought; below, |second − first| of each random arm."""
    places = sorted(set(evidence.paired["labels"]))
    head = [("strategy minus its twin", False), *((f"{integer(x)} labels", True) for x in places)]
    rows = [
        [f'<span class="whole">{dot(refs[name].slot)}{escaped(refs[name].title)}</span>', *_cells(part, places)]
        for name in refs if len(part := evidence.paired[evidence.paired["strategy"] == name])
    ]  # fmt: skip
    for second, part in evidence.luck.groupby("strategy", sort=False):
        title = refs[str(second)].title if str(second) in refs else "random, again"
        apart = part.set_index("labels")["mean"].abs()
        cells = [f"± {apart[x]:.3f}" if x in apart.index else NOTHING for x in places]
        rows.append([f'<span class="whole">{dot(0)}luck: {escaped(title)}</span>', *cells])
    return table(head, rows)


def _cells(part: pd.DataFrame, places: list[float]) -> list[str]:
    by_labels = {row.labels: row for row in part.itertuples()}
    cells = []
    for x in places:
        row = by_labels.get(x)
        if row is None:
            cells.append(NOTHING)
        elif row.low is None or row.low != row.low or row.low == row.high:  # the same runs differ in nothing
            cells.append(signed(row.mean) if row.mean else "0")
        else:
            cells.append(f"{signed(row.mean)}<br><small>{signed(row.low)} to {signed(row.high)}</small>")
    return cells
