"""From draws to candidate pairs: what is left out and counted, and all pairs of what is left of a prompt."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from engine.data.pool import PreferenceData
from engine.records import Pair, Response
from engine.samplers.base import Candidates

if TYPE_CHECKING:
    from engine.signals.base import Pass

REACHED = "reached max_new_tokens"
Unended = Literal["drop", "keep"]


@dataclass(frozen=True)
class Drawn:
    """A response as it was drawn; `ended` is False where the length limit cut it off."""

    response: Response
    ended: bool


def candidates_of(drawn: Iterable[Drawn], unended: Unended, data: PreferenceData, on: "Pass") -> Candidates:
    """All pairs of each prompt's responses. Unended (if so asked), empty and identical ones are left out, counted.

    So are those that the policy cannot take: a text may be more tokens than it was drawn in.
    """
    from engine.models.fit import unusable

    made: dict[str, Response] = {}
    dropped = {"identical": 0, "empty": 0, REACHED: 0}
    for draw in drawn:
        if not draw.ended and unended == "drop":
            dropped[REACHED] += 1
        elif not draw.response.text.strip():
            dropped["empty"] += 1
        elif draw.response.id in made:
            dropped["identical"] += 1
        else:
            made[draw.response.id] = draw.response
    refused = unusable(on.policy, PreferenceData(prompts=data.prompts, responses=made))
    for response_id, reason in refused.items():
        dropped[reason] = dropped.get(reason, 0) + 1
        del made[response_id]
    by_prompt: dict[str, list[str]] = {}
    for response in made.values():
        by_prompt.setdefault(response.prompt_id, []).append(response.id)
    pairs = [Pair.of(p, one, other) for p, ids in by_prompt.items() for one, other in combinations(ids, 2)]
    return Candidates(tuple(pairs), tuple(made.values()), {reason: n for reason, n in dropped.items() if n})
