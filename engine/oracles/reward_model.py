"""A reward model: a sequence classification model whose scores decide."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.cache import key_of
from engine.errors import ModelError, OracleError
from engine.oracles.base import ORACLES, Desk, Oracle, Question
from engine.records import Answer, Label, Prompt
from engine.seeds import uniforms

if TYPE_CHECKING:
    from engine.models.reward import RewardModel

SAMPLE = "sample"
"""Stands for the reward model of the sample world."""


@ORACLES.register
class Reward(Oracle):
    """Prefers the response that a reward model gives the higher score, by a Bradley–Terry draw or always.

    Any sequence classification model with safetensors weights and one label serves (with two, the second's logit minus
    the first's). Each response is scored once and kept by content. A text that is longer than the model's context is
    never cut: a pair with one is skipped, and counted.
    """

    name: ClassVar[str] = "reward_model"
    title: ClassVar[str] = "reward model"
    source: ClassVar[str] = "Bradley and Terry 1952; the scores are the reward model's"

    path: str = Field(
        SAMPLE, description="folder or hub id of the reward model; sample: the one of the sample world, for trying"
    )
    revision: str | None = Field(None, description="commit of a hub id")
    draw: Literal["bradley_terry", "argmax"] = Field(
        "bradley_terry",
        description="bradley_terry: a draw of its own for every seed and pair; argmax: always the higher score",
    )
    temperature: float = Field(
        1.0, gt=0, description="of the draw: P(a) = σ((score a − score b) / temperature), in units of the score"
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="of the weights")
    context_tokens: int | None = Field(None, ge=8, description="longest prompt + response; default: the model's own")

    def label(self, question: Question) -> Sequence[Label | None]:
        """One draw a pair, keyed by seed and pair alone; equal scores are a tie under argmax."""
        data = question.data
        wanted = list(dict.fromkeys(r for pair in question.pairs for r in (pair.a, pair.b)))
        prompts = [data.prompts[data.responses[r].prompt_id] for r in wanted]
        found = self.scores(prompts, [data.responses[r].text for r in wanted], question.desk)
        scores = dict(zip(wanted, found.tolist(), strict=True))
        draws = uniforms(question.seed, None, "label", [pair.id for pair in question.pairs])
        who = f"{self.path}, {self._loaded(question.desk).sha256[:8]}" if wanted else self.path
        labels = []
        for pair, draw in zip(question.pairs, draws, strict=True):
            a, b = scores[pair.a], scores[pair.b]
            detail: dict[str, Any] = {"score_a": a, "score_b": b, "model": who}
            if not np.isfinite([a, b]).all():
                detail = {"model": who, "refused": "too long for the reward model"}
                labels.append(Label(pair.id, "skip", self.name, detail))
                continue
            labels.append(Label(pair.id, self._answer(a - b, float(draw)), self.name, detail))
        return labels

    def _answer(self, gap: float, draw: float) -> Answer:
        if self.draw == "argmax":
            return "tie" if gap == 0 else "a" if gap > 0 else "b"
        return "a" if draw < 1.0 / (1.0 + np.exp(-gap / self.temperature)) else "b"

    def scores(self, prompts: Sequence[Prompt], texts: Sequence[str], desk: Desk) -> np.ndarray:
        """float64 (n,), from the cache or the model; NaN where a text is longer than the model reads."""
        from engine.models.reward import rewards, rows_key, token_rows

        if not texts:
            return np.zeros(0)
        reward = self._loaded(desk)
        rows = token_rows(reward, prompts, texts)
        keys = [key_of({"what": "reward"}, [rows_key(reward, row)]) for row in rows]
        found = {key: desk.cache.get(key) for key in keys}
        asked = {
            key: row
            for key, row in zip(keys, rows, strict=True)
            if found[key] is None and len(row) <= reward.context_tokens
        }
        for key, value in zip(asked, rewards(reward, list(asked.values()), desk.check), strict=True):
            found[key] = np.array([value])
            desk.cache.put(key, np.array([value]))
        values = [found[key] for key in keys]
        return np.array([np.nan if value is None else float(value[0]) for value in values], np.float64)

    def _loaded(self, desk: Desk) -> "RewardModel":
        from engine.models.reward import load_reward
        from engine.settings import ModelSettings

        path = self.path
        if path == SAMPLE:
            import sample_data

            path = str(Path(sample_data.__file__).parent / "reward_model")
        settings = ModelSettings(
            path=path,
            revision=self.revision,
            device=self.device,
            dtype=self.dtype,
            context_tokens=self.context_tokens,
        )
        try:
            return load_reward(settings, desk.check)
        except ModelError as error:
            what, next_step = (text.replace("model.", "oracle.") for text in (error.what, error.next_step))
            raise OracleError(what, next_step) from error

    def score_texts(self, prompts: Sequence[Prompt], texts: Sequence[str], desk: Desk | None = None) -> Sequence[float]:
        """The reward of each text; NaN for one that is longer than the model reads."""
        values: list[float] = self.scores(prompts, texts, desk or Desk()).tolist()
        return values

    def scores_texts(self) -> bool:
        """A reward model scores any text."""
        return True
