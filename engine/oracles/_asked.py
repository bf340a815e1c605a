"""A judge's verdicts on pairs of texts, both orders: asked once, counted, kept by content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.oracles._prompting import Verdict

Side = Literal["a", "b", "tie"]
UNPARSABLE, TOO_LONG = "unparsable", "too long for the judge"


@dataclass(frozen=True)
class Said:
    """What came of one request: `verdict` None where `refused` says why. Tokens as the server or tokenizer counts."""

    verdict: Verdict | None
    refused: str = ""
    read: int = 0
    written: int = 0
    retries: int = 0
    kept: bool = False
    lean: float | None = None


@dataclass(frozen=True)
class Judged:
    """Both orders of one pair: `orders` says whose side each verdict took, first the one in which a stood first.

    None in `orders`: that verdict could not be read, or was not asked for (`refused` tells them apart).
    """

    orders: tuple[Side | None, ...]
    said: tuple[Said, ...]
    refused: str = ""

    @property
    def answer(self) -> Literal["a", "b", "tie", "skip"]:
        """The side that every order took; a tie if they differ, a skip if one of them says nothing."""
        if self.refused or None in self.orders:
            return "skip"
        first = self.orders[0]
        return "tie" if first is None or set(self.orders) != {first} else first

    def detail(self, price: tuple[float, float]) -> dict[str, Any]:
        """For the label: verdicts by order, and what they took. `price` in money per million tokens read and written.

        Tokens and cost are those of the answers, whenever they were given; "kept" of them were there already.
        """
        read, wrote = (sum(getattr(one, name) for one in self.said) for name in ("read", "written"))
        found: dict[str, Any] = {
            "orders": list(self.orders),
            "requests": len(self.said),
            "kept": sum(one.kept for one in self.said),
            "retries": sum(one.retries for one in self.said),
            "tokens_read": read,
            "tokens_written": wrote,
            "cost": round((read * price[0] + wrote * price[1]) / 1e6, 9),
        }
        if leans := [one.lean for one in self.said if one.lean is not None]:
            found["leans"] = leans
        return found | ({"refused": self.refused} if self.refused else {})


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
        found.append(Judged(orders, said, next((one.refused for one in said if one.refused), "")))
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


def facts_of(found: Sequence[Judged], price: tuple[float, float]) -> dict[str, tuple[float, str]]:
    """Figures of an evaluator's asking, by name: value and unit."""
    if not found:
        return {}
    details = [one.detail(price) for one in found]
    facts: dict[str, tuple[float, str]] = {
        "judge_tokens": (float(sum(d["tokens_read"] + d["tokens_written"] for d in details)), "tokens"),
        "judge_cost": (float(sum(d["cost"] for d in details)), "cost"),
        "judge_refused": (float(np.mean([bool(one.refused) for one in found])), "share of prompts"),
    }
    whole = [one.orders for one in found if len(one.orders) == 2 and None not in one.orders]
    if whole:
        facts["judge_consistency"] = (float(np.mean([one == other for one, other in whole])), "share of prompts")
    slots = [side == first for one, other in whole for side, first in ((one, "a"), (other, "b")) if side != "tie"]
    if slots:
        facts["judge_first_slot"] = (float(np.mean(slots)), "share of verdicts")
    return facts
