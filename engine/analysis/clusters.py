"""Clusters of vectors (k-means), and the words that name them: those that a cluster says more often than the others.

k-means: Lloyd 1982, started as in Arthur & Vassilvitskii 2007 (k-means++). Words: class-based tf-idf, Grootendorst
2022, arXiv:2203.05794, eq. 3. The words come from the data: they are foreign text wherever they are shown.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.seeds import key_for

AT_MOST = 16
"""Clusters; more names than that nobody reads."""
ROWS_A_CLUSTER = 25
FITTED = 20_000
"""Rows that the centres are fitted to, the first ones: rows stand in the order of their ids, which are hashes."""
TEXTS = 500
"""Texts a cluster that its words are counted in, the first ones."""
ROWS = 8192
LONGEST = 24
"""Letters of a word at most."""
_WORD = re.compile(r"[^\W\d_]{3,}")


class Rows(Protocol):
    """Rows (n, d) that are worked out, or read, where a part of them is asked for; an array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""

    def __len__(self) -> int:
        """n."""

    def __getitem__(self, part: slice) -> np.ndarray:
        """Some of them."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Centres (k, d), the cluster with the most of the fitted rows first."""

    centres: np.ndarray

    def of(self, rows: Rows) -> np.ndarray:
        """The number of each row's nearest centre, int16 (n,)."""
        half = (self.centres**2).sum(axis=1) / 2
        parts = [np.argmax(rows[n : n + ROWS] @ self.centres.T - half, axis=1) for n in range(0, len(rows), ROWS)]
        return np.concatenate(parts or [np.zeros(0)]).astype(np.int16)


def clusters_of(rows: Rows, seed: int, purpose: str) -> Clusters:
    """k-means of `rows` (n, d): a cluster for 25 rows each, 16 at most. `seed` and `purpose` name its random stream."""
    from sklearn.cluster import KMeans

    fitted = np.ascontiguousarray(rows[:FITTED], dtype=np.float32)
    k = min(max(len(fitted) // ROWS_A_CLUSTER, 1), AT_MOST)
    if k == 1:
        return Clusters(fitted.mean(axis=0, keepdims=True) if len(fitted) else np.zeros((1, rows.shape[1])))
    found = KMeans(k, n_init=3, random_state=key_for(seed, None, purpose) % 2**32).fit(fitted)
    order = np.argsort(-np.bincount(found.labels_, minlength=k), kind="stable")
    return Clusters(found.cluster_centers_[order])


def names_of(text_of: Callable[[int], str], cluster: np.ndarray, k: int, words: int = 3) -> list[list[str]]:
    """For each of `k` clusters the `words` words of the highest class-based tf-idf, best first, no two alike.

    `text_of` gives the text of a row, `cluster` (n,) the number of each row's cluster.

    A word is three letters or more. Left out are the frequent words of English, those that every second text has, and
    a word that begins as one that is already there (jumper, jumpers). Counted in 500 texts a cluster.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts: list[Counter[str]] = [Counter() for _ in range(k)]
    held: Counter[str] = Counter()
    read = 0
    for number in range(k):
        for place in counted(cluster, number):
            said = [word for word in words_of(text_of(int(place))) if word not in ENGLISH_STOP_WORDS]
            counts[number].update(said)
            held.update(set(said))
            read += 1
    everywhere = {word for word, n in held.items() if read >= 2 * ROWS_A_CLUSTER and n > read / 2}
    for one in counts:
        for word in everywhere & one.keys():
            del one[word]
    total = sum(counts, Counter())
    average = sum(total.values()) / max(k, 1)
    return _apart([weights(one, total, average) for one in counts], words)


def counted(cluster: np.ndarray, number: int) -> np.ndarray:
    """The rows whose texts the words of a cluster are counted in: its first 500."""
    return np.flatnonzero(cluster == number)[:TEXTS]


def weights(one: Counter[str], total: Counter[str], average: float) -> dict[str, float]:
    """Word → tf · ln(1 + A / f): tf its count in the cluster, f in all, A the mean count of words of a cluster.

    Grootendorst 2022, eq. 3.
    """
    return {word: n * float(np.log1p(average / total[word])) for word, n in one.items()}


def words_of(text: str) -> list[str]:
    """The words of a text in small letters: letters only, 3 to 24 of them."""
    return [word for word in _WORD.findall(text.lower()) if len(word) <= LONGEST]


def said_by_one(one: str, other: str) -> str:
    """The words that only one of two responses says: what their difference is about."""
    first, second = words_of(one), words_of(other)
    both = set(first) & set(second)
    return " ".join(word for word in first + second if word not in both)


def _apart(weight: Sequence[dict[str, float]], n: int) -> list[list[str]]:
    """The foremost `n` words of each cluster; one whose words are those of an earlier one says its next word instead.

    Where a cluster has no other word its name comes again.
    """
    names: list[list[str]] = []
    for one in weight:
        *name, last = _foremost(one, n) or [""]
        others = (word for word in _foremost(one, n + len(weight))[n:])
        while last and any(sorted([*name, last]) == sorted(known) for known in names):
            if (other := next(others, "")) == "":
                break
            last = other
        names.append([*name, last] if last else name)
    return names


def _foremost(weight: dict[str, float], n: int) -> list[str]:
    found: list[str] = []
    for word in _by_weight(weight):
        if not any(word.startswith(known[:5]) for known in found):
            found.append(word)
        if len(found) == n:
            break
    return found


def _by_weight(weight: dict[str, float]) -> Iterator[str]:
    yield from sorted(weight, key=lambda word: (-weight[word], word))
