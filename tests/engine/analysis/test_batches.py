"""Overlap, rank agreement, redundancy and skew of batches against versions written out plainly."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.analysis.agreement import correlation, shared
from engine.analysis.redundancy import NEAR, near_duplicates, redundancy, word_vectors
from engine.analysis.skew import kind_skew, number_skew, share_skew
from engine.seeds import rng_for

small = st.integers(2, 9)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(3, 7), one=st.integers(1, 4), other=st.integers(1, 4))
def test_chance_is_the_mean_over_all_batches_there_are(n: int, one: int, other: int) -> None:
    one, other = min(one, n), min(other, n)
    ids = [f"x{i}" for i in range(n)]
    first = ids[:one]
    every = list(itertools.combinations(ids, other))
    common = [len(set(first) & set(batch)) for batch in every]
    found = shared(first, every[0], n)
    assert found.shared == common[0]
    assert found.chance == pytest.approx(np.mean(common))
    assert found.jaccard == pytest.approx(common[0] / (one + other - common[0]))
    assert found.jaccard_chance == pytest.approx(np.mean([c / (one + other - c) for c in common]))
    assert np.mean([c <= found.most for c in common]) >= 0.95 - 1e-9
    assert found.most == 0 or np.mean([c <= found.most - 1 for c in common]) < 0.95


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=0, max_size=12))
def test_correlations_are_those_of_their_definitions(rows: list[tuple[int, int]]) -> None:
    x, y = (np.array([row[side] for row in rows], dtype=float) for side in (0, 1))
    found = correlation(np.append(x, np.nan), np.append(y, 1.0))
    assert found.n == len(rows)
    if len(rows) < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        assert found.spearman is found.kendall is None
        return
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in itertools.combinations(rows, 2)]
    both = sum(p * q for p, q in signs)
    tau = both / math.sqrt(sum(p != 0 for p, _ in signs) * sum(q != 0 for _, q in signs))
    assert found.kendall == pytest.approx(tau)
    ranks = [[sum(v < u for v in side) + (sum(v == u for v in side) + 1) / 2 for u in side] for side in (x, y)]
    assert found.spearman == pytest.approx(stats.pearsonr(*ranks).statistic)


@settings(max_examples=40, deadline=None)
@given(n=small, d=st.integers(1, 5), seed=st.integers(0, 99), signed=st.booleans())
def test_redundancy_is_that_of_a_plain_loop(n: int, d: int, seed: int, signed: bool) -> None:
    vectors = rng_for(seed, n, "redundancy").normal(size=(n, d))
    vectors[0] = -2 * vectors[1]
    cosine = [[float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for b in vectors] for a in vectors]
    near = [max((c if signed else abs(c)) for j, c in enumerate(row) if j != i) for i, row in enumerate(cosine)]
    found = redundancy(vectors, signed=signed)
    assert found.n == n
    assert found.nearest == pytest.approx(np.mean(near))
    kernel = np.array(cosine if signed else [[c**2 for c in row] for row in cosine]) / n
    values = [v for v in np.linalg.eigvals(kernel).real if v > 1e-12]
    assert found.effective == pytest.approx(math.exp(-sum(v * math.log(v) for v in values)), rel=1e-6)
    flipped = redundancy(vectors * rng_for(seed, n, "flips").choice([-1, 1], size=(n, 1)), signed=False)
    assert flipped.effective == pytest.approx(redundancy(vectors, signed=False).effective)


def test_the_effective_number_counts_what_is_different() -> None:
    different = np.eye(6)
    assert redundancy(different).effective == pytest.approx(6)
    assert redundancy(np.repeat(different[:2], 3, axis=0)).effective == pytest.approx(2)
    assert redundancy(np.ones((5, 3))).effective == pytest.approx(1)
    assert redundancy(np.zeros((0, 3))).n == 0
    assert redundancy(np.ones((1, 3))).nearest is None
    assert redundancy(np.ones((600, 2))).n == 512


def test_near_duplicate_prompts_are_those_that_say_the_same() -> None:
    soap = "Which soap is gentle?"
    texts = ["How do I wash a wool jumper?", "how do I wash a wool jumper", soap, soap,
             "What is rust?"]  # fmt: skip
    vectors = word_vectors(texts)
    cosine = (vectors @ vectors.T).toarray()
    assert cosine[0, 1] == pytest.approx(1.0)
    assert cosine[0, 4] < NEAR
    assert near_duplicates(list("abcde"), vectors) == pytest.approx(4 / 5)
    assert near_duplicates(["p", "q", "p"], vectors[[0, 2, 4]]) == pytest.approx(2 / 3), "the same prompt twice"
    assert near_duplicates(["p"], vectors[:1]) is None


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(-4, 4), min_size=2, max_size=15), seed=st.integers(0, 99), data=st.data())
def test_the_mean_percentile_is_counted(values: list[int], seed: int, data: st.DataObject) -> None:
    pool = np.array([*values, np.nan], dtype=float)
    rows = np.array(data.draw(st.lists(st.integers(0, len(values)), min_size=1, max_size=len(pool), unique=True)))
    found = number_skew(pool, rows)
    known = [row for row in rows if row < len(values)]
    assert found.n == len(known)
    if not known:
        assert found.percentile is None
        return
    below = [sum(v < values[r] for v in values) + sum(v == values[r] for v in values) / 2 for r in known]
    assert found.percentile == pytest.approx(100 * np.mean(below) / len(values))
    assert found.quantiles[2] == pytest.approx(np.median([values[r] for r in known]))
    whole = number_skew(pool, np.arange(len(pool)))
    assert whole.percentile == pytest.approx(50)
    assert whole.low == pytest.approx(50)


def test_a_random_batch_lies_within_its_chance() -> None:
    rng = rng_for(3, None, "skew")
    pool = rng.exponential(size=400)
    kinds = rng.choice(list("aabbbccd"), size=400).tolist()
    inside, near = [], []
    for _ in range(200):
        rows = rng.choice(400, size=40, replace=False)
        found = number_skew(pool, rows)
        inside.append(found.low <= found.percentile <= found.high)
        mix = kind_skew(kinds, rows.tolist(), seed=1, what="topic")
        near.append(mix.distance <= mix.chance)
    assert np.mean(inside) > 0.9
    assert np.mean(near) > 0.9
    top = np.argsort(-pool)[:40]
    skewed = number_skew(pool, top)
    assert skewed.percentile > skewed.high


@settings(max_examples=40, deadline=None)
@given(kinds=st.lists(st.sampled_from("abcd"), min_size=1, max_size=20), data=st.data())
def test_the_mix_of_kinds_is_counted(kinds: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(kinds) - 1), min_size=1, max_size=len(kinds), unique=True))
    found = kind_skew(kinds, rows, seed=1, what="topic")
    pool, batch = Counter(kinds), Counter(kinds[row] for row in rows)
    assert found.shares == pytest.approx({kind: batch[kind] / len(rows) for kind in pool})
    apart = 0.5 * sum(abs(batch[kind] / len(rows) - n / len(kinds)) for kind, n in pool.items())
    assert found.distance == pytest.approx(apart)
    assert kind_skew(kinds, list(range(len(kinds))), seed=1, what="topic").distance == 0
    assert found == kind_skew(kinds, rows[::-1], seed=1, what="topic")


def test_many_kinds_are_put_together() -> None:
    kinds = [f"kind {n}" for n in range(30)] + ["often"] * 5
    found = kind_skew(kinds, [0, 34], seed=1, what="topic")
    assert len(found.shares) == 13
    assert found.shares["often"] == 0.5
    assert found.n == 2


def test_a_share_has_the_interval_of_wilson() -> None:
    values = np.array([1, 1, 1, 0, np.nan, 1, 0, 1])
    found = share_skew(values, np.arange(8))
    assert (found.share, found.n) == (pytest.approx(5 / 7), 7)
    z, n, p = stats.norm.ppf(0.975), 7, 5 / 7
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (found.low, found.high) == (pytest.approx(middle - reach), pytest.approx(middle + reach))
    assert share_skew(values, np.array([4])).share is None
