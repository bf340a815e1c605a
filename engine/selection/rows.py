"""A pool as a recipe is run on it: rows in id order, the keyed draws that break ties, and what comes out.

The order of the pool and of the sides changes nothing, since rows stand in id order and ties are broken by the hash of
(seed, round, "tie", pair id). In a design that computes with vectors what is equal but for rounding is a tie.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.pool import PoolView
from engine.errors import SelectionError
from engine.resume import unasked
from engine.seeds import rng_for, uniforms

ROUNDING = 1e-10
"""Worths within this share of the best are tied. Rounding of a sum of d = 8,192 float64 products is at most
d·2⁻⁵³ = 1e-12 of it, and some ten times that after a batch's subtractions; the signals, float32, are known to 6e-8."""
_AT_ONCE = 16384
"""Rows that are looked through for what is not finite at a time."""


def within_rounding(best: float) -> float:
    """The least worth that is tied with the best."""
    return best - ROUNDING * abs(best)


@dataclass(frozen=True)
class Rows:
    """The pairs of a view in id order. `by_id` (n,) holds the view's row of each; `tie` (n,) lies in [0, 1).

    `device`, if given, is where torch may run a design that is large enough ("cuda:0"); without it numpy does.
    """

    view: PoolView
    by_id: np.ndarray
    ids: tuple[str, ...]
    prompts: tuple[str, ...]
    tie: np.ndarray
    check: Callable[[], None]
    device: str | None = None

    @classmethod
    def of(cls, view: PoolView, check: Callable[[], None] = unasked, device: str | None = None) -> "Rows":
        """The rows of a view; `check` is called before each pick of a batch design and may raise to end it there."""
        ids, prompts = view.ids, view.prompt_ids
        by_id = np.array(sorted(range(len(ids)), key=lambda row: ids[row]), dtype=int)
        in_order = tuple(ids[row] for row in by_id)
        tie = uniforms(view.seed, view.round, "tie", in_order)
        return cls(view, by_id, in_order, tuple(prompts[row] for row in by_id), tie, check, device)

    def finite(self, values: np.ndarray) -> np.ndarray:
        """Values of the view, (n,) or (n, d), in id order as float64; SelectionError that names one not finite."""
        array: np.ndarray = np.asarray(values, dtype=np.float64)
        if len(array) != len(self.ids):
            raise SelectionError(
                f"The strategy gave {len(array)} values for {len(self.ids)} pairs.", "It must give one a pair."
            )
        array = array[self.by_id]
        bad = _not_finite(array)
        if bad:
            raise SelectionError(
                f"{len(bad)} scores are not finite (first: pair {self.ids[bad[0]]!r}).",
                "A signal is not finite there; look at the pair's texts.",
            )
        return array

    def ranked(self, values: np.ndarray) -> list[int]:
        """All rows, highest value first, ties by their draw."""
        return [int(row) for row in np.lexsort((self.tie, -values))]

    def lowest_tie(self, among: np.ndarray) -> int:
        """Of the rows where the mask (n,) is true, the one whose draw is lowest."""
        tied = np.flatnonzero(among)
        return int(tied[np.argmin(self.tie[tied])])

    def best(self, worth: np.ndarray) -> int:
        """The row of highest worth (n,), of those equal but for rounding the one whose draw is lowest."""
        return self.lowest_tie(worth >= within_rounding(float(worth.max())))

    def stream(self, purpose: str) -> np.random.Generator:
        """The generator of a draw about the whole batch."""
        return rng_for(self.view.seed, self.view.round, purpose)


@dataclass(frozen=True)
class Chosen:
    """What a recipe comes to: rows, best first, and the numbers behind them.

    `before` (n,) is every row's score before the batch (None: nothing is scored), `gains` each pick's worth given the
    picks before it, `why` further numbers by name; one entry a pick, or none at all.
    """

    rows: Sequence[int]
    before: np.ndarray | None = None
    gains: Sequence[float] = ()
    why: Sequence[Mapping[str, float | str]] = ()


def _not_finite(array: np.ndarray) -> list[int]:
    """The rows that hold a number that is not finite."""
    found: list[int] = []
    for start in range(0, len(array), _AT_ONCE):
        part = array[start : start + _AT_ONCE]
        bad = ~np.isfinite(part.reshape(len(part), -1)).all(axis=1)
        found += [start + int(row) for row in np.flatnonzero(bad)]
    return found
