"""A part of a file as plain rows: what one process hands to another, and what the tables of a store take."""

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.data.pool import Comparison, PreferenceData
from engine.records import Answer, Message, Pair, Prompt, Response

Turns = tuple[tuple[str, str], ...]
"""Role and text of each turn."""
PromptRow = tuple[str, Turns, str]
"""Id, turns, topic."""
ResponseRow = tuple[str, str, str, str]
"""Id, prompt's id, text, source."""
PairRow = tuple[str, str, str, str]
"""Id, prompt's id, side a, side b."""
AnswerRow = tuple[str, Answer, float | None, str, float | None]
"""Pair's id, answer, strength, labeller, share."""


@dataclass
class Part:
    """What some rows of a file hold, each text once, in the order of the file: as `PreferenceData`, without objects."""

    prompts: dict[str, PromptRow] = field(default_factory=dict)
    responses: dict[str, ResponseRow] = field(default_factory=dict)
    pairs: dict[str, PairRow] = field(default_factory=dict)
    comparisons: list[AnswerRow] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    aspects: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: PreferenceData) -> "Part":
        """The same as plain rows."""
        return cls(
            {p.id: (p.id, tuple((m.role, m.content) for m in p.messages), p.topic) for p in data.prompts.values()},
            {r.id: (r.id, r.prompt_id, r.text, r.source) for r in data.responses.values()},
            {p.id: (p.id, p.prompt_id, p.a, p.b) for p in data.pairs.values()},
            [(c.pair_id, c.answer, c.strength, c.labeller, c.share) for c in data.comparisons],
            data.scores,
            data.aspects,
        )

    def only(self, prompts: Collection[str]) -> "Part":
        """What belongs to these prompts."""
        responses = {i: row for i, row in self.responses.items() if row[1] in prompts}
        pairs = {i: row for i, row in self.pairs.items() if row[1] in prompts}
        return Part(
            {i: self.prompts[i] for i in prompts},
            responses,
            pairs,
            [row for row in self.comparisons if row[0] in pairs],
            {i: score for i, score in self.scores.items() if i in responses},
            {i: named for i, named in self.aspects.items() if i in responses},
        )

    def data(self) -> PreferenceData:
        """The same as records."""
        return PreferenceData(
            {i: Prompt(i, tuple(Message(*turn) for turn in turns), topic) for i, turns, topic in self.prompts.values()},
            {row[0]: Response(*row) for row in self.responses.values()},
            {row[0]: Pair(*row) for row in self.pairs.values()},
            [Comparison(*row) for row in self.comparisons],
            self.scores,
            self.aspects,
        )
