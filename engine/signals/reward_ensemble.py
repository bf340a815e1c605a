"""How far several estimates of a response's reward disagree."""

from collections.abc import Mapping, Sequence
from math import factorial
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from engine.errors import ModelError
from engine.records import Answer, Axis, Label, Pair
from engine.seeds import key_for, uniforms
from engine.signals._scores import encoded_responses
from engine.signals.base import SIGNALS, Pass, Signal, Texts
from engine.signals.embedding import Embedding

SIZES = {"heads": 20, "adapters": 4, "dropout": 5}
"""Members where `size` is left open."""


@SIGNALS.register
class RewardEnsemble(Signal):
    """K estimates of each response's reward: where labels have settled it they agree, elsewhere they part.

    *heads*: small networks on frozen hidden states, trained by Bradley–Terry on the labels that the run has bought,
    each held near first weights of its own; without a label they are these weights.
    *adapters*: LoRA adapters of the policy, each trained from its own fresh start by DPO, with the settings of the
    study, on its own bootstrap of these labels: K trainings and K passes over the pool a round. *dropout*: the policy's
    implicit reward with its last hidden state dropped at random, drawn K times; it learns with the policy.
    """

    name: ClassVar[str] = "reward_ensemble"
    title: ClassVar[str] = "reward ensemble"
    source: ClassVar[str] = (
        "heads: Liu et al. 2024 (SEA), arXiv:2411.01493; adapters: Lakshminarayanan et al. 2017, arXiv:1612.01474; "
        "dropout: Mehta et al. 2023 (AE-DPO), arXiv:2312.00267; bootstrap: Oza & Russell 2001"
    )
    axis: ClassVar[Axis] = "response"
    unit: ClassVar[str] = "reward units"
    vector: ClassVar[bool] = True

    model: Literal["policy", "reference"] = Field(
        "reference", description="whose hidden states the heads read; adapters and dropout are the policy's anyway"
    )
    members: Literal["heads", "adapters", "dropout"] = Field("heads", description="what the estimates are")
    size: int | None = Field(
        None, ge=2, le=1000, description="K, how many; default: 20 heads, 4 adapters or 5 draws of dropout"
    )
    hidden: int = Field(128, ge=1, le=4096, description="units in each of a head's two hidden layers")
    steps: int = Field(200, ge=0, le=100_000, description="Adam steps of the heads a round, from their first weights")
    learning_rate: float = Field(1e-3, gt=0, description="Adam's rate for the heads, per step")
    anchor: float = Field(0.5, ge=0, description="λ: how firmly a head is held at its first weights (no unit)")
    bootstrap: bool | None = Field(
        None, description="each weighs the labels by its own Poisson(1) draws; default: adapters do, heads do not"
    )
    dropout: float = Field(0.05, gt=0, lt=1, description="p: share of the last hidden state that is dropped")

    @model_validator(mode="before")
    @classmethod
    def _whose(cls, given: Any) -> Any:
        """Only heads can read the reference."""
        if isinstance(given, dict) and given.get("members", "heads") != "heads":
            return {**given, "model": "policy"}
        return given

    @property
    def learns(self) -> bool:
        """Heads and adapters learn from the labels bought so far; dropout has no weights of its own."""
        return self.members != "dropout"

    @property
    def count(self) -> int:
        """K."""
        return self.size or SIZES[self.members]

    @property
    def adapters(self) -> int:
        """K of them, or none."""
        return self.count if self.members == "adapters" else 0

    def width(self, policy: Any) -> int:
        """K."""
        return self.count

    def compute(self, texts: Texts, on: Pass) -> np.ndarray:
        """Rewards (n, K) float32 in reward units; only differences within a prompt mean anything."""
        if not texts.responses:
            return np.zeros((0, self.count), dtype=np.float32)
        return {"heads": self._heads, "adapters": self._adapters, "dropout": self._dropout}[self.members](texts, on)

    def made_on(self) -> str:
        """In words."""
        kind = {"heads": "reward heads", "adapters": "LoRA adapters", "dropout": "draws of dropout"}[self.members]
        made = {
            "heads": f"on hidden states of the {self.model}, trained on the labels bought so far",
            "adapters": "trained by DPO on the labels bought so far",
            "dropout": f"on the policy's last hidden state, p = {self.dropout:g}",
        }[self.members]
        return f"{self.count} {kind} {made}"

    def _heads(self, texts: Texts, on: Pass) -> np.ndarray:
        from engine.models.heads import HeadSettings, Preferences, head_rewards

        features = Embedding(model=self.model, text="prompt_and_response")
        values = on.read(features, texts)
        sides: list[tuple[np.ndarray, np.ndarray]] = []
        ids: list[str] = []
        for bought in on.bought:
            answered = _answered(bought.labels, bought.texts)
            if answered:
                rows = dict(zip(bought.texts.ids("response"), on.read(features, bought.texts), strict=True))
                sides += [(rows[p.a], rows[p.b]) if answer == "a" else (rows[p.b], rows[p.a]) for p, answer in answered]
                ids += [pair.id for pair, _ in answered]
        both = np.array(sides, dtype=np.float32).reshape(-1, 2, values.shape[1])
        known = Preferences(both[:, 0], both[:, 1], tuple(ids), self._weights(on.seed, ids))
        settings = HeadSettings(self.count, self.hidden, self.steps, self.learning_rate, self.anchor)
        return head_rewards(values, known, settings, on.seed, device=on.policy.device, check=on.check)

    def _adapters(self, texts: Texts, on: Pass) -> np.ndarray:
        from engine.models.adapters import adapter_state, set_adapter
        from engine.models.logps import kept_logps

        found = np.zeros((len(texts.responses), self.count), dtype=np.float32)
        answered = [row for bought in on.bought for row in _answered(bought.labels, bought.texts)]
        if not answered:
            return found  # every adapter is still its reference
        encoded = encoded_responses(texts, on)
        reference = np.array([on.reference_logps[response.id] for response in texts.responses])
        before = adapter_state(on.policy)
        try:
            for member in range(self.count):
                set_adapter(on.policy, self._trained(member, answered, on))
                if not on.policy.equals_reference:
                    found[:, member] = on.beta * (kept_logps(on.policy, encoded, on.cache) - reference)
        finally:
            set_adapter(on.policy, before)
        return found

    def _trained(self, member: int, answered: Sequence[tuple[Pair, Answer]], on: Pass) -> Mapping[str, np.ndarray]:
        """The weights of one adapter."""
        if on.tune is None:
            raise ModelError(
                "This pass can train no adapters.", "Take members 'heads' or 'dropout', or do it in a run."
            )
        weights = self._weights(on.seed, [pair.id for pair, _ in answered])[member]
        again = [row for row, times in zip(answered, weights, strict=True) for _ in range(int(times))]
        return on.tune(again, key_for(on.seed, None, "ensemble adapter", str(member)))

    def _dropout(self, texts: Texts, on: Pass) -> np.ndarray:
        from engine.models.dropout import dropout_logps

        keys = [
            [key_for(on.seed, on.round, "dropout draw", f"{response.id}:{draw}") for draw in range(self.count)]
            for response in texts.responses
        ]
        logps = dropout_logps(on.policy, encoded_responses(texts, on), keys, share=self.dropout)
        reference = np.array([on.reference_logps[response.id] for response in texts.responses])
        array: np.ndarray = (on.beta * (logps - reference[:, None])).astype(np.float32)
        return array

    def _weights(self, seed: int, ids: Sequence[str]) -> np.ndarray:
        """How often each member counts each label, (K, n): a label keeps its number from round to round."""
        if not (self.members == "adapters" if self.bootstrap is None else self.bootstrap):
            return np.ones((self.count, len(ids)), dtype=np.float32)
        poisson = np.cumsum([np.exp(-1) / factorial(number) for number in range(12)])
        draws = [uniforms(seed, None, f"bootstrap:{member}", ids) for member in range(self.count)]
        return np.searchsorted(poisson, np.array(draws).reshape(self.count, len(ids)), side="right").astype(np.float32)


def _answered(labels: Sequence[Label], texts: Texts) -> list[tuple[Pair, Answer]]:
    """The labels that say which response is better, with their pairs, in the order of the labels."""
    pairs = {pair.id: pair for pair in texts.pairs}
    return [(pairs[label.pair_id], label.answer) for label in labels if label.trains]
