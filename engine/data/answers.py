"""The answers that pairs got, which of the pairs somebody wants, and what several answers to one pair come to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.records import Answer

Side = Literal["a", "b"]
Rule = Literal["majority", "unanimity", "first"]
"""What several answers come to: the one given most often, the one that all give, or the first."""


class Subset(BaseModel):
    """A part of a study's labelled pairs; None and "" mean all.

    Study, strategy, seed, rounds and selection say which pairs are meant; of those the others leave some out, and they
    are counted as excluded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study_id: str
    strategy: str | None = Field(None, description="the key of an arm")
    seed: int | None = None
    upto_round: int | None = Field(None, ge=1)
    from_round: int | None = Field(None, ge=1)
    selection: str = Field("", description="the id of a saved selection")
    score_at_least: float | None = Field(None, allow_inf_nan=False, description="what the strategy gave the pair")
    score_at_most: float | None = Field(None, allow_inf_nan=False)
    labeller: str = Field("", description="only this labeller's answers, or this oracle's")
    agreement_at_least: float | None = Field(None, ge=0, le=1, description="share of the answers that are the same")


@dataclass(frozen=True)
class Vote:
    """One answer to one pair. `label` is the number of its row in the store; `seed` that of a simulated oracle.

    `labeller` is the person's id, or the name that the data file has, "" for a machine; `at` is in UTC, ISO 8601. A
    corrected answer is kept and does not count; what corrects it names its row in `corrects`. `guideline` is the
    version that was shown, counted from 1. `shown_first` is a side, or "both" where a judge was asked in both orders;
    of an answer that a model gave, `model` is which and `template` the hash of what a judge was told.
    """

    label: int
    answer: Answer
    oracle: str
    labeller: str = ""
    person: str = ""
    seed: int | None = None
    shown_first: str | None = None
    seconds: float | None = None
    note: str = ""
    at: str = ""
    corrected: bool = False
    corrects: int | None = None
    guideline: int | None = None
    model: str = ""
    template: str = ""


@dataclass(frozen=True)
class Acquired:
    """A run's pick of a pair: which strategy asked about it, in which round, and what made it do so.

    `by_hand`: "added" or "swapped in" where a person brought it into the batch; "" where the strategy picked it.
    """

    strategy: str
    seed: int
    run_id: str
    round: int
    rank: int
    score: float | None = None
    gain: float | None = None
    warm_up: bool = False
    by_hand: str = ""


@dataclass(frozen=True)
class AskedPair:
    """A pair that was asked about, its picks (the earliest round first) and every answer to it.

    `messages` are (role, content) of the prompt. Where people answer, `counted` are the labels (`Vote.label`) that the
    run counts, in its order, and `rule` is what it makes of several; None: all that stand count, by majority.
    """

    pair_id: str
    messages: tuple[tuple[str, str], ...]
    response_a: str
    response_b: str
    source_a: str = ""
    source_b: str = ""
    picks: tuple[Acquired, ...] = ()
    votes: tuple[Vote, ...] = ()
    counted: tuple[int, ...] | None = None
    rule: Rule = "majority"


@dataclass(frozen=True)
class Preferred:
    """A pair with a chosen and a rejected response. `votes` are those that count, `agreement` is the share for it.

    `secret` is what ids of labellers are made with, another in every export; it is written down nowhere.
    """

    pair: AskedPair
    answer: Side
    agreement: float
    votes: tuple[Vote, ...]
    secret: bytes = field(default=b"", repr=False)

    @property
    def chosen(self) -> str:
        """The text of the chosen response."""
        return self.pair.response_a if self.answer == "a" else self.pair.response_b

    @property
    def rejected(self) -> str:
        """The text of the rejected response."""
        return self.pair.response_b if self.answer == "a" else self.pair.response_a

    @property
    def turns(self) -> list[dict[str, str]]:
        """The prompt as messages."""
        return [{"role": role, "content": content} for role, content in self.pair.messages]

    @property
    def origin(self) -> dict[str, Any]:
        """Where it comes from, for columns beside the texts: the earliest pick, the oracle, how sure the answer is."""
        first = self.pair.picks[0]
        return {
            "pair_id": self.pair.pair_id,
            "strategy": first.strategy,
            "seed": first.seed,
            "round": first.round,
            "rank": first.rank,
            "score": first.score,
            "oracle": ", ".join(sorted({vote.oracle for vote in self.votes})),
            "answers": len(self.votes),
            "agreement": self.agreement,
        }


@dataclass(frozen=True)
class Settled:
    """What became of the pairs asked about: preferred, and the others by name. All are in `pairs`.

    `counts`: asked = exported + ties + both bad + unresolved + excluded; `excluded`: reason → pairs; `skips`: answers.
    """

    pairs: tuple[AskedPair, ...]
    preferred: tuple[Preferred, ...]
    counts: dict[str, int]
    excluded: dict[str, int] = field(default_factory=dict)
    skips: int = 0


def counting(pair: AskedPair, labeller: str = "") -> tuple[Vote, ...]:
    """The answers that count: no skip, none that was corrected, and only the labeller's (or the oracle's) if named.

    Nor any that the run does not count, as what came late; and of those it counts the first alone, if that is its rule.
    """
    votes = tuple(
        vote
        for vote in pair.votes
        if vote.answer != "skip" and not vote.corrected and labeller in ("", vote.labeller, vote.oracle)
    )
    if pair.counted is not None:
        place = {label: n for n, label in enumerate(pair.counted)}
        votes = tuple(sorted((vote for vote in votes if vote.label in place), key=lambda vote: place[vote.label]))
    return votes[:1] if pair.rule == "first" else votes


def majority_of(votes: Sequence[Vote]) -> tuple[Answer | None, float]:
    """(answer, the share of it); None where there is no vote, or no answer has more than every other."""
    counts = Counter(vote.answer for vote in votes)
    ranked = counts.most_common(2)
    if not ranked:
        return None, 0.0
    even = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
    return (None if even else ranked[0][0]), ranked[0][1] / len(votes)


def settle(pairs: Sequence[AskedPair], subset: Subset) -> Settled:
    """Each pair once: chosen and rejected by the rule of the run, or counted for what it is instead."""
    counts = dict.fromkeys(("asked", "exported", "ties", "both bad", "unresolved", "excluded"), 0)
    excluded: Counter[str] = Counter()
    preferred = []
    counts["asked"] = len(pairs)
    for pair in pairs:
        votes = counting(pair, subset.labeller)
        answer, agreement = majority_of(votes)
        answer = None if pair.rule == "unanimity" and agreement < 1 else answer
        if why := _left_out(pair, agreement, subset):
            excluded[why] += 1
            counts["excluded"] += 1
        elif answer in ("a", "b"):
            preferred.append(Preferred(pair, "a" if answer == "a" else "b", agreement, votes))
            counts["exported"] += 1
        else:
            counts[{"tie": "ties", "both_bad": "both bad"}.get(answer or "", "unresolved")] += 1
    skips = sum(vote.answer == "skip" for pair in pairs for vote in pair.votes)
    return Settled(tuple(pairs), tuple(preferred), counts, dict(excluded), skips)


def _left_out(pair: AskedPair, agreement: float, subset: Subset) -> str:
    """Why the subset's filters leave the pair out; "" if they do not."""
    if subset.labeller and not any(subset.labeller in (vote.labeller, vote.oracle) for vote in pair.votes):
        return "no answer of the labeller"
    low, high = subset.score_at_least, subset.score_at_most
    if low is not None or high is not None:
        scores = [pick.score for pick in pair.picks if pick.score is not None]
        if not scores:
            return "no score"
        if not any((low is None or low <= score) and (high is None or score <= high) for score in scores):
            return "score outside the range"
    if subset.agreement_at_least is not None and agreement < subset.agreement_at_least:
        return "agreement below the bound"
    return ""
