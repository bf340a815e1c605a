"""From vectors of responses to the tables of a map: where responses and pairs lie, and which clusters they are in."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from engine.analysis.clusters import Clusters, clusters_of, names_of, said_by_one
from engine.analysis.projection import Plane, dissimilarity, plane_of, turned, umap_places
from engine.store.projected import PoolTexts

Say = Callable[[str], None]
ROWS = 4096
"""Rows a block of the PCA: no array of all pairs' differences is ever made."""
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

    tables: dict[str, pd.DataFrame]
    explained: dict[str, list[float]] | None
    clusters: dict[str, list[dict[str, Any]]]
    stamp: dict[str, str]


def places(pool: PoolTexts, vectors: np.ndarray, method: Literal["pca", "umap"], seed: int, say: Say) -> Placed:
    """Responses lie by their vectors (n, d), a pair by the difference of its two, turned to one side.

    Responses without a vector (NaN), and their pairs, are left out.
    """
    there = np.isfinite(vectors).all(axis=1)
    responses = [response for response, is_there in zip(pool.responses, there, strict=True) if is_there]
    row = {response.id: n for n, response in enumerate(responses)}
    pairs = [pair for pair in pool.pairs if pair.a in row and pair.b in row]
    sides = np.array([(row[pair.a], row[pair.b]) for pair in pairs], dtype=np.int32).reshape(-1, 2)
    shown = vectors[there]
    say(f"placing {len(shown):,} responses")
    width = max(min(DIRECTIONS, shown.shape[1]), 2)
    flat = plane_of(lambda: _blocks(shown), directions=width)
    own = _placed(flat, _blocks(shown))
    say(f"placing {len(pairs):,} pairs")
    across = plane_of(lambda: _differences(shown, sides), centred=False, directions=width)
    between = turned(_placed(across, _differences(shown, sides)))
    say("looking for clusters")
    topics, kinds = clusters_of(own, seed, "clusters of responses"), clusters_of(between, seed, "clusters of pairs")
    topic, kind = topics.of(own), kinds.of(between)
    middles = [topics.of((own[part[:, 0]] + own[part[:, 1]]) / 2) for part in _blocks(sides)]
    unlike = [dissimilarity(shown[part[:, 0]], shown[part[:, 1]]) for part in _blocks(sides)]
    at, across_at = own[:, :2], between[:, :2]
    if method == "umap":
        say(f"placing {len(own):,} responses by UMAP, which takes minutes")
        at = umap_places(own, seed, "umap of responses")
        say(f"placing {len(between):,} pairs by UMAP, which takes minutes")
        across_at = umap_places(between, seed, "umap of pairs")
    first = {"response_id": [r.id for r in responses], "prompt_id": [r.prompt_id for r in responses]}
    second = {"pair_id": [p.id for p in pairs], "prompt_id": [p.prompt_id for p in pairs]}
    tables = {
        "responses": pd.DataFrame({**first, "x": at[:, 0], "y": at[:, 1], "cluster": topic}),
        "pairs": pd.DataFrame(
            {
                **second,
                "row_a": sides[:, 0],
                "row_b": sides[:, 1],
                "x": across_at[:, 0],
                "y": across_at[:, 1],
                "dissimilarity": np.concatenate(unlike) if unlike else np.zeros(0, np.float32),
                "cluster": kind,
                "topic": np.concatenate(middles) if middles else np.zeros(0, np.int16),
            }
        ),
    }

    def text_of(place: int) -> str:
        return responses[place].text

    def differing(place: int) -> str:
        a, b = sides[place]
        return said_by_one(responses[a].text, responses[b].text)

    return Placed(
        tables,
        {"responses": list(flat.explained[:2]), "pairs": list(across.explained[:2])} if method == "pca" else None,
        {
            "responses": _named(topics, topic, at, names_of(text_of, topic, len(topics.centres))),
            "pairs": _named(kinds, kind, across_at, names_of(differing, kind, len(kinds.centres))),
        },
        {"method": METHODS[method], "clusters": "k-means of the first 50 directions"},
    )


def _named(clusters: Clusters, cluster: np.ndarray, at: np.ndarray, words: list[list[str]]) -> list[dict[str, Any]]:
    """A row a cluster, in the order of their numbers: words, points, and the median of its points on the map."""
    found = []
    for number in range(len(clusters.centres)):
        members = at[cluster == number]
        x, y = np.median(members, axis=0).tolist() if len(members) else (0.0, 0.0)
        found.append({"words": words[number], "n": len(members), "x": x, "y": y})
    return found


def _placed(plane: Plane, blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros((0, len(plane.axes)), np.float32), *(plane.place(block) for block in blocks)])


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    yield from (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))


def _differences(vectors: np.ndarray, sides: np.ndarray) -> Iterator[np.ndarray]:
    yield from (vectors[part[:, 0]] - vectors[part[:, 1]] for part in _blocks(sides))
