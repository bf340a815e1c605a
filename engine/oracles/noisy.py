"""Bad labellers, simulated: another oracle's answers with mistakes of known kinds and rates."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator, model_validator

from engine.data.pool import PreferenceData
from engine.errors import OracleError
from engine.oracles.base import ORACLES, Bill, Oracle, Question, Texts
from engine.records import Answer, Label, Pair
from engine.seeds import uniforms


@ORACLES.register
class Noisy(Oracle):
    """Takes the answers of another oracle and spoils them, to see how well a strategy bears bad labels.

    In this order: a draw by the scores of both sides (temperature), the longer response whatever it says (length
    bias), the response that was shown first (position bias), the other side (flips). Every labeller has a flip rate of
    its own, from the best to the worst in even steps. Each draw is keyed by seed, pair and kind of mistake.
    """

    name: ClassVar[str] = "noisy"
    title: ClassVar[str] = "simulated labellers"
    source: ClassVar[str] = (
        "mistakes as in Dawid and Skene 1979 (per labeller) and Bradley and Terry 1952 (temperature)"
    )

    of: str | dict[str, Any] = Field(
        "recorded",
        validate_default=True,
        description="the oracle that knows: its name, or {name: gold, scorer: howto} with its parameters",
    )
    flip_rate: float = Field(0.1, ge=0, le=1, description="share of sides that are exchanged, by the best labeller")
    worst_flip_rate: float | None = Field(
        None, ge=0, le=1, description="the same of the worst labeller; default: all are alike"
    )
    labellers: int = Field(1, ge=1, le=1000, description="labellers that pairs are dealt to at random")
    temperature: float | None = Field(
        None, gt=0, description="draw anew with P(a) = σ((score a − score b) / temperature); default: no such draw"
    )
    length_bias: float = Field(0.0, ge=0, le=1, description="share of answers that take the longer response regardless")
    position_bias: float = Field(
        0.0, ge=0, le=1, description="share of answers that take the response shown first regardless"
    )

    @field_validator("of")
    @classmethod
    def _whole(cls, value: str | dict[str, Any]) -> dict[str, Any]:
        return ORACLES.build(value).spec()

    @model_validator(mode="after")
    def _possible(self) -> "Noisy":
        if self.inner.people or isinstance(self.inner, Noisy):
            raise ValueError(f"of names {self.inner.name!r}; take an oracle that answers by itself and makes no noise")
        if self.worst_flip_rate is not None and self.worst_flip_rate < self.flip_rate:
            raise ValueError("worst_flip_rate is below flip_rate, which is the best labeller's")
        return self

    @property
    def inner(self) -> Oracle:
        """The oracle that knows."""
        return ORACLES.build(self.of)

    def answers_by(self) -> Mapping[str, Any]:
        """With what decides the answers of the oracle that knows."""
        return {**self.spec(), "of": dict(self.inner.answers_by())}

    def reads_of_file(self) -> str:
        """What the oracle that knows does."""
        return self.inner.reads_of_file()

    def can_answer(self, data: PreferenceData) -> frozenset[str] | None:
        """What the oracle that knows can."""
        return self.inner.can_answer(data)

    def forecast(self, labels: int, what: str = "labels") -> list[str]:
        """What the oracle that knows is asked."""
        return self.inner.forecast(labels, what)

    def bills(self, labels: int, texts: Texts) -> list[Bill]:
        """What the oracle that knows takes."""
        return self.inner.bills(labels, texts)

    def label(self, question: Question) -> Sequence[Label | None]:
        """What the oracle that knows says of the same seed, spoilt. Ties are flipped to nothing, and skips stay."""
        known = self.inner.label(question)
        ids = [pair.id for pair in question.pairs]
        draws = {
            what: uniforms(question.seed, None, f"noise, {what}", ids)
            for what in ("labeller", "draw", "length", "shown", "position", "flip")
        }
        return [
            None if label is None else self._spoilt(pair, label, question, {k: float(v[n]) for k, v in draws.items()})
            for n, (pair, label) in enumerate(zip(question.pairs, known, strict=True))
        ]

    def flip_rates(self) -> np.ndarray:
        """One a labeller, the best first."""
        worst = self.flip_rate if self.worst_flip_rate is None else self.worst_flip_rate
        return np.linspace(self.flip_rate, worst, self.labellers)

    def _spoilt(self, pair: Pair, label: Label, question: Question, draw: Mapping[str, float]) -> Label:
        who = int(draw["labeller"] * self.labellers)
        shown: Answer = "a" if draw["shown"] < 0.5 else "b"
        about = {"labeller": f"simulated {who + 1}", "first": shown, "knew": label.answer, "of": dict(label.detail)}
        if label.answer == "skip":
            return Label(pair.id, "skip", self.name, about)
        answer: Answer = label.answer
        mistakes: list[str] = []
        if self.temperature is not None:
            gap = self._gap(pair, label, question) / self.temperature
            answer = "a" if draw["draw"] < 0.5 * (1 + np.tanh(gap / 2)) else "b"
            mistakes += ["temperature"] if answer != label.answer else []
        longer = _longer(pair, question.data)
        if longer is not None and draw["length"] < self.length_bias:
            mistakes += ["length"] if answer != longer else []
            answer = longer
        if draw["position"] < self.position_bias:
            mistakes += ["position"] if answer != shown else []
            answer = shown
        if answer in ("a", "b") and draw["flip"] < self.flip_rates()[who]:
            answer = "b" if answer == "a" else "a"
            mistakes.append("flip")
        return Label(pair.id, answer, self.name, {**about, "mistakes": mistakes})

    def _gap(self, pair: Pair, label: Label, question: Question) -> float:
        scores = question.data.scores
        a = label.detail.get("score_a", scores.get(pair.a))
        b = label.detail.get("score_b", scores.get(pair.b))
        if a is None or b is None:
            raise OracleError(
                f"oracle.temperature draws by scores, and pair {pair.id!r} has none by {self.inner.name!r} or in the "
                "data.",
                "Leave temperature out, or take of: gold or reward_model.",
            )
        return float(a) - float(b)


def _longer(pair: Pair, data: PreferenceData) -> Answer | None:
    a, b = (len(data.responses[r].text) for r in (pair.a, pair.b))
    return None if a == b else "a" if a > b else "b"
