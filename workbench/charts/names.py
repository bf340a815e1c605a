"""Where the names of a map's clusters stand: none on another and none outside, the largest clusters first."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from workbench.charts.curves import plain_text
from workbench.charts.scene import Name, Scene

NAMED = 8
"""Clusters that are named on the map at most, the largest first."""
SHIFTS = (0, 17, -17, 34, -34)
"""Where a name may stand, in pixels above the middle of its cluster, the best first."""
NARROW = 460
"""The least width of the plane in pixels at which names keep clear of each other."""
MARGINS = 66
"""Of the figure's height, what lies above and below the plane, in pixels."""


class Placed(NamedTuple):
    """A name as it is drawn: those of its words that find room, so many pixels aside and up from where it stands."""

    name: Name
    words: Sequence[str]
    aside: int
    up: int


def placed(scene: Scene, height: int) -> Iterator[Placed]:
    """The names that find room, the largest cluster first; where there is none for all its words, for the first ones.

    The page is wider or narrower, so a name must keep clear of the others at the least and at the largest scale.
    """
    across, up_to = (span(values) for values in held(scene))
    if not len(scene.rows) or across is None or up_to is None:
        return
    (left, right), (low, high) = across, up_to
    tall = height - MARGINS
    largest = tall / (high - low)
    least = min(NARROW / (right - left), largest)
    taken: list[tuple[tuple[float, float, float, float], float]] = []
    for name in sorted(scene.names, key=lambda name: -name.n)[:NAMED]:
        x, y = name.x - (left + right) / 2, name.y - (low + high) / 2  # from the middle, where the plane stands
        for n, up in [(n, up) for n in range(len(name.words), 0, -1) for up in SHIFTS]:
            half = 3.4 * len(", ".join(name.words[:n])) + 6
            edge = max(NARROW / 2 - half, 0)
            aside = min(max(x * least, -edge), edge) - x * least
            at = (x * least + aside, x * largest + aside, y * least + up, y * largest + up)
            inside = all(abs(y) <= (high - low) * scale / 2 - 8 for y, scale in ((at[2], least), (at[3], largest)))
            if inside and all(_clear(at, one, half + other) for one, other in taken):
                taken.append((at, half))
                yield Placed(name, name.words[:n], round(aside), up)
                break


def _clear(one: tuple[float, ...], other: tuple[float, ...], halves: float) -> bool:
    """Whether two names lie apart at both scales, on the same side at both, so at every scale between them."""
    across, up = ([one[n] - other[n] for n in pair] for pair in ((0, 1), (2, 3)))
    return any(min(gaps) > least or max(gaps) < -least for gaps, least in ((across, halves), (up, 16)))


def held(scene: Scene) -> tuple[Sequence[np.ndarray], Sequence[np.ndarray]]:
    """All that the axes must hold: x, y."""
    ends = scene.ends or ()
    return (scene.x, *ends[::2]), (scene.y, *ends[1::2])


def span(values: Sequence[np.ndarray]) -> list[float] | None:
    """From the least to the greatest of them, and a little room."""
    known = [one for one in values if len(one)]
    if not known:
        return None
    low, high = min(float(one.min()) for one in known), max(float(one.max()) for one in known)
    room = 0.04 * (high - low) or 1.0
    return [low - room, high + room]


def written(words: Sequence[str]) -> str:
    """Words of the data as text only: Plotly would read markup in them. Each keeps its own reading direction."""
    return ", ".join(f"\u2068{plain_text(word)}\u2069" for word in words)
