"""Who answers, and what the answers are worth: skill, agreement with others and with themselves, gold, side, speed"""

from collections.abc import Callable

from engine.analysis.certainty import Share
from engine.analysis.labellers import Labeller
from workbench.components.how_to_read import read_this
from workbench.components.markup import empty, foreign, heading, show, table
from workbench.wording import NOTHING, between, count, integer, number

HEAD = (
    ("labeller", False), ("answers", True), ("skips", True), ("skill", True), ("as the others", True),
    ("as oneself", True), ("gold right", True), ("shown first", True), ("tie or both bad", True), ("median s", True),
)  # fmt: skip
READING = (
    "Skill is the chance that an answer is right (Dawid–Skene), from pairs that others answered, too. Shares have 95 % "
    "intervals. Shown first: ½ is no bias. Whoever gets harder pairs looks worse."
)
NONE = (
    "Nobody with a name has answered yet.",
    "People and simulated labellers appear here with their first answer; data files that name nobody have none.",
)
MOST = 100
"""Labellers that are listed."""


def labeller_table(found: tuple[Labeller, ...], name_of: Callable[[str], str]) -> None:
    """A row a labeller, those with most answers first; `name_of` says what somebody is called here."""
    show(heading("Labellers", count(len(found), "labeller") if found else ""))
    if not found:
        empty(*NONE)
        return
    rows = [
        [
            foreign(name_of(one.name)), integer(one.answers), integer(one.skips),
            _value(one.skill, one.low, one.high, one.pairs), _share(one.others), _share(one.itself), _share(one.gold),
            _share(one.first), _share(one.neither), number(one.seconds, 1),
        ]
        for one in found[:MOST]
    ]  # fmt: skip
    show(table(HEAD, rows))
    if len(found) > MOST:
        show(f"<small>The {MOST} with most answers.</small>")
    read_this(READING)


def _share(share: Share) -> str:
    return _value(share.share, share.low, share.high, share.n)


def _value(value: float | None, low: float | None, high: float | None, n: int) -> str:
    if value is None:
        return NOTHING
    return f"{number(value, 2)}<br><small>{between(low, high, 2)} · {integer(n)}</small>"
