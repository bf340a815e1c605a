"""A gold score that is known for any text, and labels drawn from it."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.errors import OracleError
from engine.oracles.base import ORACLES, Desk, Oracle, Question
from engine.records import Label, Prompt
from engine.seeds import uniforms


@ORACLES.register
class Gold(Oracle):
    """Prefers the response with the higher gold score, by a Bradley–Terry draw or always.

    The score is the data file's, or of the sample worlds' rule, which gives one to any text.
    """

    name: ClassVar[str] = "gold"
    title: ClassVar[str] = "gold score"
    source: ClassVar[str] = "Bradley and Terry 1952; the scores are the data file's or the sample world's"

    scorer: Literal["recorded", "howto"] = Field(
        "recorded", description="recorded: scores in the data file; howto: the sample worlds' rule, for any text"
    )
    temperature: float = Field(
        1.0, ge=0, description="P(a) = σ((score a − score b) / temperature); 0 always takes the higher score"
    )

    def label(self, question: Question) -> Sequence[Label | None]:
        """One draw a pair, keyed by seed and pair alone; equal scores at temperature 0 are a tie."""
        wanted = list(dict.fromkeys(r for pair in question.pairs for r in (pair.a, pair.b)))
        scores = dict(zip(wanted, self._scores(question, wanted), strict=True))
        draws = uniforms(question.seed, None, "label", [pair.id for pair in question.pairs])
        labels = []
        for pair, draw in zip(question.pairs, draws, strict=True):
            question.check()
            gap = scores[pair.a] - scores[pair.b]
            if self.temperature == 0:
                answer: Literal["a", "b", "tie"] = "tie" if gap == 0 else "a" if gap > 0 else "b"
            else:
                answer = "a" if draw < 1.0 / (1.0 + np.exp(-gap / self.temperature)) else "b"
            labels.append(Label(pair.id, answer, self.name, {"score_a": scores[pair.a], "score_b": scores[pair.b]}))
        return labels

    def _scores(self, question: Question, response_ids: Sequence[str]) -> list[float]:
        data = question.data
        if self.scorer == "howto":
            responses = [data.responses[r] for r in response_ids]
            return list(self.score_texts([data.prompts[r.prompt_id] for r in responses], [r.text for r in responses]))
        missing = [r for r in response_ids if r not in data.scores]
        if missing:
            raise OracleError(
                f"{len(missing)} of {len(response_ids)} responses have no score in the data (first: {missing[0]!r}).",
                "Take another oracle, or for a sample world scorer 'howto'.",
            )
        return [data.scores[r] for r in response_ids]

    def score_texts(self, prompts: Sequence[Prompt], texts: Sequence[str], desk: Desk | None = None) -> Sequence[float]:
        """The gold score of any text (only scorer 'howto' knows it)."""
        if self.scorer != "howto":
            return super().score_texts(prompts, texts, desk)
        from sample_data.world.gold import score

        return [score(prompt.text, text).value for prompt, text in zip(prompts, texts, strict=True)]

    def reads_of_file(self) -> str:
        """Its scores, but for the sample worlds' rule."""
        return "" if self.scorer == "howto" else "scores"

    def scores_texts(self) -> bool:
        """Only the sample worlds' rule scores any text."""
        return self.scorer == "howto"
