"""Which labels are probably wrong: the trained policy's margin against the label, and what several answers say"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

USUAL_RATE = 0.1
"""Flip rate where nothing is known of it: answers were neither repeated nor given twice."""
SLOPE = 0.5
"""Log-odds that a margin one standard deviation lower adds; fitted on planted flips (`tests/proof/relabel.py`)."""
SURE = 0.01
"""Votes say at most so surely that a label is right or wrong: the model of them is a simple one."""
COLUMNS = ["pair_id", "seed", "answer", "chance", "margin", "policies", "answers", "votes"]


@dataclass(frozen=True)
class Again:
    """What labelling the `n` most suspicious again would do: how many of them are wrong if the chances hold.

    `rate` is the share of all labels that are; n new labels would come with `rate` of them wrong.
    """

    n: int
    wrong: float
    rate: float


def suspects(labels: pd.DataFrame, margins: pd.DataFrame, rate: float | None = None) -> pd.DataFrame:
    """Labels a or b by the chance that they are wrong, the highest first: `COLUMNS`.

    `labels` has a row a label: pair_id, seed (of a simulated oracle, else −1), answer (a or b), answers (how many it
    comes from), votes (the chance by the votes that it is right, NaN of a single answer). `margins` has a row a
    measured margin: run_id, seed, round, pair_id, margin (a − b, over the root mean square of its round), trained
    (whether the policy had trained on that label). `rate` is the flip rate of an answer, by default 0.1.

    Training on a wrong label moves its margin less towards it than training on right ones does, as they speak for each
    other: the mean margin over rounds of training finds wrong labels (Pleiss et al. 2020, arXiv:2001.10528). Here it is
    the mean over what was measured, centred by run and by whether the label was trained on, in standard deviations.
    The log-odds of a wrong label are those of its votes, a single answer's being the flip rate's, minus SLOPE times the
    margin towards the label; `margin` is None where no policy measured it, and the votes alone decide.
    """
    usual = min(max(USUAL_RATE if rate is None else rate, SURE), 0.5 - SURE)
    found = labels[labels["answer"].isin(["a", "b"])].reset_index(drop=True)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    towards = _towards(found, margins)
    right = found["votes"].astype(float).fillna(1 - usual).clip(SURE, 1 - SURE)
    odds = logit(1 - right.to_numpy()) - SLOPE * towards["margin"].fillna(0.0).to_numpy()
    found = found.assign(chance=expit(odds), margin=towards["margin"], policies=towards["policies"])
    known = found["margin"].notna() | found["votes"].notna()
    order = ["chance", "pair_id", "seed"]
    return found[known].sort_values(order, ascending=[False, True, True], ignore_index=True)[COLUMNS]


def _towards(labels: pd.DataFrame, margins: pd.DataFrame) -> pd.DataFrame:
    """In the order of the labels: mean centred margin towards the label in standard deviations, NaN; and of how many.

    A policy is a run after a round. Labels that have no seed are compared with the runs of every seed.
    """
    sign = labels["answer"].map({"a": 1.0, "b": -1.0})
    rows = labels[["pair_id", "seed"]].assign(row=np.arange(len(labels)), sign=sign)
    if margins.empty:
        return pd.DataFrame({"margin": np.full(len(labels), np.nan), "policies": 0})
    parts = [
        rows[rows["seed"] < 0].drop(columns="seed").merge(margins, on="pair_id"),
        rows[rows["seed"] >= 0].merge(margins, on=["pair_id", "seed"]),
    ]
    both = pd.concat(
        [part[["row", "run_id", "trained", "sign", "margin"]] for part in parts if len(part)] or [parts[0]]
    )
    both = both.assign(towards=both["sign"] * both["margin"])
    both["towards"] -= both.groupby(["run_id", "trained"])["towards"].transform("mean")
    mean = both.groupby("row")["towards"].agg(["mean", "size"]).reindex(range(len(labels)))
    spread = float(mean["mean"].std(ddof=0))
    scaled = mean["mean"] / spread if spread > 0 else mean["mean"] * np.nan
    return pd.DataFrame({"margin": scaled, "policies": mean["size"].fillna(0).astype(int)})


def again(found: pd.DataFrame, n: int) -> Again:
    """Of the ranked labels the first n; by their own chances."""
    first = found["chance"].head(n)
    return Again(len(first), float(first.sum()), float(found["chance"].mean()) if len(found) else 0.0)


def precision_at(found: Sequence[str], wrong: set[str], k: int) -> float:
    """The share of the first k that are wrong; of all if there are fewer. 0 of none."""
    first = list(found)[:k]
    return sum(pair_id in wrong for pair_id in first) / len(first) if first else 0.0
