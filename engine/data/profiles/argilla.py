"""Argilla records: a field a text, people's answers as responses, the settled one as a suggestion."""

import uuid
from typing import Any, ClassVar

from engine.data.answers import Preferred
from engine.data.profiles.base import PROFILES, Container, Profile

QUESTION = "preference"


@PROFILES.register
class Argilla(Profile):
    """Argilla records: fields, suggestions, responses, metadata."""

    name: ClassVar[str] = "argilla"
    source: ClassVar[str] = "Argilla documentation, records"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl",)
    reads_as: ClassVar[str] = "argilla"

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """One record. Its question has the values "response_a", "response_b" and "tie"; a skip is no response."""
        values = {"a": "response_a", "b": "response_b", "tie": "tie", "both_bad": "both_bad"}
        given = [vote for vote in pair.votes if vote.labeller]
        answers = [
            {"value": values[vote.answer], "user_id": str(uuid.uuid5(uuid.NAMESPACE_OID, vote.labeller))}
            for vote in given
        ]
        suggestion = {"value": values[pair.answer], "score": pair.agreement, "agent": pair.origin["oracle"]}
        return [
            {
                "id": pair.pair.pair_id,
                "fields": {
                    "prompt": pair.turns,
                    "response_a": pair.pair.response_a,
                    "response_b": pair.pair.response_b,
                },
                "metadata": {name: value for name, value in pair.origin.items() if value is not None},
                "suggestions": {QUESTION: suggestion},
                "responses": {QUESTION: answers} if answers else {},
            }
        ]
