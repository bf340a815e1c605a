"""Train on the labels that the implicit reward finds hard."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from engine.filters.base import FILTERS, Filter, Judged, Margin, first_of


@FILTERS.register
class Difficulty(Filter):
    """Keep the labels with the smallest implicit-reward gap of chosen over rejected.

    A gap far below 0 says that the policy prefers what was rejected: a hard pair, or a wrong label. The other ways to
    read "small" are switches. While the policy equals its reference there is no gap yet, and every label trains.
    """

    name: ClassVar[str] = "difficulty"
    title: ClassVar[str] = "difficulty"
    source: ClassVar[str] = "Qi, Xu & Jin 2025, arXiv:2508.04149"
    formula: ClassVar[str] = r"\Delta = \hat r(x, y^{chosen}) - \hat r(x, y^{rejected})"
    open_points: ClassVar[str] = (
        "Read in the authors' code: signed gap, smallest first, the share rounded down; β = 0.1. Read in the abstract: "
        "10 % of the data. Ours: the gap is that of the policy at the start of the round instead of a model trained "
        "beforehand, and the training set of each round is filtered, not a whole data set once. It keeps first what "
        "dual margin throws away first."
    )

    gap: Literal["signed_ascending", "absolute_ascending", "absolute_descending", "band"] = Field(
        "signed_ascending", description="the order of which the first are kept; band: all whose signed gap lies in it"
    )
    share: float = Field(0.1, gt=0, le=1, description="share of the labels that is kept (no unit); not of a band")
    low: float = Field(-1.0, description="lower end of the band, in reward units")
    high: float = Field(1.0, description="upper end of the band, in reward units")

    @model_validator(mode="after")
    def _ordered(self) -> "Difficulty":
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g} and high {self.high:g}; low must be below high")
        return self

    def reads(self) -> frozenset[Margin]:
        """The implicit margin."""
        return frozenset({"implicit"})

    def keep(self, judged: Judged) -> np.ndarray:
        """(n,) bool; all of them while the policy equals its reference, the nearest one where a band holds none."""
        gap = judged.margins["implicit"]
        if not judged.moved:
            return np.ones(len(judged), dtype=bool)
        if self.gap == "band":
            beyond = np.maximum(np.maximum(self.low - gap, gap - self.high), 0.0)
            return beyond == 0 if (beyond == 0).any() else first_of(beyond, 0.0, judged)
        order = {"signed_ascending": gap, "absolute_ascending": np.abs(gap), "absolute_descending": -np.abs(gap)}
        return first_of(order[self.gap], self.share, judged)
