"""What changed its mind: pairs whose margin changed its sign, or changed most, between two rounds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

CHANGES = ["pair_id", "held_out", "picked", "answer", "before", "after", "change", "turned", "agrees"]


@dataclass(frozen=True)
class Turned:
    """Of `n` pairs with a margin in both rounds, `turned` changed sides: so many now agree with their label or not.

    `unlabelled` are those of the turned that no answer prefers a side of. The four parts add up.
    """

    n: int
    turned: int
    agree: int
    disagree: int
    unlabelled: int


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """A row a pair that has a margin in both frames (`store.probed.margins_after`), the greatest change first.

    `before`, `after` and `change` = after − before are margins a − b in reward units. `turned`: the sign is another; a
    margin of exactly 0 prefers no side, so none has turned from it. `agrees`: 1.0 where the margin after has the sign
    of the label, 0.0 where it has not, NaN where no side was preferred by either.
    """
    known = before[["pair_id", "margin"]].rename(columns={"margin": "before"})
    both = after.rename(columns={"margin": "after"}).merge(known, on="pair_id")
    both["change"] = both["after"] - both["before"]
    both["turned"] = np.sign(both["before"]) * np.sign(both["after"]) < 0
    towards = both["answer"].map({"a": 1.0, "b": -1.0}).astype(float)
    both["agrees"] = (np.sign(both["after"]) == towards).astype(float).where(towards.notna() & (both["after"] != 0))
    order = (-both["change"].abs()).to_numpy()
    return both.iloc[np.lexsort((both["pair_id"], order))][CHANGES].reset_index(drop=True)


def turned(found: pd.DataFrame) -> Turned:
    """The counts of `changes`."""
    those = found.loc[found["turned"], "agrees"]
    agree, disagree = int((those == 1).sum()), int((those == 0).sum())
    return Turned(len(found), len(those), agree, disagree, len(those) - agree - disagree)
