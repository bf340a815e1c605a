"""The answers the data file holds."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from engine.data.pool import PreferenceData
from engine.errors import OracleError
from engine.oracles.base import ORACLES, Oracle, Question
from engine.records import Answer, Label


@ORACLES.register
class Recorded(Oracle):
    """Answers with the comparison recorded in the data file; several votes: the majority, an even vote is a tie."""

    name: ClassVar[str] = "recorded"
    title: ClassVar[str] = "recorded answers"
    source: ClassVar[str] = "the data file"
    simulated: ClassVar[bool] = False

    def label(self, question: Question) -> Sequence[Label | None]:
        """The recorded answer of each pair; OracleError names the first pair that has none."""
        votes = _votes(question.data)
        missing = [pair.id for pair in question.pairs if pair.id not in votes]
        if missing:
            raise OracleError(
                f"{len(missing)} of {len(question.pairs)} pairs have no recorded answer (first: {missing[0]!r}).",
                "Take another oracle, or a pool in which every pair is answered.",
            )
        return [
            Label(pair.id, majority(votes[pair.id]), self.name, {"votes": dict(Counter(votes[pair.id]))})
            for pair in question.pairs
        ]

    def reads_of_file(self) -> str:
        """Its answers."""
        return "answers"

    def can_answer(self, data: PreferenceData) -> frozenset[str] | None:
        """The pairs with at least one recorded answer."""
        return frozenset(comparison.pair_id for comparison in data.comparisons)


def majority(votes: Sequence[Answer]) -> Answer:
    """The answer with the most votes; "tie" where no answer has more than every other."""
    ranked = Counter(votes).most_common(2)
    return "tie" if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def _votes(data: PreferenceData) -> dict[str, list[Answer]]:
    votes: dict[str, list[Answer]] = {}
    for comparison in data.comparisons:
        votes.setdefault(comparison.pair_id, []).append(comparison.answer)
    return votes
