"""The labelled pairs and the other picks that a pick is most like, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.components.markup import escaped, heading, table
from workbench.wording import ANSWERS, NOTHING, integer, number


@dataclass(frozen=True)
class Neighbour:
    """`where` it stands ("labelled", "pick 13"), its prompt in a line, the cosine, its round, and its answer."""

    where: str
    prompt: str
    cosine: float
    round: int
    answer: str | None


def neighbours(found: Sequence[Neighbour]) -> str:
    """A row each, in the order given."""
    head = [("where", False), ("prompt", False), ("cosine", True), ("round", True), ("label", False)]
    rows = [
        [
            f'<span class="whole">{escaped(one.where)}</span>',
            f'<span dir="auto">{escaped(one.prompt)}</span>',
            number(one.cosine, 2),
            integer(one.round),
            f'<span class="whole">{escaped(ANSWERS.get(one.answer, one.answer) if one.answer else NOTHING)}</span>',
        ]
        for one in found
    ]
    return f"{heading('Its neighbours', 'cosine of the words of prompt and responses')}{table(head, rows)}"
