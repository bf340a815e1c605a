"""What a map's points are marked with, which of them are drawn, and which a lasso, a box or a click holds.

Arrays with an entry a point: a pool of a million pairs takes some 20 MB, and nothing is looped over in Python.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.store.projected import Points
from engine.store.summaries import StrategyRef
from workbench.charts.scene import LABELLED, PICKED, POOL, Marks, What

DRAWN: dict[What, int] = {"pairs": 20_000, "responses": 20_000, "segments": 4_000}
"""Points drawn at most; picked and labelled ones are always among them."""
FLOOR = 20
"""Points of a cluster that are drawn at least, however small it is."""
ANSWERS = ("", "a", "b", "tie", "both_bad", "skip")


def marked(points: Points, picks: pd.DataFrame, chosen: Sequence[StrategyRef], focus: str, number: int) -> Marks:
    """The marks of the pairs in round `number`; `picks` is what `projected.marks` gives, `focus` the run looked at."""
    n = len(points)
    by, ever_by = (np.full(n, -1, dtype=np.int8) for _ in range(2))
    picked_in, answer = np.zeros(n, dtype=np.int16), np.zeros(n, dtype=np.int8)
    rows, there = points.find(picks["pair_id"].tolist())
    rounds = picks["round"].to_numpy(dtype=int)
    known = there & (rounds <= number)
    for place, strategy in reversed(list(enumerate(chosen))):  # the first of them is written last, so it stays
        theirs = known & (picks["strategy"] == strategy.name).to_numpy()
        ever_by[rows[theirs]] = place
        by[rows[theirs & (rounds == number)]] = place
    own = known & (picks["run_id"] == focus).to_numpy()
    answers = picks["answer"].map({name: place for place, name in enumerate(ANSWERS)}).fillna(0).to_numpy(dtype=np.int8)
    picked_in[rows[own]], answer[rows[own]] = rounds[own], answers[own]
    before = (picked_in > 0) & (picked_in < number) & (answer > 0)
    state = np.where(by >= 0, PICKED, np.where(before, LABELLED, POOL)).astype(np.int8)
    return Marks(state, by, ever_by, picked_in, answer)


def foremost(pairs: Points, marks: Marks, values: np.ndarray | None, n: int) -> np.ndarray:
    """The row of the foremost pair of each of `n` responses, int64; −1 where it is in none.

    Picked before labelled before the pool, then the later pick, then the greater value, then the first row.
    """
    known = np.full(len(pairs), -np.inf) if values is None else np.nan_to_num(values, nan=-np.inf)
    order = np.lexsort((-np.arange(len(pairs)), known, marks.picked_in, marks.state))
    found = np.full(n, -1, dtype=np.int64)
    for side in ("row_a", "row_b"):  # of repeated places the last one written stays
        theirs = np.full(n, -1, dtype=np.int64)
        theirs[pairs[side][order]] = np.arange(len(order))
        found = np.maximum(found, theirs)
    return np.where(found >= 0, order[found], -1) if len(order) else found


def sample(cluster: np.ndarray, must: np.ndarray, limit: int) -> np.ndarray:
    """The rows to draw, rising: all that `must` be, and of the rest as many as have room, drawn from every cluster.

    A cluster gets room by its size, and at least 20 points. Rows are in the order of hashes, so the first ones of a
    cluster are a fair draw of it, the same every time.
    """
    if len(must) <= limit:
        return np.arange(len(must))
    room, rest = max(limit - int(must.sum()), 0), ~must
    sizes = np.bincount(cluster[rest], minlength=1)
    quota = np.minimum(sizes, np.maximum(room * sizes // max(int(sizes.sum()), 1), min(FLOOR, room // len(sizes))))
    drawn = [np.flatnonzero(rest & (cluster == c))[:n] for c, n in enumerate(quota.tolist()) if n]
    return np.sort(np.concatenate([*drawn, np.flatnonzero(must)]))


def within(x: np.ndarray, y: np.ndarray, corner_x: Sequence[float], corner_y: Sequence[float]) -> np.ndarray:
    """Which points lie inside the polygon, bool (n,): a ray to the right crosses its border an odd number of times.

    Points are put in the order of y, so that an edge is held against those beside it only: a lasso of 300 corners
    around a million points takes a fraction of a second.
    """
    inside = np.zeros(len(x), dtype=bool)
    if len(corner_x) < 3 or not len(x):
        return inside
    near = (x >= min(corner_x)) & (x <= max(corner_x)) & (y >= min(corner_y)) & (y <= max(corner_y))
    rows = np.flatnonzero(near)
    rows = rows[np.argsort(y[rows], kind="stable")]
    across, up = x[rows].astype(np.float64), y[rows].astype(np.float64)
    odd = np.zeros(len(rows), dtype=bool)
    for n in range(len(corner_x)):
        x1, y1, x2, y2 = corner_x[n - 1], corner_y[n - 1], corner_x[n], corner_y[n]
        if y1 != y2:
            low, high = np.searchsorted(up, sorted((y1, y2)))
            odd[low:high] ^= across[low:high] < (x2 - x1) * (up[low:high] - y1) / (y2 - y1) + x1
    inside[rows[odd]] = True
    return inside


def chosen_points(x: np.ndarray, y: np.ndarray, selection: Mapping[str, Any]) -> np.ndarray:
    """Which points a lasso, a box or a click holds, bool (n,); of shapes all points inside, drawn or not."""
    inside = np.zeros(len(x), dtype=bool)
    for shape in [*selection.get("lasso", ()), *selection.get("box", ())]:
        inside |= within(x, y, *_corners(shape))
    rows = np.array(selection.get("rows", ()), dtype=np.int64)
    inside[rows[(rows >= 0) & (rows < len(x))]] = True
    return inside


def shapes_of(selection: Mapping[str, Any]) -> dict[str, Any]:
    """What a chart's selection says, as JSON: its lassos and boxes, else the rows of points clicked; {} for none.

    Rows are read from customdata: places in a trace change with what is drawn.
    """
    shapes = {
        kind: [{"x": list(map(float, one["x"])), "y": list(map(float, one["y"]))} for one in selection.get(kind) or ()]
        for kind in ("lasso", "box")
    }
    shapes = {kind: found for kind, found in shapes.items() if found}
    if shapes:
        return shapes
    rows = [_first(point.get("customdata")) for point in selection.get("points") or ()]
    rows = [int(row) for row in rows if isinstance(row, int | float)]
    return {"rows": rows} if rows else {}


def _corners(shape: Mapping[str, Sequence[float]]) -> tuple[list[float], list[float]]:
    x, y = list(shape["x"]), list(shape["y"])
    return ([x[0], x[1], x[1], x[0]], [y[0], y[0], y[1], y[1]]) if len(x) == 2 else (x, y)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and value else value


def first_rows(chosen: np.ndarray | None, marks: Marks, score: np.ndarray, limit: int) -> np.ndarray:
    """The rows of a table: picked pairs first, then labelled, then by score; at most `limit`. None means all pairs."""
    found: list[np.ndarray] = []
    for state in (PICKED, LABELLED, POOL):
        wanted = marks.state == state
        rows = np.flatnonzero(wanted if chosen is None else wanted & chosen)
        keys = np.nan_to_num(score[rows], nan=-np.inf)
        if len(rows) > limit:  # no need to put a million in order
            rows = np.sort(rows[np.argpartition(-keys, limit)[:limit]])
            keys = np.nan_to_num(score[rows], nan=-np.inf)
        found.append(rows[np.argsort(-keys, kind="stable")])
    return np.concatenate(found)[:limit]
