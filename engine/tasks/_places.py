"""From vectors of responses to the tables of a map: where responses and pairs lie, and which clusters they are in.

Nothing of a vector's length is held for the whole pool: vectors lie in a file, and what is worked out of them, their
first directions and the differences of pairs, is worked out block by block and wherever it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from engine.analysis.clusters import Clusters, clusters_of, counted, names_of, said_by_one
from engine.analysis.projection import Plane, dissimilarity, plane_of, turned, umap_places
from engine.store.pool_texts import PoolRows

Say = Callable[[str], None]
TextsOf = Callable[[Sequence[int] | np.ndarray], Sequence[str]]
"""The texts of these rows of the pool's responses, in their order."""
ROWS = 4096
"""Rows a block: no array of all pairs' differences is ever made."""
DIRECTIONS = 50
"""Of the vectors, the first ones of their PCA: what clusters and UMAP read."""

METHODS = {
    "pca": "PCA of the whole pool",
    "umap": "UMAP, 15 neighbours, minimal distance 0.1, fitted to 20,000 points at most",
}


@dataclass(frozen=True, eq=False)
class Placed:
    """What a map is drawn from; every entry has one part for "responses" and one for "pairs".

    `tables`: a row a point, in the order of their ids: its id, prompt_id, x, y, cluster; of a pair also row_a and row_b
    (its responses' rows), dissimilarity, and topic: the responses' cluster that its middle lies in. `explained`: the
    share of the spread along x and y, None by UMAP. `clusters`: their words, how many points, and their middle on the
    map. `stamp`: the method in words.
    """

    tables: dict[str, pa.Table]
    explained: dict[str, list[float]] | None
    clusters: dict[str, list[dict[str, Any]]]
    stamp: dict[str, str]


class _Along:
    """Rows (n, k) along the axes of a plane, worked out of the vectors wherever a part of them is asked for."""

    def __init__(self, n: int, vectors: Callable[[Any], np.ndarray], *, centred: bool, width: int) -> None:
        self._n, self._vectors, self._centred = n, vectors, centred
        self.plane: Plane = plane_of(self._blocks, centred=centred, directions=width)
        self.shape = (n, len(self.plane.axes))

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, part: Any) -> np.ndarray:
        """Of a slice or of row numbers; of differences, each turned to one side."""
        rows = self.plane.place(self._vectors(part))
        return rows if self._centred else turned(rows)

    def _blocks(self) -> Iterator[np.ndarray]:
        yield from (self._vectors(part) for part in _parts(self._n))


def places(
    pool: PoolRows, vectors: np.ndarray, texts_of: TextsOf, method: Literal["pca", "umap"], seed: int, say: Say
) -> Placed:
    """Responses lie by their vectors (n, d), a pair by the difference of its two, turned to one side.

    Responses without a vector (NaN), and their pairs, are left out.
    """
    there = np.concatenate([np.isfinite(vectors[part]).all(axis=1) for part in _parts(len(vectors))])
    rows = np.flatnonzero(there)
    row = np.cumsum(there, dtype=np.int32) - 1
    pairs = np.flatnonzero(there[pool.sides].all(axis=1))
    sides = row[pool.sides[pairs]]

    def of_responses(part: Any) -> np.ndarray:
        return np.asarray(vectors[rows[part]])

    def of_pairs(part: Any) -> np.ndarray:
        a, b = (rows[sides[part, side]] for side in (0, 1))
        return np.asarray(vectors[a] - vectors[b])

    say(f"placing {len(rows):,} responses")
    width = max(min(DIRECTIONS, vectors.shape[1]), 2)
    own = _Along(len(rows), of_responses, centred=True, width=width)
    say(f"placing {len(pairs):,} pairs")
    between = _Along(len(pairs), of_pairs, centred=False, width=width)
    say("looking for clusters")
    topics, kinds = clusters_of(own, seed, "clusters of responses"), clusters_of(between, seed, "clusters of pairs")
    topic, kind = topics.of(own), kinds.of(between)
    middle, unlike = np.zeros(len(pairs), np.int16), np.zeros(len(pairs), np.float32)
    for part in _parts(len(pairs)):
        a, b = (sides[part, side] for side in (0, 1))
        middle[part] = topics.of((own[a] + own[b]) / 2)
        unlike[part] = dissimilarity(of_responses(a), of_responses(b))
    if method == "umap":
        say(f"placing {len(own):,} responses by UMAP, which takes minutes")
        at = umap_places(own, seed, "umap of responses")
        say(f"placing {len(between):,} pairs by UMAP, which takes minutes")
        across = umap_places(between, seed, "umap of pairs")
    else:
        at, across = _flat(own), _flat(between)
    say("counting the words of clusters")
    tables = {
        "responses": _table(
            "response_id", pool.responses[rows], pool.prompts[pool.prompt_of_response[rows]],
            x=at[:, 0], y=at[:, 1], cluster=topic,
        ),
        "pairs": _table(
            "pair_id", pool.pairs[pairs], pool.prompts[pool.prompt_of_pair[pairs]],
            row_a=sides[:, 0], row_b=sides[:, 1], x=across[:, 0], y=across[:, 1], dissimilarity=unlike, cluster=kind,
            topic=middle,
        ),
    }  # fmt: skip

    def one(places: np.ndarray) -> list[str]:
        return list(texts_of(rows[places]))

    def differing(places: np.ndarray) -> list[str]:
        a, b = (texts_of(rows[sides[places, side]]) for side in (0, 1))
        return [said_by_one(*both) for both in zip(a, b, strict=True)]

    return Placed(
        tables,
        None if method == "umap" else {
            "responses": list(own.plane.explained[:2]), "pairs": list(between.plane.explained[:2])
        },
        {"responses": _named(topics, topic, at, one), "pairs": _named(kinds, kind, across, differing)},
        {"method": METHODS[method], "clusters": "k-means of the first 50 directions"},
    )  # fmt: skip


def _named(
    clusters: Clusters, cluster: np.ndarray, at: np.ndarray, texts: Callable[[np.ndarray], list[str]]
) -> list[dict[str, Any]]:
    """A row a cluster, in the order of their numbers: words, points, and the median of its points on the map."""
    k = len(clusters.centres)
    read: dict[int, str] = {}
    for number in range(k):
        found = counted(cluster, number)
        read.update(zip(found.tolist(), texts(found), strict=True))
    words = names_of(read.__getitem__, cluster, k)
    named = []
    for number in range(k):
        members = at[cluster == number]
        x, y = np.median(members, axis=0).tolist() if len(members) else (0.0, 0.0)
        named.append({"words": words[number], "n": len(members), "x": x, "y": y})
    return named


def _table(key: str, ids: np.ndarray, prompts: np.ndarray, **columns: np.ndarray) -> pa.Table:
    """Ids as text without an object for each of them."""
    said = {key: ids, "prompt_id": prompts}
    texts = {name: pa.array(one, pa.binary()).cast(pa.string()) for name, one in said.items()}
    return pa.table({**texts, **{name: pa.array(one) for name, one in columns.items()}})


def _flat(rows: _Along) -> np.ndarray:
    """The first two directions, float32 (n, 2)."""
    found = np.zeros((len(rows), 2), dtype=np.float32)
    for part in _parts(len(rows)):
        found[part] = rows[part][:, :2]
    return found


def _parts(n: int) -> Iterator[slice]:
    yield from (slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS))
