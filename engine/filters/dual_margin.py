"""Train on the labels that two rewards agree about."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from engine.filters.base import FILTERS, Filter, Judged, Margin, first_of


@FILTERS.register
class DualMargin(Filter):
    """Keep the labels whose chosen response wins by most, by an external score and by the implicit reward together.

    Each margin m becomes a probability P(m) that the label is right, 0 at `low` and 1 at the upper end; the two are
    multiplied as independent evidence (DM-MUL) or added (DM-ADD). A label that both contradict goes first.
    """

    name: ClassVar[str] = "dual_margin"
    title: ClassVar[str] = "dual margin"
    source: ClassVar[str] = "Deng et al. 2025, arXiv:2502.14560"
    formula: ClassVar[str] = (
        r"P(m) = \frac{\mathrm{clip}(m, M_1, M_2) - M_1}{M_2 - M_1},\quad "
        r"p = \frac{P_{ex} P_{im}}{P_{ex} P_{im} + (1 - P_{ex})(1 - P_{im})}\;\text{(MUL)},\quad "
        r"p = P_{ex} + P_{im}\;\text{(ADD)}"
    )
    open_points: ClassVar[str] = (
        "Read: both fusions, M1 = −2, 10 % of UltraFeedback kept. Not found: M2 (ours: the largest margin at hand, so "
        "that nothing is cut off above) and whether both margins share it (ours: each has its own ends). Ours: the "
        "implicit margin is that of the policy at the start of the round instead of a small model trained beforehand; "
        "while the policy equals its reference the external one decides alone, and without one every label trains."
    )

    fusion: Literal["multiply", "add"] = Field("multiply", description="DM-MUL or DM-ADD")
    margins: Literal["both", "external", "implicit"] = Field("both", description="which margins count")
    share: float = Field(0.1, gt=0, le=1, description="share of the labels that is kept (no unit)")
    external_low: float = Field(-2.0, description="M1 of the external margin, in the scorer's unit")
    external_high: float | None = Field(None, description="M2 of the external margin; default: the largest at hand")
    implicit_low: float = Field(-2.0, description="M1 of the implicit margin, in reward units")
    implicit_high: float | None = Field(None, description="M2 of the implicit margin; default: the largest at hand")

    @model_validator(mode="after")
    def _ordered(self) -> "DualMargin":
        for which in ("external", "implicit"):
            low, high = getattr(self, f"{which}_low"), getattr(self, f"{which}_high")
            if high is not None and low >= high:
                raise ValueError(f"{which}_low is {low:g} and {which}_high {high:g}; low must be below high")
        return self

    def reads(self) -> frozenset[Margin]:
        """One margin or both."""
        return frozenset({"implicit", "external"}) if self.margins == "both" else frozenset({self.margins})

    def keep(self, judged: Judged) -> np.ndarray:
        """(n,) bool: the share of highest p; ties by a keyed draw."""
        which = sorted(self.reads() - (frozenset() if judged.moved else {"implicit"}))
        if not which:
            return np.ones(len(judged), dtype=bool)
        right = [self._probability(name, judged.margins[name]) for name in which]
        if len(right) == 1 or self.fusion == "add":
            return first_of(-np.sum(right, axis=0), self.share, judged)
        both, neither = np.prod(right, axis=0), np.prod([1 - p for p in right], axis=0)
        undecided = both + neither == 0  # one is sure that it is right, the other that it is wrong
        return first_of(-np.where(undecided, 0.5, both / np.where(undecided, 1.0, both + neither)), self.share, judged)

    def _probability(self, which: Margin, margin: np.ndarray) -> np.ndarray:
        low, high = getattr(self, f"{which}_low"), getattr(self, f"{which}_high")
        high = float(margin.max(initial=low)) if high is None else high
        if high <= low:
            return np.zeros(len(margin))
        return np.asarray((np.clip(margin, low, high) - low) / (high - low), dtype=np.float64)
