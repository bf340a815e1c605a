"""Suspected labels: margins and votes put together, by hand and on planted flips."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from engine.analysis.suspects import SLOPE, again, precision_at, suspects

LABELS = ["pair_id", "seed", "answer", "answers", "votes"]
MARGINS = ["run_id", "seed", "round", "pair_id", "margin", "trained"]
NAN = float("nan")


def labels(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=LABELS)


def margins(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=MARGINS)


def test_the_chance_is_the_votes_odds_and_the_margins_by_hand():
    given = labels(
        [("p1", -1, "a", 1, NAN), ("p2", -1, "b", 1, NAN), ("p3", -1, "a", 3, 0.6), ("p4", -1, "tie", 1, NAN)]
    )
    seen = margins([("r", 1, 3, "p1", 2.0, True), ("r", 1, 3, "p2", 2.0, True), ("r", 1, 3, "p3", 0.0, True)])
    found = suspects(given, seen, rate=0.2).set_index("pair_id")
    # Towards the label: 2, −2, 0; their mean is 0 and their standard deviation √(8/3).
    unit = np.sqrt(8 / 3)
    assert found.loc["p1", "chance"] == pytest.approx(expit(logit(0.2) - SLOPE * 2 / unit))
    assert found.loc["p2", "chance"] == pytest.approx(expit(logit(0.2) + SLOPE * 2 / unit))
    assert found.loc["p3", "chance"] == pytest.approx(0.4)
    assert list(found.index) == ["p3", "p2", "p1"] or list(found.index) == ["p2", "p3", "p1"]
    assert "p4" not in found.index, "a tie trains nothing"
    assert again(suspects(given, seen, rate=0.2), 2).wrong == pytest.approx(found["chance"].nlargest(2).sum())


def test_what_training_adds_to_all_is_taken_out_before_policies_are_put_together():
    given = labels([(f"p{n}", -1, "a", 1, NAN) for n in range(4)])
    # One run has trained on p0 and p1, and its margins are larger for that; another has on p2 and p3.
    seen = margins(
        [("r", 1, 3, f"p{n}", m, n < 2) for n, m in enumerate([5.0, 6.0, 1.0, 0.0])]
        + [("s", 2, 3, f"p{n}", m, n >= 2) for n, m in enumerate([0.0, 1.0, 6.0, 5.0])]
    )
    found = suspects(given, seen)
    assert set(found["pair_id"][:2]) == {"p0", "p3"}
    assert found["policies"].tolist() == [2] * 4


def test_a_simulated_label_is_compared_with_the_runs_of_its_seed_only():
    given = labels([("p1", 1, "a", 1, NAN), ("p1", 2, "b", 1, NAN), ("p2", 1, "a", 1, NAN), ("p2", 2, "a", 1, NAN)])
    seen = margins([("r", 1, 3, "p1", 3.0, True), ("r", 1, 3, "p2", 1.0, True),
                    ("s", 2, 3, "p1", 3.0, True), ("s", 2, 3, "p2", 1.0, True)])  # fmt: skip
    first = suspects(given, seen).iloc[0]
    assert (first["pair_id"], first["seed"]) == ("p1", 2)


def test_without_margins_votes_decide_and_without_both_there_is_nothing():
    given = labels([("p1", -1, "a", 3, 0.9), ("p2", -1, "a", 2, 0.5), ("p3", -1, "a", 1, NAN)])
    found = suspects(given, margins([]))
    assert found["pair_id"].tolist() == ["p2", "p1"]
    assert found["chance"].tolist() == pytest.approx([0.5, 0.1])
    assert suspects(labels([("p3", -1, "a", 1, NAN)]), margins([])).empty
    assert suspects(labels([]), margins([])).empty


def test_planted_flips_come_first():
    rng = np.random.default_rng(2)
    right = rng.random(400) >= 0.15
    given = labels([(f"p{n:03}", -1, "a", 1, NAN) for n in range(400)])
    seen = margins([("r", 1, r, f"p{n:03}", m, True) for r in (4, 5, 6)
                    for n, m in enumerate(np.where(right, 0.8, -0.8) + rng.normal(size=400))])  # fmt: skip
    wrong = {f"p{n:03}" for n in np.flatnonzero(~right)}
    found = suspects(given, seen)["pair_id"].tolist()
    assert precision_at(found, wrong, 40) > 3 * len(wrong) / 400
    assert precision_at([], wrong, 5) == 0.0
