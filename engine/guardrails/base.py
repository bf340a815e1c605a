"""The contract of a guardrail: a figure beside the win rate that shows where it is an illusion."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import Metric, Prompt
from engine.registry import Plugin, Registry


@dataclass(frozen=True)
class Written:
    """What the policy and the SFT model wrote to the same prompts: texts, their tokens (n,) with the end, and scores.

    `scores` and `sft_scores` (n,) are the evaluator's, None where it gives texts no number; `judged` (n,) is then what
    it says of the two texts, as in `wins`, NaN where that is nothing.
    """

    prompts: tuple[Prompt, ...]
    texts: tuple[str, ...]
    tokens: np.ndarray
    sft_texts: tuple[str, ...]
    sft_tokens: np.ndarray
    scores: np.ndarray | None = None
    sft_scores: np.ndarray | None = None
    judged: np.ndarray | None = None

    @property
    def wins(self) -> np.ndarray | None:
        """(n,): 1 where the policy's response scores higher, 0 where the SFT model's does, 1/2 where neither."""
        if self.scores is None or self.sft_scores is None:
            return self.judged
        return np.asarray((np.sign(self.scores - self.sft_scores) + 1) / 2)


class Guardrail(Plugin):
    """A figure of what the policy writes. It draws nothing and changes nothing; the same texts give the same figure."""

    @abstractmethod
    def measure(self, written: Written) -> Sequence[Metric]:
        """Its metrics, none where it cannot be measured (no scores, say); `n` says what each is a mean of."""


GUARDRAILS: Registry[Guardrail] = Registry("guardrail", "engine.guardrails")
