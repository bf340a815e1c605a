"""What the details of models' labels say of the model that gave them: steadiness, bias for a slot, what it cost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.analysis.intervals import Interval, t_interval

RANDOM_SHARE = "random share"
"""Why people get a pair that models agree on."""


@dataclass(frozen=True)
class JudgedFacts:
    """One asked model in one study.

    `pairs` were asked in both orders with a verdict each time; `consistency` is the share of them whose two verdicts
    took the same side (or were both ties). `first_slot` is the share of verdicts for a side that took the response that
    stood first, of pairs in both orders or in one that was drawn; `bias`, 2 · first_slot − 1: 0 where the slot decides
    nothing, 1 where it decides everything. Intervals are over pairs, 95 %: of shares of pairs Wilson's, of the slot
    Student's. `refused`: reason → labels that say nothing. `kept` of the `requests` were answered before. `tokens_paid`
    and `cost`, in the currency of the prices given, are of the answers that this study paid for. `routed`: why
    each label went where it went → labels; `by`: who gave it, "models" or "people" → labels; `checked`: of the pairs
    that models agreed on and people answered all the same, the share on which people said what the models had said.
    `mistakes` of simulated labellers: kind → labels.
    """

    labels: int = 0
    pairs: int = 0
    consistency: Interval | None = None
    first_slot: Interval | None = None
    bias: Interval | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    kept: int = 0
    retries: int = 0
    tokens_read: int = 0
    tokens_written: int = 0
    tokens_paid: int = 0
    cost: float = 0.0
    models: Mapping[str, int] = field(default_factory=dict)
    templates: Mapping[str, int] = field(default_factory=dict)
    routed: Mapping[str, int] = field(default_factory=dict)
    by: Mapping[str, int] = field(default_factory=dict)
    checked: Interval | None = None
    mistakes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """Who answered the batches of a campaign in which models answer first, and what to expect of the batches left.

    `rounds`: (round, labels by people, all its labels). `left`: labels still to come, at the mean size of the batches
    so far; `expected` of them are for people if later batches are like those so far, with a 95 % interval
    (Beta-binomial, Jeffreys' prior); None where none is left.
    """

    rounds: Sequence[tuple[int, int, int]]
    left: int
    expected: Interval | None

    @property
    def people(self) -> int:
        """Labels by people so far."""
        return sum(people for _, people, _ in self.rounds)

    @property
    def labels(self) -> int:
        """All labels of the batches so far."""
        return sum(n for _, _, n in self.rounds)


def split_of(by_round: Mapping[int, Sequence[Mapping[str, Any]]], rounds: int) -> Split | None:
    """From the details of each labelled round's labels ("by": "people" or "models"); None before the first.

    `rounds` of the campaign in all, 0 if no more will come.
    """
    found = [(n, sum(one.get("by") == "people" for one in rows), len(rows)) for n, rows in by_round.items() if rows]
    labels, people = sum(n for _, _, n in found), sum(n for _, n, _ in found)
    if not found:
        return None
    left = max(0, rounds - max(by_round)) * round(labels / len(found))
    if not left:
        return Split(found, 0, None)
    from scipy.stats import betabinom

    ahead = betabinom(left, people + 0.5, labels - people + 0.5)
    low, high = ahead.interval(0.95)
    return Split(found, left, Interval(left * people / labels, float(low), float(high), labels))


def judged_facts(details: Iterable[Mapping[str, Any]]) -> JudgedFacts:
    """Of labels' details, one a label."""
    details = [{**(one.get("of") or {}), **one} for one in details]
    same: list[float] = []
    first: list[float] = []
    for one in details:
        orders = list(one.get("orders") or [])
        if not orders or None in orders:
            continue
        if len(orders) == 2:
            same.append(float(orders[0] == orders[1]))
        stood = ("a", "b") if len(orders) == 2 else (one.get("first"),)
        slots = [side == slot for side, slot in zip(orders, stood, strict=True) if side != "tie" and slot]
        if slots:
            first.append(float(np.mean(slots)))
    slot = _slot(first) if first else None
    checked = [float(one["models_said"] == one["people_said"]) for one in details if one.get("routed") == RANDOM_SHARE
               and one.get("people_said") not in (None, "skip")]  # fmt: skip
    return JudgedFacts(
        labels=len(details),
        pairs=len(same),
        consistency=wilson(same) if same else None,
        first_slot=slot,
        bias=None if slot is None else Interval(2 * slot.mean - 1, _twice(slot.low), _twice(slot.high), slot.n),
        refused=_counted(details, "refused"),
        requests=int(_sum(details, "requests")),
        kept=int(_sum(details, "kept")),
        retries=int(_sum(details, "retries")),
        tokens_read=int(_sum(details, "tokens_read")),
        tokens_written=int(_sum(details, "tokens_written")),
        tokens_paid=int(_sum(details, "tokens_paid")),
        cost=_sum(details, "cost"),
        models=_counted(details, "model"),
        templates=_counted(details, "template"),
        routed=_counted(details, "routed"),
        by=_counted(details, "by"),
        checked=wilson(checked) if checked else None,
        mistakes=dict(Counter(kind for one in details for kind in one.get("mistakes") or ()).most_common()),
    )


def wilson(values: Sequence[float]) -> Interval:
    """A share with its 95 % score interval (Wilson 1927), which stays within 0 and 1 and is never without width."""
    n, p, z = len(values), float(np.mean(values)), 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(p, max(0.0, float(middle - half)), min(1.0, float(middle + half)), n)


def _slot(values: Sequence[float]) -> Interval:
    """Over pairs, t, within 0 and 1; where no pair went by the slot, as wide as what so many can have left unseen."""
    if len(values) >= 3 and all(value == 0.5 for value in values):
        unseen = wilson([0.0] * len(values)).high
        return Interval(0.5, 0.5 - (unseen or 0.0) / 2, 0.5 + (unseen or 0.0) / 2, len(values))
    found = t_interval(values)
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (found.low, found.high))
    return Interval(found.mean, low, high, found.n)


def _twice(value: float | None) -> float | None:
    return None if value is None else 2 * value - 1


def _sum(details: Iterable[Mapping[str, Any]], name: str) -> float:
    return float(sum(one.get(name) or 0 for one in details))


def _counted(details: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    return dict(Counter(str(one[name]) for one in details if one.get(name)).most_common())
