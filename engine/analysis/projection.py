"""Vectors in the plane (PCA, UMAP), and how unlike two vectors are. Block by block, so that memory stays bounded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from engine.analysis.clusters import Rows
from engine.errors import DataError
from engine.seeds import key_for

Blocks = Callable[[], Iterable[np.ndarray]]
"""Called for each pass over the rows; gives them as arrays (n, d), always in the same order."""

NEIGHBOURS = 15
FITTED = 20_000
"""Rows that UMAP is fitted to."""


@dataclass(frozen=True)
class Plane:
    """The directions along which the rows spread most: `axes` (k, d) of unit length, through `middle` (d,).

    `explained` are the shares of the whole spread (sum of squared distances from the middle) along each of them.
    """

    middle: np.ndarray
    axes: np.ndarray
    explained: tuple[float, ...]

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Where the rows lie, float32 (n, k)."""
        array: np.ndarray = ((rows.astype(np.float64) - self.middle) @ self.axes.T).astype(np.float32)
        return array


def plane_of(blocks: Blocks, *, centred: bool = True, directions: int = 2) -> Plane:
    """PCA of all rows (Pearson 1901), by the eigenvectors of their d × d matrix of products.

    With `centred` False the middle is 0, which is right for differences whose sign is arbitrary: the plane is then the
    same whichever side comes first. The sign of each axis is fixed: its largest entry is positive. Where the rows have
    fewer directions, the missing axes are 0 and explain nothing.
    """
    total, n = None, 0
    for block in blocks():
        total = block.sum(axis=0, dtype=np.float64) + (0 if total is None else total)
        n += len(block)
    if total is None or n == 0:
        return Plane(np.zeros(0), np.zeros((directions, 0)), (0.0,) * directions)
    middle = total / n if centred else np.zeros_like(total)
    products = np.zeros((len(middle), len(middle)))
    for block in blocks():
        rows = block.astype(np.float64) - middle
        products += rows.T @ rows
    width = len(middle)
    values, vectors = eigh(products, subset_by_index=(max(width - directions, 0), width - 1))
    spread = float(np.trace(products))
    axes, explained = np.zeros((directions, width)), [0.0] * directions
    for place, column in enumerate(reversed(range(len(values)))):
        if spread > 0 and values[column] > 1e-12 * spread:
            vector = vectors[:, column]
            axes[place] = vector * np.sign(vector[np.abs(vector).argmax()])
            explained[place] = float(values[column]) / spread
    return Plane(middle, axes, tuple(explained))


def turned(rows: np.ndarray) -> np.ndarray:
    """Rows (n, k) of which only the line matters and not the sign, each turned so that its first number is not below 0.

    A pair is a − b or b − a, as the hashes fell; turned, pairs that differ in the same way lie on the same side.
    """
    return np.where(rows[:, :1] < 0, -rows, rows)


def umap_places(rows: Rows, seed: int, purpose: str) -> np.ndarray:
    """UMAP of `rows` (n, k) in the plane, float32 (n, 2); McInnes et al. 2018, arXiv:1802.03426.

    Fitted to the first 20,000 rows, the others are placed among them, block by block. Rows are in the order of hashes,
    so the first are a fair draw. DataError without umap-learn, or with fewer than 16 rows.
    """
    try:
        from umap import UMAP
    except ImportError as error:
        raise DataError(
            "UMAP takes the package umap-learn, which is not installed here. PCA needs nothing more.",
            'Install it beside the workbench: pip install -e ".[umap]".',
        ) from error
    if len(rows) <= NEIGHBOURS:
        raise DataError(f"UMAP takes more than {NEIGHBOURS} points; here are {len(rows)}.", "Look at the map by PCA.")
    stream = key_for(seed, None, purpose) % 2**32
    how = UMAP(n_neighbors=NEIGHBOURS, min_dist=0.1, random_state=stream, transform_seed=stream, n_jobs=1)
    places = [how.fit_transform(rows[:FITTED])]
    places += [how.transform(rows[start : start + FITTED]) for start in range(FITTED, len(rows), FITTED)]
    return np.concatenate(places).astype(np.float32)


def dissimilarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 − cosine of each row of `one` with that of `other`, float32 (n,), 0 to 2; NaN where a row is 0."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        array: np.ndarray = (1 - np.clip((a * b).sum(axis=1) / lengths, -1, 1)).astype(np.float32)
        return array
