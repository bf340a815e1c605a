"""A judge's verdicts on pairs of texts, both orders: asked once, counted, kept by content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.oracles._prompting import Verdict

Side = Literal["a", "b", "tie"]
UNPARSABLE, TOO_LONG = "unparsable", "too long for the judge"
WORDS = 600
"""Characters of an answer that are kept with the label, from its end, where the verdict stands."""


@dataclass(frozen=True)
class Said:
    """What came of one request: `verdict` None where `refused` says why. Tokens as the server or tokenizer counts.

    `kept`: it was answered before. `paid`: who asks now has paid for it, now or then. `words` as the model wrote them.
    """

    verdict: Verdict | None
    refused: str = ""
    read: int = 0
    written: int = 0
    retries: int = 0
    kept: bool = False
    lean: float | None = None
    paid: bool = True
    model: str = ""
    words: str = ""


@dataclass(frozen=True)
class Judged:
    """Both orders of one pair: `orders` says whose side each verdict took, first the one in which a stood first.

    None in `orders`: that verdict could not be read, or was not asked for (`refused` tells them apart). `first` is the
    side that stood first where one order was asked, "both" where both were.
    """

    orders: tuple[Side | None, ...]
    said: tuple[Said, ...]
    refused: str = ""
    first: Literal["a", "b", "both"] = "both"

    @property
    def answer(self) -> Literal["a", "b", "tie", "skip"]:
        """The side that every order took; a tie if they differ, a skip if one of them says nothing."""
        if self.refused or None in self.orders:
            return "skip"
        first = self.orders[0]
        return "tie" if first is None or set(self.orders) != {first} else first

    def detail(self, price: tuple[float, float]) -> dict[str, Any]:
        """For the label: verdicts by order, and what they took. `price` in money per million tokens read and written.

        Tokens read and written are those of the answers, whenever they were given; "kept" of them were there already.
        "tokens_paid" and "cost" are of those answers that who asks has paid for: what others asked before is free.
        """
        paid, cost = self.paid(price)
        found: dict[str, Any] = {
            "orders": list(self.orders),
            "first": self.first,
            "requests": len(self.said),
            "kept": sum(one.kept for one in self.said),
            "retries": sum(one.retries for one in self.said),
            "tokens_read": sum(one.read for one in self.said),
            "tokens_written": sum(one.written for one in self.said),
            "tokens_paid": paid,
            "cost": cost,
        }
        if leans := [one.lean for one in self.said if one.lean is not None]:
            found["leans"] = leans
        if words := [one.words[-WORDS:] for one in self.said if one.words]:
            found["words"] = words
        return found | ({"refused": self.refused} if self.refused else {})

    def paid(self, price: tuple[float, float]) -> tuple[int, float]:
        """Tokens and money that who asks has paid."""
        mine = [one for one in self.said if one.paid]
        read, wrote = (sum(getattr(one, name) for one in mine) for name in ("read", "written"))
        return read + wrote, round((read * price[0] + wrote * price[1]) / 1e6, 9)


def turned(verdict: Verdict | None, a_first: bool) -> Side | None:
    """Whose side a verdict takes."""
    if verdict is None or verdict == "tie":
        return verdict
    return "a" if (verdict == "A") == a_first else "b"


def judged(answers: Sequence[Said], both: bool, a_first: Sequence[bool]) -> list[Judged]:
    """The answers pair by pair: two in a row where both orders were asked, a first; else one, in the order told."""
    found = []
    each = 2 if both else 1
    for number, first in enumerate(a_first):
        said = tuple(answers[each * number : each * number + each])
        order = (True, False) if both else (first,)
        orders = tuple(turned(one.verdict, a) for one, a in zip(said, order, strict=True))
        refused = next((one.refused for one in said if one.refused), "")
        found.append(Judged(orders, said, refused, "both" if both else "a" if first else "b"))
    return found


class Purse:
    """Counts tokens and cost of answers against the most that a study may use; over it, `stop` is raised."""

    def __init__(
        self,
        before: Mapping[str, float],
        price: tuple[float, float],
        tokens: int | None,
        cost: float | None,
        stop: Callable[[str, float, float], Exception],
    ) -> None:
        self.tokens, self.cost = float(before.get("tokens", 0)), float(before.get("cost", 0))
        self._price, self._most, self._stop = price, {"tokens": tokens, "cost": cost}, stop

    def take(self, read: int, wrote: int) -> None:
        """One answer."""
        self.tokens += read + wrote
        self.cost += (read * self._price[0] + wrote * self._price[1]) / 1e6
        self.look()

    def look(self) -> None:
        """Raise if more is used than may be."""
        for name, used in (("tokens", self.tokens), ("cost", self.cost)):
            most = self._most[name]
            if most is not None and used >= most:
                raise self._stop(name, used, most)


def facts_of(found: Sequence[Judged], price: tuple[float, float]) -> dict[str, tuple[float, str, int]]:
    """Figures of an evaluator's asking, by name: value, unit and of how many. Tokens and cost are what was paid now."""
    if not found:
        return {}
    paid = [one.paid(price) for one in found]
    facts: dict[str, tuple[float, str, int]] = {
        "judge_tokens": (float(sum(tokens for tokens, _ in paid)), "tokens", len(found)),
        "judge_cost": (float(sum(cost for _, cost in paid)), "cost", len(found)),
        "judge_refused": (float(np.mean([bool(one.refused) for one in found])), "share of prompts", len(found)),
    }
    said = [one for one in found if None not in one.orders]
    whole = [one.orders for one in said if len(one.orders) == 2]
    if whole:
        same = float(np.mean([one == other for one, other in whole]))
        facts["judge_consistency"] = (same, "share of prompts", len(whole))
    firsts = [("a", "b") if one.first == "both" else (one.first,) for one in said]
    slots = [side == first for one, order in zip(said, firsts, strict=True)
             for side, first in zip(one.orders, order, strict=True) if side != "tie"]  # fmt: skip
    if slots:
        facts["judge_first_slot"] = (float(np.mean(slots)), "share of verdicts", len(slots))
    return facts
