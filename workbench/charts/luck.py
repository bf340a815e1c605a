"""The luck band: how far a second random arm lies from the first, which is what luck alone can do."""

from collections.abc import Mapping

import pandas as pd

from workbench.charts.levels import levels

COLUMNS = ["strategy", "round", "x", "mean", "low", "high", "seeds"]
WORDS = (
    "The grey ground is the luck band: random's mean, plus and minus its distance in that round from a second random "
    "arm on the same seeds. It is raw and no interval; a gain within it may be luck."
)


def parted(frame: pd.DataFrame, again: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(rows to draw as curves, rows of the second arms); `again` is twin → its second arm, as the study says.

    A second arm whose twin has no rows is a curve: there is nothing that it could be a band of.
    """
    there = set(frame["strategy"])
    second = frame["strategy"].isin({other for twin, other in again.items() if twin in there})
    return frame[~second], frame[second]


def luck_band(frame: pd.DataFrame, again: Mapping[str, str]) -> pd.DataFrame:
    """A row a twin and round: its mean, and low and high at plus and minus |second − twin|.

    The distance is the mean over the seeds that both arms have in that round, unsmoothed. `frame` as in `levels`, the
    second arms among its rows; empty where there are none.
    """
    first, second = parted(frame, again)
    table = levels(first)
    rows = []
    for twin, other_arm in again.items():
        one, other = first[first["strategy"] == twin], second[second["strategy"] == other_arm]
        both = one.merge(other, on=["seed", "round"], suffixes=("", "_again"))
        apart = (both["value_again"] - both["value"]).groupby(both["round"]).agg(["mean", "count"])
        for row in table[table["strategy"] == twin].itertuples():
            if row.round in apart.index:
                reach = abs(float(apart.loc[row.round, "mean"]))
                n = int(apart.loc[row.round, "count"])
                rows.append((twin, row.round, row.x, row.mean, row.mean - reach, row.mean + reach, n))
    return pd.DataFrame(rows, columns=COLUMNS)
