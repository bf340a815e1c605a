"""A figure's level by strategy and labels bought, over seeds."""

import pandas as pd

from engine.analysis.intervals import t_interval


def levels(curve: pd.DataFrame) -> pd.DataFrame:
    """One row a strategy and number of labels: strategy, title, slot, round, labels, mean, low, high, seeds.

    `curve` is what `engine.store.queries.curve` gives. The interval is Student's over the seeds that have the round; it
    is missing with fewer than three.
    """
    rows = []
    for (strategy, number), part in curve.groupby(["strategy", "round"], sort=False):
        interval = t_interval(part["value"].to_numpy(dtype=float))
        rows.append(
            {
                "strategy": strategy,
                "title": part["title"].iloc[0],
                "slot": int(part["slot"].iloc[0]),
                "round": int(number),
                "labels": int(part["labels"].iloc[0]),
                "mean": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "seeds": interval.n,
            }
        )
    columns = ["strategy", "title", "slot", "round", "labels", "mean", "low", "high", "seeds"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["slot", "round"], ignore_index=True)
