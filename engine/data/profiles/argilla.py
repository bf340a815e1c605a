"""Argilla records: a field a text, people's answers as responses, the settled one as a suggestion."""

import hmac
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
        """One record. Its question has the values "response_a", "response_b", "tie", "both_bad"; a skip is no response.

        Every answer that counts is a response, so that they are no other than the suggestion. Users' ids are of this
        export alone.
        """
        values = {"a": "response_a", "b": "response_b", "tie": "tie", "both_bad": "both_bad"}
        answers: list[dict[str, Any]] = []
        known: set[str] = set()
        for number, vote in enumerate(pair.votes):
            # A user answers a record once: who has no name, or answers again, gets an id for this answer.
            who = vote.labeller if vote.labeller not in ("", *known) else f"{pair.pair.pair_id} {number}"
            known.add(who)
            answers.append({"value": values[vote.answer], "user_id": _user_id(pair.secret, who)})
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
                "responses": {QUESTION: answers},
            }
        ]


def _user_id(secret: bytes, who: str) -> str:
    return str(uuid.UUID(bytes=hmac.digest(secret, who.encode(), "sha256")[:16], version=4))
