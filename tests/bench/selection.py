"""Do designs of a batch grow in line with the pool, in time and memory; on a GPU, how near are they to a read?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.selection import on_device
from engine.selection.distances import d2_sampling, farthest_first
from engine.selection.logdet import greedy_log_det
from engine.selection.rows import Rows
from tests.bench._harness import Way, race, row, same, setting
from tests.bench._vectors import unit_differences
from tests.bench.distances import rows_of
from tests.bench.logdet import RIDGE

POOLS = (1_000, 10_000, 100_000)
D, K = 256, 60


def measure() -> list[str]:
    """The designs at 1,000 to 100,000 pairs."""
    lines = [f"d = {D}, k = {K}; {setting('numpy', dtype='float64')}"]
    points = scaling(POOLS)
    for name in DESIGNS:
        found = [point for point in points if point["design"] == name]
        said = (f"{p['pairs']:,}: {p['seconds']:.3g} s, {p['megabytes'] or 0:,.0f} MB more" for p in found)
        growth = np.log(found[-1]["seconds"] / found[0]["seconds"]) / np.log(found[-1]["pairs"] / found[0]["pairs"])
        lines.append(f"{name}: {'; '.join(said)}; time as pairs to the {growth:.2f}")
    return lines


def scaling(pools: Sequence[int], d: int = D, k: int = K, turns: int = 3) -> list[dict[str, Any]]:
    """For one plot: a row a design and pool with `pairs`, `seconds` (median) and `megabytes` (peak beyond the pool)."""
    points = []
    for n in pools:
        features, rows = unit_differences(n, d), rows_of(n, k)
        ways = [Way(name, lambda w=work, f=features, r=rows: w(f, k, r), turns=turns) for name, work in DESIGNS.items()]
        points += [
            {"design": found.name, "pairs": n, "seconds": found.median, "megabytes": found.peak_mb}
            for found in race(*ways)
        ]
    return points


Design = Callable[[np.ndarray, int, Rows], list[int]]
DESIGNS: dict[str, Design] = {
    "log-det": lambda f, k, rows: greedy_log_det(f, f[:0], RIDGE, k, rows.tie)[0],
    "k-center": lambda f, k, rows: farthest_first(f, f[:0], k, rows, either_sign=True)[0],
    "k-means++": lambda f, k, rows: d2_sampling(f, k, rows, drawn_first=False, either_sign=True)[0],
}
ON_DEVICE: dict[str, Design] = {
    "log-det": lambda f, k, rows: on_device.greedy_log_det(f, f[:0], RIDGE, k, rows)[0],
    "k-center": lambda f, k, rows: on_device.farthest_first(f, f[:0], k, rows, either_sign=True)[0],
    "k-means++": lambda f, k, rows: on_device.d2_sampling(f, k, rows, drawn_first=False, either_sign=True)[0],
}


def measure_on(device: str, n: int = 1_000_000, d: int = 512, k: int = 1000, *, quick: bool = False) -> list[str]:
    """G7 and G8: each design on the device against numpy, for as many of the pairs as that takes seconds, the picks
    compared; against one read of the features a pick, for all; and a loop that waits for every pick."""
    import torch

    features, lines = unit_differences(n, d), list[str]()
    few = features[: max(n // 20, min(n, 10 * k))]
    rows, some = (Rows.of(rows_of(size, k).view, device=device) for size in (n, len(few)))
    held = torch.tensor(features, device=device)
    vector = held[0].clone()
    reading = Way("a read of the features a pick", lambda: [torch.mv(held, vector) for _ in range(k)][-1], turns=3)
    for number, name in zip(("G7", "G8", "G8"), DESIGNS, strict=True):
        here, there = race(
            Way("numpy", lambda w=DESIGNS[name]: w(few, k, some), turns=1, warm_up=0),
            Way("on the device", lambda w=ON_DEVICE[name]: w(few, k, some), turns=3),
            quick=quick,
        )
        agreed = same("picks", there.result, here.result)
        what = f"{name}, {len(few):,} pairs, d = {d}, k = {k}, float64, {device}"
        lines.append(row(number, what, here, there, None, agreed))
        ours, read = race(
            Way("on the device", lambda w=ON_DEVICE[name]: w(features, k, rows), turns=3),
            reading,
            quick=quick,
        )
        times = ours.median / read.median
        judged = f" (limit ≤ 2: {'reached' if times <= 2 else 'NOT reached'})" if number == "G7" else ""
        lines.append(
            f"{number} {name}, {n:,} pairs, features moved there included: {ours.median:.3g} s, "
            f"{times:.2f} times {read.name} ({read.median:.3g} s){judged}"
        )
    (waiting,) = race(Way("waiting", lambda: _waiting(held, k), turns=1, warm_up=0), quick=quick)
    return [*lines, f"G7 log-det, waiting for every pick, features there already: {waiting.median:.3g} s"]


def _waiting(held: Any, k: int) -> list[int]:
    """The loop one would write: V⁻¹ kept, every score updated, every pick brought to the host."""
    import torch

    inverse = torch.eye(held.shape[1], dtype=held.dtype, device=held.device) / RIDGE
    scores, picked = (held * held).sum(dim=1) / RIDGE, list[int]()
    for _ in range(k):
        best = int(scores.argmax().item())
        v = inverse @ held[best] / (1 + scores[best]).sqrt()
        scores -= (held @ v) ** 2
        inverse -= torch.outer(v, v)
        scores[best] = -torch.inf
        picked.append(best)
    return picked
