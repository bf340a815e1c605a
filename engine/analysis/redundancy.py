"""How much of a batch says the same twice: nearest neighbours, prompts that are near-duplicates, effective number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

AT_MOST = 512
"""Picks that are looked at, the first of the batch: the effective number takes an eigenvalue of each."""
NEAR = 0.9
"""Prompts whose word vectors have at least this cosine count as near-duplicates."""
Vectors = Any
"""Rows (n, d): an array, or scipy's sparse rows, which have no types."""


@dataclass(frozen=True)
class Redundancy:
    """Of `n` picks; `nearest`: mean cosine of a pick with the pick most like it; None for fewer than two picks.

    `effective`: how many quite different pairs would be as varied (1 … n).
    """

    nearest: float | None
    effective: float | None
    n: int


def redundancy(vectors: Vectors, *, signed: bool = True) -> Redundancy:
    """Of the picks' vectors (n, d) in batch order; not `signed`: φ and −φ say the same, so |cosine| counts.

    The effective number is exp of the entropy of the eigenvalues of K / n, K the cosines (their squares where signs do
    not count): the Vendi score, Friedman & Dieng 2022, arXiv:2210.02410.
    """
    cosine = cosines(vectors[:AT_MOST])
    n = len(cosine)
    if n < 2:
        return Redundancy(None, None if n == 0 else 1.0, n)
    kernel = cosine if signed else cosine**2
    near = cosine if signed else np.abs(cosine)
    values = np.linalg.eigvalsh(kernel / np.trace(kernel)) if np.trace(kernel) > 0 else np.zeros(n)
    kept = values[values > 1e-12]
    effective = float(np.exp(-(kept * np.log(kept)).sum())) if len(kept) else 1.0
    return Redundancy(float(nearest_others(near).max(axis=1).mean()), effective, n)


def nearest_others(cosine: np.ndarray) -> np.ndarray:
    """Cosines (n, n) of rows with one another, with −∞ where a row meets itself."""
    masked = cosine.copy()
    np.fill_diagonal(masked, -np.inf)
    return masked


def mean_nearest(vectors: Vectors) -> float | None:
    """Of rows (n, d) the mean cosine of a row with the one most like it, as in `redundancy`; None below two rows."""
    cosine = cosines(vectors[:AT_MOST])
    return None if len(cosine) < 2 else float(nearest_others(cosine).max(axis=1).mean())


def cosines(one: Vectors, other: Vectors = None) -> np.ndarray:
    """Cosine of every row of `one` (n, d) with every row of `other` (m, d), by default of `one` again: (n, m)."""
    first = unit_rows(one)
    found = first @ (first if other is None else unit_rows(other)).T
    return np.asarray(found.todense() if sparse.issparse(found) else found, dtype=np.float64)


def near_duplicates(prompts: Sequence[str], vectors: Vectors) -> float | None:
    """Share of picks whose prompt another pick has too, or one with a cosine of at least `NEAR`; None below two.

    `prompts` are prompt ids a pick, `vectors` (n, d) their prompts' word vectors.
    """
    ids = list(prompts)[:AT_MOST]
    if len(ids) < 2:
        return None
    same = np.array(ids)[:, None] == np.array(ids)[None, :]
    near = (cosines(vectors[:AT_MOST]) >= NEAR) | same
    np.fill_diagonal(near, val=False)
    return float(near.any(axis=1).mean())


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows divided by their length; a zero row stays zero."""
    if sparse.issparse(vectors):
        length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        return sparse.csr_matrix(sparse.diags(1.0 / np.where(length > 0, length, 1.0)) @ vectors)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0), dtype=np.float64)


def word_vectors(texts: Sequence[str]) -> sparse.csr_matrix:
    """Word counts (n, 2¹⁸), hashed, weighed by how rare a word is among these texts (TF-IDF), rows of length 1.

    No model and no vocabulary: the same words give the same columns.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    hashed = HashingVectorizer(n_features=2**18, alternate_sign=False, norm=None).transform(texts)
    return sparse.csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(hashed))
