"""How much faster is the lazy facility location than the greedy one that asks every pair before every pick?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.selection.facility import cover, likeness_of, located
from engine.selection.recipes import FacilityLocation
from engine.selection.rows import Rows
from tests.bench._harness import Way, agree_at_least, race, row, same, setting
from tests.bench._vectors import of_topics, unit_differences
from tests.bench.distances import rows_of

N, D, K = 10_000, 256, 100
TIMED = (0, 33, 66, 99)
"""The picks of which the dense greedy is timed, and at which the picks are compared: all would take minutes."""
BLOCK = 512
"""Rows whose similarities are multiplied at once."""


def measure(n: int = N, d: int = D, k: int = K, *, quick: bool = False) -> list[str]:
    """C8, in topics as embeddings lie, and where all directions are alike and a lazy greedy has least to leave out."""
    lines = [f"C8 {n:,} pairs, d = {d}, k = {k}; {setting('numpy', dtype='float64, kept and asked in float32')}"]
    for what, features in {"topics": of_topics(n, d), "all directions alike": unit_differences(n, d)}.items():
        judged = what == "topics"  # the other takes long, and is there to say so
        lines += _measured(what, features, k, 50 if judged else None, quick=quick or not judged)
    return lines


def _measured(what: str, features: np.ndarray, k: int, limit: float | None, *, quick: bool) -> list[str]:
    """From features to picks, the similarities of both computed anew; and from similarities to picks."""
    n = len(features)
    rows, steps = rows_of(n, k), [step for step in TIMED if step < k]
    recipe, near = (FacilityLocation(features, features[:0], dense=dense) for dense in (n, 0))
    picks, pairwise = _places(rows, located(recipe, rows, k).rows), similarities(features)
    covers = [pairwise[picks[:step]].max(axis=0, initial=0.0) for step in steps]
    lazy, chosen, kernel, asking, plainly, sparse = race(
        Way("lazy", lambda: _places(rows, located(recipe, rows, k).rows)),
        Way(
            "lazy, given them", lambda known: _places(rows, cover(known, k, rows)[0]), lambda: likeness_of(recipe, rows)
        ),
        Way("similarities alone", lambda: similarities(features)),
        Way(
            "dense",
            lambda: [asking_all(pairwise, c, picks[:step]) for c, step in zip(covers, steps, strict=True)],
            turns=3,
        ),
        Way(
            "dense, as it is written down",
            lambda: [asking_plainly(pairwise, c, picks[:step]) for c, step in zip(covers, steps, strict=True)],
            turns=3,
        ),
        Way("lazy by 64 neighbours", lambda: _places(rows, located(near, rows, k).rows)),
        quick=quick,
    )
    agreed = same(f"picks where asked, {len(steps)} of {k}", asking.result, [picks[step] for step in steps])
    agreed += "; " + same("picks", lazy.result, chosen.result)
    agreed += "; " + same("picks where asked plainly", plainly.result, asking.result)
    given, written = (
        replace(one, seconds=tuple(k / len(steps) * s for s in one.seconds), name=name)
        for one, name in ((asking, "asking all, a row at a time"), (plainly, "dense greedy as it is written down"))
    )
    whole = replace(given, seconds=tuple(s + kernel.median for s in given.seconds))
    both = f"from features {whole.median / lazy.median:.1f} ×; {agreed}"
    share = covered(pairwise, sparse.result) / covered(pairwise, lazy.result)
    shared = agree_at_least("share of the other's sum", share, 0.8)
    return [
        row("C8", f"facility location, {what}, similarities given", written, chosen, limit, both),
        row("C8", f"facility location, {what}, similarities given", given, chosen, None, both),
        row("C8", f"facility location, {what}, from features", whole, lazy, None, agreed),
        row("C8", f"{what}, by 64 neighbours, another objective, from features", whole, sparse, None, shared),
    ]


def _places(rows: Rows, picked: Sequence[int]) -> list[int]:
    """Rows of the features: a design stands its rows in id order."""
    return [int(rows.by_id[row_]) for row_ in picked]


def similarities(features: np.ndarray) -> np.ndarray:
    """|cos| of every two, (n, n) float32; multiplied in float64, half of them, some rows at a time, as ours are."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    kernel = np.empty((len(unit), len(unit)), dtype=np.float32)
    for start in range(0, len(unit), BLOCK):
        part = unit[start : start + BLOCK] @ unit[start:].T
        np.abs(part, out=part)
        kernel[start : start + BLOCK, start:] = part
        kernel[start:, start : start + BLOCK] = part.T
    return kernel


def asking_all(kernel: np.ndarray, cover: np.ndarray, picked: list[int]) -> int:
    """The next pick after those: by how much each row would raise the sum of the cover (n,) float32, all of them.

    Rows in float32 one after the other in the same room, sums in float64, as ours.
    """
    room, base = np.empty_like(cover), cover.sum(dtype=np.float64)
    rise = np.array([np.maximum(row_, cover, out=room).sum(dtype=np.float64) for row_ in kernel]) - base
    rise[picked] = -np.inf
    return int(np.argmax(rise))


def asking_plainly(kernel: np.ndarray, cover: np.ndarray, picked: list[int]) -> int:
    """The same as the formula stands, Σ max(s − c, 0) for all rows at once: the dense greedy of most codes."""
    rise = np.maximum(kernel - cover, 0).sum(axis=1, dtype=np.float64)
    rise[picked] = -np.inf
    return int(np.argmax(rise))


def covered(kernel: np.ndarray, picked: list[int]) -> float:
    """Σ of every row's similarity to the picked one most like it."""
    return float(kernel[picked].max(axis=0).sum(dtype=np.float64))
