"""People at the screen: what a campaign buys first, how many answers a pair gets, and what they come to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PreferenceData
from engine.oracles.base import ORACLES, Oracle, Question
from engine.oracles.recorded import majority
from engine.records import Answer, Label
from engine.seeds import uniforms


@ORACLES.register
class People(Oracle):
    """People answer on the page Label: the run waits for each batch and goes on by itself.

    Such a study is a campaign: one run, of the strategy that is named first; the others pick in the shadow, and nothing
    is labelled for them. Before round 0 it buys a held-out sample and a random audit slice of the pool. An answer costs
    one label, whatever it says. Only a and b train. A skip gives the pair to somebody else; where nobody is left, the
    round goes on without it and it returns to the pool.
    """

    name: ClassVar[str] = "people"
    title: ClassVar[str] = "people"
    source: ClassVar[str] = "the page Label"
    simulated: ClassVar[bool] = False
    people: ClassVar[bool] = True

    held_out_pairs: int = Field(
        100, ge=0, description="held-out pairs that people answer first; 0: the held-out set's recorded answers count"
    )
    audit_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="random pairs of the pool that people answer first, as a share of the budget; they come on top of "
        "it, never train, and are measured as the set 'audit'",
    )
    answers_per_pair: float = Field(
        1.0, ge=1, le=20, description="overlap: people asked about a pair, on average; 1.2 asks two about every fifth"
    )
    settled_by: Literal["majority", "unanimity", "first"] = Field(
        "majority",
        description="what several answers come to: the answer given most often (even is a tie), a tie unless all "
        "agree, or the first",
    )
    repeat_share: float = Field(
        0.0, ge=0, le=0.5, description="hidden repeats: share of a person's pairs that come once more, sides exchanged"
    )
    gold_share: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="gold questions: share of a person's pairs whose answer the file knows; they leave the pool",
    )
    lease_minutes: float = Field(
        15.0, gt=0, le=1440, description="a pair that is shown for longer without an answer goes to somebody else"
    )
    ask_strength: bool = Field(False, description="the page asks how much better: slightly, clearly, by far")
    ask_note: bool = Field(False, description="the page asks for a note")

    def label(self, question: Question) -> Sequence[Label | None]:
        """Not yet: the answers come by the page, and the run finds them bought."""
        return [None for _ in question.pairs]

    def aside(self, budget: int) -> int:
        """Pairs of the audit slice."""
        return int(np.ceil(self.audit_share * budget - 1e-9))

    def answers_by(self) -> Mapping[str, Any]:
        """Nothing: who answers is told by each answer, and what several come to is settled anew."""
        return {"name": self.name}

    def asks(self, budget: int) -> int:
        """Batches, audit slice and held-out sample, each pair by as many people as are wanted."""
        return int(np.ceil((budget + self.aside(budget) + self.held_out_pairs) * self.answers_per_pair - 1e-9))

    def gold_pairs(self, budget: int) -> int:
        """Pairs of the pool that are kept for gold questions: none is shown to a person twice."""
        asked = budget + self.aside(budget) + self.held_out_pairs
        return int(np.ceil(self.gold_share * asked * self.answers_per_pair - 1e-9))

    def wanted(self, seed: int, pair_id: str) -> int:
        """How many people are asked about the pair, by a keyed draw where the overlap is no whole number."""
        whole = int(self.answers_per_pair)
        more = uniforms(seed, None, "overlap", [pair_id])[0] < self.answers_per_pair - whole
        return whole + int(more)

    def settle(self, answers: Sequence[Answer]) -> Answer:
        """What answers come to, in the order in which they were given; skips are none, and all skips are a skip."""
        given = [answer for answer in answers if answer != "skip"]
        if not given:
            return "skip"
        if self.settled_by == "first":
            return given[0]
        if self.settled_by == "unanimity":
            return given[0] if len(set(given)) == 1 else "tie"
        return majority(given)


def sample_of(data: PreferenceData, n: int, seed: int, purpose: str, besides: Iterable[str] = ()) -> list[str]:
    """Ids of `n` pairs of different prompts in a keyed order, none of the prompts `besides`; fewer if there are none.

    Of each prompt the pair is drawn too, so that every pair of a prompt is as likely.
    """
    refused = set(besides)
    by_prompt: dict[str, list[str]] = {}
    for pair in data.pairs.values():
        if pair.prompt_id not in refused:
            by_prompt.setdefault(pair.prompt_id, []).append(pair.id)
    prompts = sorted(by_prompt)
    draw = uniforms(seed, None, purpose, prompts)
    chosen = []
    for row in np.lexsort((np.array(prompts), draw))[:n]:
        ids = sorted(by_prompt[prompts[row]])
        chosen.append(ids[int(np.argmin(uniforms(seed, None, f"{purpose}, which", ids)))])
    return chosen
