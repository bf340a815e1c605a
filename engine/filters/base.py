"""The contract of a post-label filter: which of a round's labels train.

A file in this room registers one class. A filter sees labels, as a strategy never may: it stands behind the oracle and
before DPO, and what it leaves out stays bought and paid for. The round's training set is filtered anew each round, so
that a label may train later. Nothing of it reaches a strategy.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from engine.registry import Plugin, Registry
from engine.seeds import uniforms

Margin = Literal["implicit", "external"]


@dataclass(frozen=True)
class Judged:
    """The labels of a training set, each with the margin of its chosen response over its rejected one.

    `margins["implicit"]` (n,): the implicit reward's under the policy at the start of the round, in reward units;
    `margins["external"]` (n,): the scorer's, in its own unit. Only what a filter asked for is there. `moved` is False
    while the policy equals its reference: every implicit margin is then 0 and says nothing.
    """

    pair_ids: tuple[str, ...]
    margins: Mapping[Margin, np.ndarray]
    moved: bool
    seed: int
    round: int

    def __len__(self) -> int:
        return len(self.pair_ids)

    def only(self, rows: np.ndarray) -> "Judged":
        """These labels alone."""
        margins = {name: values[rows] for name, values in self.margins.items()}
        return replace(self, pair_ids=tuple(self.pair_ids[row] for row in rows), margins=margins)


class Filter(Plugin):
    """Which labels train."""

    formula: ClassVar[str] = ""
    """LaTeX of what it ranks or cuts by."""
    open_points: ClassVar[str] = ""
    """What the paper leaves open and how it is settled here: sentences behind "Read:", "Inferred:", "Ours:"."""

    @abstractmethod
    def reads(self) -> frozenset[Margin]:
        """The margins that it reads."""

    @abstractmethod
    def keep(self, judged: Judged) -> np.ndarray:
        """(n,) bool: True for the labels that train. At least one is kept where there is one."""


FILTERS: Registry[Filter] = Registry("filter", "engine.filters")


def first_of(order_by: np.ndarray, share: float, judged: Judged) -> np.ndarray:
    """(n,) bool: the share of lowest `order_by`, rounded down, at least one; ties by a keyed draw."""
    n = len(judged)
    tie = uniforms(judged.seed, judged.round, "filter", judged.pair_ids)
    kept = np.zeros(n, dtype=bool)
    kept[np.lexsort((tie, order_by))[: max(1, int(share * n + 1e-9))]] = True
    return kept


def through(filters: Sequence[Filter], judged: Judged) -> tuple[np.ndarray, dict[str, int]]:
    """The rows (m,) that every filter keeps, each seeing what those before it left, and how many each left out."""
    rows, dropped = np.arange(len(judged)), {}
    for one in filters:
        if not len(rows):
            break
        kept = one.keep(judged.only(rows))
        if not kept.all():
            dropped[one.name] = int((~kept).sum())
        rows = rows[kept]
    return rows, dropped
