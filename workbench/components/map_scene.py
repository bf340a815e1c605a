"""From a projection's points to what is drawn of them: pairs, responses or segments, sampled, ringed and lit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.store.projected import Points
from engine.store.summaries import RoundScores
from workbench.charts.scene import Marks, Name, Scene, What
from workbench.components.map_marks import DRAWN, chosen_points, foremost, sample
from workbench.wording import number

RINGED = 2_000
"""Points of a saved selection that are ringed at most."""
Ends = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Ground:
    """The points of a map as the reader wants them, (n,) each; `points` has their ids, `names` those of the clusters.

    A segment stands where its middle lies, in the cluster that its middle is in. A plane that is higher than wide is
    `turned`, x for y, because the page is wider than high.
    """

    what: What
    pairs: Points
    points: Points
    x: np.ndarray
    y: np.ndarray
    cluster: np.ndarray
    names: tuple[Name, ...]
    ends: Ends | None = None
    turned: bool = False

    @property
    def own(self) -> str:
        """Which of the projection's planes it is drawn in: "pairs" or "responses"."""
        return "pairs" if self.what == "pairs" else "responses"

    def known(self, values: np.ndarray | None) -> np.ndarray:
        """The values of the pairs; NaN throughout where there are none."""
        return np.full(len(self.pairs), np.nan, dtype=np.float32) if values is None else values

    def pairs_in(self, shapes: Mapping[str, Any]) -> np.ndarray:
        """The pairs that a lasso, a box or a click holds, bool; of all pairs, drawn or not."""
        inside = chosen_points(self.x, self.y, shapes)
        return inside[self.pairs["row_a"]] | inside[self.pairs["row_b"]] if self.what == "responses" else inside

    def of_pairs(self, chosen: np.ndarray) -> np.ndarray:
        """The points that stand for these pairs (bool), bool."""
        if self.what != "responses":
            return chosen
        found = np.zeros(len(self.x), dtype=bool)
        found[self.pairs["row_a"][chosen]] = found[self.pairs["row_b"][chosen]] = True
        return found


@dataclass(frozen=True, eq=False)
class Choice:
    """What the reader has chosen, bool (n,) over all pairs or None: the `saved` selection, and the `pairs` in all.

    `drawn` says whether something was drawn that can be kept.
    """

    saved: np.ndarray | None
    pairs: np.ndarray | None
    title: str
    drawn: bool


def hands_of(found: RoundScores | None) -> dict[str, list[str]]:
    """What people did to the round's batch in review → the pairs it was done to."""
    hands: dict[str, list[str]] = {"taken out": list(found.out)} if found is not None and found.out else {}
    for pair_id, words in (found.by_hand if found is not None else {}).items():
        for what in words.split(", "):
            hands.setdefault(what, []).append(pair_id)
    return hands


def choice_of(
    ground: Ground, saved_ids: Sequence[str], shapes: Mapping[str, Any], within: tuple[float, float] | None
) -> Choice:
    """A lasso before a saved selection, a saved selection before the whole pool; of that the range of dissimilarity."""
    saved = ground.pairs.has(saved_ids) if saved_ids else None
    chosen = ground.pairs_in(shapes) if shapes else saved
    title = "Chosen on the map" if shapes else "Saved selection" if saved_ids else "The whole pool"
    if within is not None:
        unlike = ground.pairs["dissimilarity"]
        there = (unlike >= within[0]) & (unlike <= within[1])
        chosen = there if chosen is None else chosen & there
        title += f", {number(within[0], 2)} to {number(within[1], 2)}"
    return Choice(saved, chosen, title, bool(shapes) or within is not None)


def ground_of(
    what: What, pairs: Points, responses: Points, clusters: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Ground:
    """`pairs` and `responses` as the projection wrote them, `clusters` as its answer says them."""
    points = pairs if what == "pairs" else responses
    x, y = points["x"], points["y"]
    turned = len(x) > 0 and float(np.ptp(y)) > float(np.ptp(x))
    if turned:
        x, y = y, x
    own = clusters["pairs" if what == "pairs" else "responses"]
    names = tuple(Name(tuple(one["words"]), one["n"], *((one["y"], one["x"]) if turned else (one["x"], one["y"])))
                  for one in own)  # fmt: skip
    if what != "segments":
        return Ground(what, pairs, points, x, y, points["cluster"], names, turned=turned)
    a, b = pairs["row_a"], pairs["row_b"]
    ends = (x[a], y[a], x[b], y[b])
    middle = (ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2
    return Ground(what, pairs, pairs, *middle, pairs["topic"], names, ends, turned)


def scene_of(
    ground: Ground,
    marks: Marks,
    *,
    values: np.ndarray | None = None,
    unit: str = "",
    saved: np.ndarray | None = None,
    lit: np.ndarray | None = None,
    outline: Mapping[str, Any] | None = None,
    limit: int | None = None,
    hands: Mapping[str, Sequence[str]] | None = None,
) -> Scene:
    """The scene of a round: `marks` and `values` of the pairs; `saved` and `lit` say which pairs are ringed and lit.

    `hands`: what people did to the batch in review → the pairs it was done to.

    A response bears the marks and the value of its foremost pair. Of too many points a sample is drawn.
    """
    if ground.what == "responses":
        rows = foremost(ground.pairs, marks, values, len(ground.points))
        marks = marks.at(rows)
        if values is not None:
            values = np.append(values, np.float32(np.nan))[rows]  # −1, in no pair, is the last one
    ringed = np.zeros(0, np.int64) if saved is None else np.flatnonzero(ground.of_pairs(saved))[:RINGED]
    must = marks.must.copy()
    must[ringed] = True
    touched = {what: np.flatnonzero(ground.of_pairs(ground.pairs.has(ids))) for what, ids in (hands or {}).items()}
    for rows_of in touched.values():
        must[rows_of] = True
    return Scene(
        what=ground.what,
        x=ground.x,
        y=ground.y,
        marks=marks,
        rows=sample(ground.cluster, must, limit or DRAWN[ground.what]),
        ids_of=ground.points.names,
        names=ground.names,
        cluster=ground.cluster,
        values=values,
        unit=unit,
        ends=ground.ends,
        ringed=ringed,
        lit=None if lit is None else ground.of_pairs(lit),
        outline=outline or {},
        turned=ground.turned,
        hands=touched,
    )
