"""Models label what they agree on; people get the rest, and a random share of what the models agree on."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from engine.data.pool import PreferenceData
from engine.oracles.base import ORACLES, Bill, Oracle, Question, Texts
from engine.oracles.people import People
from engine.records import Answer, Label, Pair
from engine.seeds import uniforms

AGREED = "models agree"
_USED = ("requests", "kept", "retries", "tokens_read", "tokens_written", "tokens_paid", "cost")


@ORACLES.register
class Routing(People):
    """Models answer each pair first; where they are sure and agree that is the label, else people are asked.

    People get what a model skips, what a judge says otherwise in the other order, small margins, conflicts between
    models, and a random share of the rest, by which the models are held against people. What people answer is the
    label then. Such a study is a campaign, with all that belongs to one.
    """

    name: ClassVar[str] = "routing"
    title: ClassVar[str] = "models first, people where they doubt"
    source: ClassVar[str] = "routes as in Miranda et al. 2025, arXiv:2410.19133, here by rules that are told"
    by_model: ClassVar[bool] = True

    models: list[str | dict[str, Any]] = Field(
        default_factory=lambda: [{"name": "reward_model", "draw": "argmax"}],
        validate_default=True,
        min_length=1,
        description="oracles that answer first, by name or with parameters: [judge, {name: reward_model}]",
    )
    smallest_margin: float = Field(
        0.0, ge=0, description="people get pairs whose scores, or a local judge's leans, lie closer than this"
    )
    check_share: float = Field(
        0.1, ge=0, le=1, description="random share of the pairs that models agree on which people answer all the same"
    )

    @field_validator("models")
    @classmethod
    def _whole(cls, value: list[str | dict[str, Any]]) -> list[dict[str, Any]]:
        built = [ORACLES.build(one) for one in value]
        if people := [one.name for one in built if one.people]:
            raise ValueError(f"names {people[0]!r}; people come behind the models by themselves")
        return [one.spec() for one in built]

    def answers_by(self) -> Mapping[str, Any]:
        """With what decides the models' answers."""
        return {**self.spec(), "models": [dict(one.answers_by()) for one in self._first()]}

    def reads_of_file(self) -> str:
        """What the first of the models does that reads any of it."""
        return next(filter(None, (one.reads_of_file() for one in self._first())), "")

    def can_answer(self, data: PreferenceData) -> frozenset[str] | None:
        """What every model can."""
        sets = [found for one in self._first() if (found := one.can_answer(data)) is not None]
        return frozenset.intersection(*sets) if sets else None

    def label(self, question: Question) -> Sequence[Label | None]:
        """The models' label where they agree; None, not yet, for what goes to people."""
        return [
            Label(pair.id, answer, self.name, {**about, "by": "models"}) if about["routed"] == AGREED else None
            for pair, (answer, about) in zip(question.pairs, self._routes(question), strict=True)
        ]

    def noted(self, question: Question, labels: Sequence[Label]) -> Sequence[Label]:
        """People's labels with why people were asked, and what the models had said."""
        asked = [n for n, label in enumerate(labels) if label.detail.get("by") != "models"]
        if not asked:
            return labels
        found = list(labels)
        routes = self._routes(question.only([question.pairs[n] for n in asked]))
        for n, (answer, about) in zip(asked, routes, strict=True):
            label = labels[n]
            detail = {**label.detail, **about, "by": "people", "models_said": answer, "people_said": label.answer}
            found[n] = Label(label.pair_id, label.answer, label.oracle, detail)
        return found

    def forecast(self, labels: int, what: str = "labels") -> list[str]:
        """The split of the budget as far as it is known before the models have answered: its bounds, and why."""
        least, first = round(self.check_share * labels), self.aside(labels) + self.held_out_pairs
        close = f" or scores lie closer than {self.smallest_margin:g}" if self.smallest_margin else ""
        said = [
            f"Of {labels:,} {what} people answer at least about {least:,} (the random share) and at most all. "
            f"The least is if models are sure and agree on every pair: check_share sends {self.check_share:.0%} of "
            "those to people all the same. The most is if on every pair a model skips, an order flips, models differ"
            f"{close}. Once the first round is labelled, the study says what to expect of the rest."
        ]
        if first:
            said.append(f"The audit slice and the held-out sample, up to {first:,} pairs, are people's alone.")
        return said + [sentence for one in self._first() for sentence in one.forecast(labels)]

    def bills(self, labels: int, texts: Texts) -> list[Bill]:
        """Of every model: each answers all pairs of the batches."""
        return [bill for one in self._first() for bill in one.bills(labels, texts)]

    def _first(self) -> list[Oracle]:
        return [ORACLES.build(one) for one in self.models]

    def _routes(self, question: Question) -> list[tuple[Answer, dict[str, Any]]]:
        """The models' answer to each pair, and what is noted of it: `routed` says where it goes and why."""
        said = [one.label(question) for one in self._first()]
        draws = uniforms(0, None, "checked by people", [pair.id for pair in question.pairs])
        return [
            self._route(pair, [row[n] for row in said], bool(draws[n] < self.check_share))
            for n, pair in enumerate(question.pairs)
        ]

    def _route(self, pair: Pair, said: Sequence[Label | None], check: bool) -> tuple[Answer, dict[str, Any]]:
        labels = [label for label in said if label is not None]
        answers = {label.answer for label in labels}
        margins = [m for label in labels for m in _margins(label.detail)]
        why = AGREED
        if len(labels) < len(said) or "skip" in answers:
            why = "skipped by a model"
        elif any(_flipped(label.detail) for label in labels):
            why = "order flip"
        elif len(answers) > 1:
            why = "conflict"
        elif margins and min(margins) < self.smallest_margin:
            why = "small margin"
        elif check:
            why = "random share"
        answer: Answer = answers.pop() if len(answers) == 1 else "tie"
        of: dict[str, Any] = {"model": ", ".join(str(label.detail.get("model") or label.oracle) for label in labels)}
        for label in labels:
            of = {**{k: v for k, v in label.detail.items() if k != "model"}, **of}
        of |= {name: sum(label.detail.get(name) or 0 for label in labels) for name in _USED if name in of}
        of.pop("refused", None)  # people answer it then
        return answer, {"routed": why, "said": [[label.oracle, label.answer] for label in labels], "of": of}


def _margins(detail: Mapping[str, Any]) -> list[float]:
    found = [abs(lean) for lean in detail.get("leans") or ()]
    if "score_a" in detail and "score_b" in detail:
        found.append(abs(detail["score_a"] - detail["score_b"]))
    return found


def _flipped(detail: Mapping[str, Any]) -> bool:
    return len(set(detail.get("orders") or ())) > 1
