"""Every answer that was given, ties, skips and corrected ones included: for people who check, not for trainers."""

import json
from typing import Any, ClassVar

from engine.data.answers import AskedPair, Preferred
from engine.data.profiles.base import PROFILES, Container, Profile


@PROFILES.register
class Audit(Profile):
    """Raw audit: a row for every answer, ties and skips included."""

    name: ClassVar[str] = "audit"
    containers: ClassVar[tuple[Container, ...]] = ("jsonl", "parquet", "datasets", "csv")

    def rows(self, pair: Preferred) -> list[dict[str, Any]]:
        """The rows of `answers_of`."""
        return answers_of(pair.pair)


def answers_of(pair: AskedPair) -> list[dict[str, Any]]:
    """A row an answer, in the order they were given; the prompt as JSON, so that every cell is one value."""
    first = pair.picks[0]
    about = {
        "pair_id": pair.pair_id,
        "prompt": json.dumps([{"role": role, "content": text} for role, text in pair.messages], ensure_ascii=False),
        "response_a": pair.response_a,
        "response_b": pair.response_b,
        "source_a": pair.source_a,
        "source_b": pair.source_b,
        "strategy": first.strategy,
        "round": first.round,
        "rank": first.rank,
        "score": first.score,
        "by_hand": first.by_hand,
    }
    return [
        {
            **about,
            "label": vote.label,
            "answer": vote.answer,
            "oracle": vote.oracle,
            "seed": vote.seed,
            "labeller": vote.labeller,
            "shown_first": vote.shown_first,
            "seconds": vote.seconds,
            "at": vote.at,
            "corrected": vote.corrected,
            "corrects": vote.corrects,
            "guideline": vote.guideline,
            "model": vote.model,
            "template": vote.template,
            "note": vote.note,
        }
        for vote in pair.votes
    ]
