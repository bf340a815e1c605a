"""Labels on their way to training: the margins that a study's filters read, and what each filter leaves out."""

from collections.abc import Sequence

import numpy as np

from engine.data.pool import rows_of
from engine.filters.base import Filter, Judged, Margin, through
from engine.records import Label
from engine.scoring import Signals


def filtered(
    signals: Signals, filters: Sequence[Filter], labels: Sequence[Label], number: int
) -> tuple[list[Label], dict[str, int]]:
    """The labels (a or b) that every filter lets train, and filter → how many it left out.

    The implicit margins are those of the policy as it stands now, before the round's training.
    """
    if not filters or not labels:
        return list(labels), {}
    signals.say(f"round {number}, filtering {len(labels):,} labels")
    rows, dropped = through(filters, judged(signals, filters, labels, number))
    return [labels[row] for row in rows], dropped


def judged(signals: Signals, filters: Sequence[Filter], labels: Sequence[Label], number: int) -> Judged:
    """The labels with the margins that the filters read, each of the chosen response over the rejected one."""
    wanted: frozenset[Margin] = frozenset().union(*(one.reads() for one in filters))
    pairs = [signals.pairs[label.pair_id] for label in labels]
    sign = np.array([1.0 if label.answer == "a" else -1.0 for label in labels])
    margins: dict[Margin, np.ndarray] = {}
    if "implicit" in wanted:
        margin = signals.signal("reward_margin", signals.texts(pairs), number)
        margins["implicit"] = sign * margin.values[rows_of(margin, pairs)].astype(np.float64)
    if "external" in wanted:
        a, b = (signals.gold([signals.data.responses[getattr(pair, side)] for pair in pairs]) for side in "ab")
        margins["external"] = sign * (a - b)
    moved = not signals.policy.equals_reference
    return Judged(tuple(pair.id for pair in pairs), margins, moved, signals.seed, number)
