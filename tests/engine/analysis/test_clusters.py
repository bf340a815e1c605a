"""Clusters and their words: by hand, and against a plain nearest centre."""

import math
from collections import Counter

import numpy as np
import pytest

from engine.analysis.clusters import Clusters, clusters_of, names_of, said_by_one, weights, words_of


def test_groups_that_lie_apart_are_found_the_largest_first() -> None:
    rng = np.random.default_rng(0)
    sizes = (90, 60, 50)
    rows = np.concatenate([rng.normal(10 * n, 0.1, (size, 3)) for n, size in enumerate(sizes)]).astype(np.float32)
    rows = np.concatenate([rows, rows[:0]])
    found = clusters_of(rows, 0, "test")
    assert len(found.centres) == 200 // 25
    numbers = found.of(rows)
    parts = [set(numbers[start : start + size]) for start, size in zip((0, 90, 150), sizes, strict=True)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2]), "no cluster spans two groups"
    counts = np.bincount(numbers, minlength=8)
    assert list(counts) == sorted(counts, reverse=True)
    assert np.array_equal(clusters_of(rows, 0, "test").centres, found.centres), "the same stream, the same clusters"


def test_the_nearest_centre_is_that_of_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.analysis.clusters.ROWS", 7)
    rng = np.random.default_rng(1)
    rows, centres = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(4, 5)).astype(np.float32)
    twin = [min(range(4), key=lambda c: float(((row - centres[c]) ** 2).sum())) for row in rows]
    assert Clusters(centres).of(rows).tolist() == twin


def test_few_rows_are_one_cluster_and_none_is_no_error() -> None:
    assert len(clusters_of(np.ones((10, 2), np.float32), 0, "t").centres) == 1
    none = clusters_of(np.zeros((0, 2), np.float32), 0, "t")
    assert none.of(np.zeros((0, 2), np.float32)).tolist() == []


def test_the_weight_of_a_word_by_hand() -> None:
    """Two clusters of 3 and 5 words, so A = 4. "cat": tf 2, f 2, so 2 ln 3; "dog": tf 1, f 4, so ln 2."""
    one, other = Counter(cat=2, dog=1), Counter(dog=3, hen=2)
    found = weights(one, one + other, (3 + 5) / 2)
    assert found == pytest.approx({"cat": 2 * math.log(3), "dog": math.log(2)})


def test_names_are_the_words_that_others_do_not_say() -> None:
    texts = [
        "The wool jumper, and jumpers of wool!",
        "wool <b>jumper</b> it is",
        "a kettle of steel",
        "steel kettle it",
    ]
    names = names_of(texts.__getitem__, np.array([0, 0, 1, 1]), 3)
    assert names[0][:2] == ["wool", "jumper"]
    assert "jumpers" not in names[0], "it begins as jumper does"
    assert names[1] == ["kettle", "steel"]
    assert names[2] == []
    same = names_of(lambda place: f"often word{'abcdefgh'[place % 8]}", np.zeros(60, int), 1, words=9)
    assert "often" not in same[0], "a word of every second text names nothing"


def test_no_two_clusters_have_the_same_name_while_there_is_another_word() -> None:
    """Two clusters that say the same three words most: the later one is named by its next word."""
    first, second, bare = "wash dry fold " * 3, "fold dry wash " * 3 + "iron", "wash dry fold " * 2
    names = names_of([first, second, bare].__getitem__, np.array([0, 1, 2]), 3)
    assert sorted(names[0]) == ["dry", "fold", "wash"]
    assert names[1] == [*names[0][:2], "iron"] or "iron" in names[1]
    assert sorted(names[2]) == ["dry", "fold", "wash"], "it has no other word"


def test_words_are_letters_only_and_short() -> None:
    assert words_of("<script>alert(1)</script> $x_y$ ab wöRD مرحبا " + "w" * 25) == [
        "script", "alert", "script", "wörd", "مرحبا",
    ]  # fmt: skip
    assert said_by_one("soak the jumper", "dry the jumper") == "soak dry"
