"""What rows say becomes what a file says: each text once, whatever the file repeats, whole or part by part.

Between two parts only ids are kept, as numbers: 8 bytes for every text, pair and row, whatever its length.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from engine.data.earlier import Earlier, numbers
from engine.data.parts import Part, PromptRow, ResponseRow
from engine.data.understood import Aspects, Batch

T = TypeVar("T")
R = TypeVar("R", PromptRow, ResponseRow)


@dataclass
class Counts:
    """What was taken: prompts, responses, pairs, responses with a score, and answer → how many recorded it."""

    prompts: int = 0
    responses: int = 0
    pairs: int = 0
    scored: int = 0
    recorded: Counter[str] = field(default_factory=Counter)


class Taking:
    """Takes rows; `hand_over` gives what was taken since, and begins anew without forgetting the ids.

    `dropped` counts what is left out, by reason; `repeated` the rows that say exactly what an earlier one says;
    `letters` the characters of the texts in hand. All are up to date after `hand_over`.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.dropped: Counter[str] = Counter()
        self.repeated = 0
        self._prompts, self._responses, self._pairs, self._rows = Earlier(), Earlier(), Earlier(), Earlier()
        self._scores, self._aspects, self._answered = Earlier(), Earlier(), Earlier()
        self._asked: list[np.ndarray] = []  # the prompt of every response
        self._begin()

    def _begin(self) -> None:
        self.letters = 0
        self._part = Part()
        self._keys: list[int] = []
        self._said_scores: list[tuple[str, float]] = []
        self._said_aspects: list[tuple[str, Aspects]] = []

    def take(self, batch: Batch) -> None:
        """Take in the rows of a batch that were not refused."""
        part = self._part
        self.letters += batch.letters
        self._keys += batch.keys
        _keep(part.prompts, batch.prompts)
        _keep(part.responses, batch.responses)
        _keep(part.pairs, batch.pairs)
        part.comparisons += batch.answers
        self._said_scores += batch.scores
        self._said_aspects += batch.aspects
        self.dropped.update(batch.dropped)

    def hand_over(self) -> Part:
        """The part since the last one: what is new, and answers and scores of what may be in an earlier part."""
        part, counts = self._part, self.counts
        self.repeated += len(self._keys) - _new(self._rows, np.array(self._keys, dtype=np.uint64))
        part.prompts = _without(self._prompts, part.prompts)
        part.responses = _without(self._responses, part.responses)
        part.pairs = _without(self._pairs, part.pairs)
        self._asked.append(numbers([row[1] for row in part.responses.values()]))
        _new(self._answered, numbers([row[0] for row in part.comparisons]))
        self._score(part)
        self._judge(part)
        counts.prompts += len(part.prompts)
        counts.responses += len(part.responses)
        counts.pairs += len(part.pairs)
        counts.scored += len(part.scores)
        counts.recorded.update([row[1] for row in part.comparisons])
        self._begin()
        return part

    def _score(self, part: Part) -> None:
        """The first score of a response holds; others that differ are counted."""
        first: dict[str, float] = {}
        for response_id, score in self._said_scores:
            first.setdefault(response_id, score)
        part.scores = _without_values(self._scores, first, list(first.values()), first)
        differ = sum(first[response_id] != score for response_id, score in self._said_scores)
        if differ:
            self.dropped["scores that differ from an earlier one of the same response"] += differ

    def _judge(self, part: Part) -> None:
        """The same for scores by aspect, of which a number stands for all of a response."""
        said = [(response_id, float(hash(frozenset(aspects)))) for response_id, aspects in self._said_aspects]
        first: dict[str, float] = {}
        for response_id, number in said:
            first.setdefault(response_id, number)
        named: dict[str, dict[str, float]] = {}
        for response_id, aspects in self._said_aspects:
            named.setdefault(response_id, dict(aspects))
        part.aspects = _without_values(self._aspects, first, list(first.values()), named)
        if differ := sum(first[response_id] != number for response_id, number in said):
            self.dropped["aspects that differ from the first ones of the same response"] += differ

    def is_label_bank(self) -> bool:
        """Of all that was handed over: as `PreferenceData.is_label_bank`."""
        asked = np.concatenate(self._asked) if self._asked else np.zeros(0, dtype=np.uint64)
        each = np.unique(asked, return_counts=True)[1]
        full = len(each) == self.counts.prompts and len(each) > 0 and int(each.min()) > 1
        return full and len(self._answered) == int((each * (each - 1) // 2).sum())


def _keep(known: dict[str, R], rows: list[R]) -> None:
    """The first row of each id."""
    for row in rows:
        if row[0] not in known:
            known[row[0]] = row


def _new(known: Earlier, keys: np.ndarray) -> int:
    """How many different numbers are not known yet; they are from now on."""
    different = np.unique(keys)
    new = different[~known.holds(different)]
    known.add(new)
    return len(new)


def _without(known: Earlier, rows: dict[str, T]) -> dict[str, T]:
    """The rows whose ids are not known yet; they are from now on."""
    keys = numbers(rows)
    old = known.holds(keys)
    known.add(keys[~old])
    return {i: row for (i, row), was in zip(rows.items(), old.tolist(), strict=True) if not was} if old.any() else rows


def _without_values(known: Earlier, first: dict[str, float], values: list[float], rows: dict[str, T]) -> dict[str, T]:
    """The same where a value belongs to each; in `first` the value that is known takes the place of a later one."""
    ids, keys = list(first), numbers(first)
    earlier = known.values(keys)
    new = np.ones(len(ids), dtype=bool)
    for place, value in earlier.items():
        new[place] = False
        first[ids[place]] = value
    known.add(keys[new], np.array(values, dtype=np.float64)[new])
    return {i: rows[i] for i, is_new in zip(ids, new.tolist(), strict=True) if is_new}
