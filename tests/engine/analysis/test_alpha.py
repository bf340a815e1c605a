"""Krippendorff's alpha against his own published numbers, a library, and cases worked by hand."""

import numpy as np
import pandas as pd
import pytest

from engine.analysis.alpha import VALUES, alpha, alpha_by, counts_of

NONE = 0
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units, α = 0.743.
EXAMPLE_C = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
# His book's three coders and fifteen units, α = 0.691.
THREE_CODERS = [
    [NONE, NONE, NONE, NONE, NONE, 3, 4, 1, 2, 1, 1, 3, 3, NONE, 3],
    [1, NONE, 2, 1, 3, 3, 4, 3, NONE, NONE, NONE, NONE, NONE, NONE, NONE],
    [NONE, NONE, 2, 1, 3, 4, 4, NONE, 2, 1, 1, 3, 3, NONE, 4],
]


def table(coders: list[list[int]]) -> np.ndarray:
    values = sorted({value for row in coders for value in row} - {NONE})
    return np.array([[column.count(value) for value in values] for column in zip(*coders, strict=True)])


@pytest.mark.parametrize(("coders", "published"), [(EXAMPLE_C, 0.743), (THREE_CODERS, 0.691)])
def test_alpha_is_what_krippendorff_published(coders, published):
    found = alpha(table(coders))
    assert found.alpha == pytest.approx(published, abs=0.0005)
    assert found.low is not None
    assert found.low < found.alpha < found.high


def test_two_coders_worked_by_hand():
    # Ten pairs: both a 6 times, both b 2 times, a and b 2 times. n_a = 14, n_b = 6, o_ab = 4 of 20;
    # α = 1 − 19 · 4 / (20² − 14² − 6²) = 1 − 76 / 168.
    counts = np.array([[2, 0]] * 6 + [[0, 2]] * 2 + [[1, 1]] * 2)
    assert alpha(counts).alpha == pytest.approx(1 - 76 / 168)
    alone = np.array([[1, 0]] * 30)
    assert alpha(np.vstack([counts, alone])).alpha == pytest.approx(1 - 76 / 168), "single answers say nothing"


def test_the_same_as_a_library_on_random_answers():
    from crowdkit.metrics.data import alpha_krippendorff

    rng = np.random.default_rng(4)
    votes = pd.DataFrame(
        [(f"p{n}", f"w{w}", rng.choice(VALUES)) for n in range(40) for w in rng.permutation(6)[: rng.integers(1, 5)]],
        columns=["pair_id", "labeller", "answer"],
    )
    theirs = alpha_krippendorff(votes.rename(columns={"pair_id": "task", "labeller": "worker", "answer": "label"}))
    _, counts = counts_of(votes["pair_id"].tolist(), votes["answer"].tolist())
    assert alpha(counts).alpha == pytest.approx(theirs)


def test_what_says_nothing_says_none_and_few_pairs_have_no_interval():
    assert alpha(np.zeros((0, 4), dtype=int)).alpha is None
    assert alpha(np.array([[1, 0], [0, 1]])).pairs == 0
    same = alpha(np.array([[3, 0]] * 20))
    assert (same.alpha, same.pairs, same.answers) == (None, 20, 60)
    few = alpha(np.array([[2, 0]] * 5 + [[0, 2]] * 4))
    assert (few.alpha, few.low) == (1.0, None)


def test_the_interval_holds_the_truth_and_is_the_same_every_time():
    # Two labellers who answer by lot with chance ¼ and else what is true (a or b, even): α is 0.75² = 0.5625 where
    # lots are even too, because a pair agrees beyond chance only if neither answered by lot.
    rng = np.random.default_rng(0)
    held = 0
    for n in range(200):
        truth = rng.integers(2, size=150)
        lot = rng.random((150, 2)) < 0.25
        said = np.where(lot, rng.integers(2, size=(150, 2)), truth[:, None])
        found = alpha(np.stack([(said == v).sum(axis=1) for v in (0, 1)], axis=1), what=str(n), draws=400)
        held += found.low <= 0.5625 <= found.high
    assert held >= 180  # 95 % of 200, less more than three standard errors
    counts = table(EXAMPLE_C)
    assert alpha(counts, what="x") == alpha(counts[::-1], what="x")
    assert alpha(counts, what="x") != alpha(counts, what="y")


def test_by_group_each_has_its_own_pairs_and_skips_are_left_out():
    rows = [("p1", "a"), ("p1", "a"), ("p2", "b"), ("p2", "a"), ("p3", "b"), ("p3", "b"), ("p3", "skip")]
    votes = pd.DataFrame(rows, columns=["pair_id", "answer"])
    found = dict(alpha_by(votes, [("agree", ["p1", "p3"]), ("not", ["p2", "gone"]), ("none", [])]))
    assert found["agree"].alpha == 1.0
    assert found["agree"].answers == 4
    assert found["not"].alpha == pytest.approx(0.0)  # 1 − (2 − 1) · 2 / (4 − 2)
    assert found["none"].alpha is None
