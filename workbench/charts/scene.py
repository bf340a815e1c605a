"""What a map is drawn from: the points with their marks, which of them are drawn, and what is chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

What = Literal["pairs", "responses", "segments"]
POOL, LABELLED, PICKED = 0, 1, 2
STATES = ("pool", "labelled", "picked")
"""The words of the three, by number."""


@dataclass(frozen=True, eq=False)
class Marks:
    """Of every point: `state` (POOL, LABELLED, PICKED), `by` and `ever_by`, `picked_in`, `answer`, (n,) each.

    A pair is picked when a chosen strategy picked it in this round (`by` is the first of them: its place among those
    chosen, −1 for none), and labelled when the run in focus had its answer before the round. `ever_by` is who of the
    chosen picked it in any round so far, `picked_in` when the run in focus did (0: never), `answer` what that run got
    for it: its place in `map_marks.ANSWERS`.
    """

    state: np.ndarray
    by: np.ndarray
    ever_by: np.ndarray
    picked_in: np.ndarray
    answer: np.ndarray

    @property
    def must(self) -> np.ndarray:
        """Which points are drawn whatever happens, bool (n,)."""
        return (self.state != POOL) | (self.ever_by >= 0) | (self.picked_in > 0)

    def at(self, rows: np.ndarray) -> "Marks":
        """Those of these rows; a row of −1 is a point of the pool that nobody picked."""
        none = {"state": POOL, "by": -1, "ever_by": -1, "picked_in": 0, "answer": 0}  # stands last, where −1 finds it
        return Marks(*(np.append(getattr(self, name), getattr(self, name).dtype.type(value))[rows]
                       for name, value in none.items()))  # fmt: skip


@dataclass(frozen=True)
class Name:
    """The name of a cluster, of words from the data, and where on the map it stands; `n` points are in it."""

    words: tuple[str, ...]
    n: int
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Scene:
    """All points of a map, and the `rows` that are drawn (k,); `cluster` is the place of each in `names`, int (n,).

    `values` colour the points if colour is a quantity, NaN where a point has none; `unit` names it. `ends` are the two
    responses of every segment: x and y of one, x and y of the other. `ids_of` says the ids of rows. `ringed` rows are
    in a saved selection, `lit` says of every point whether it is chosen (None: nothing is). `outline` is the shape of
    a lasso or box, as `map_marks.shapes_of` gives it. `turned`: x is the second direction, y the first. `hands`: what
    people did to the batch in review → the rows it was done to.
    """

    what: What
    x: np.ndarray
    y: np.ndarray
    marks: Marks
    rows: np.ndarray
    ids_of: Callable[[np.ndarray], Sequence[str]]
    names: Sequence[Name] = ()
    cluster: np.ndarray | None = None
    values: np.ndarray | None = None
    unit: str = ""
    ends: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
    ringed: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    lit: np.ndarray | None = None
    outline: Mapping[str, Any] = field(default_factory=dict)
    turned: bool = False
    hands: Mapping[str, np.ndarray] = field(default_factory=dict)
