"""Texts that people and models wrote, shown as text only: escaped, no link, no image, their own reading direction."""

from collections.abc import Sequence

from workbench.components.markup import escaped
from workbench.wording import integer

LINE = 64
"""Characters of a line in a column, for counting what is folded."""
SHOWN = 14
"""Lines shown before the rest is folded."""
Span = tuple[int, int]
"""Start and end of a stretch of a text, in characters."""
PEOPLE = {"user": "person", "assistant": "assistant", "system": "system"}


def lines_of(text: str) -> int:
    """Lines that the text takes in a column, long lines wrapped."""
    return sum(max(1, -(-len(line) // LINE)) for line in text.split("\n"))


def folded(text: str, shown: int = SHOWN) -> tuple[str, str]:
    """(what is shown, the rest): cut behind a blank near the end of line `shown`; the rest is "" if all fits."""
    if lines_of(text) <= shown + 2:  # folding away two lines would save nothing
        return text, ""
    at = left = 0
    for line in text.split("\n"):
        need = max(1, -(-len(line) // LINE))
        if left + need > shown:
            room = (shown - left) * LINE
            blank = line.rfind(" ", 0, room + 1)
            at += blank + 1 if blank > 0 else room
            break
        left += need
        at += len(line) + 1
    return text[:at], text[at:]


def said(text: str, marks: Sequence[Span] = ()) -> str:
    """The text as blocks: plain ones, and fenced code (```) in fixed pitch. `dir="auto"` gives each its direction.

    What lies in `marks` (start and end of stretches, in order) is marked.
    """
    parts = text.split("```")
    if len(parts) % 2 == 0:  # a fence that never closes is text like any other
        parts[-2:] = ["```".join(parts[-2:])]
    blocks, at = [], 0
    for n, part in enumerate(parts):
        if part.strip():
            kind = "said fixed" if n % 2 else "said"
            body = part.strip("\n")
            first = at + len(part) - len(part.lstrip("\n"))
            blocks.append(f'<div class="{kind}" dir="auto">{_marked(body, shifted(marks, first, len(body)))}</div>')
        at += len(part) + len("```")
    return "".join(blocks) or '<div class="said muted">(empty)</div>'


def _marked(text: str, marks: Sequence[Span]) -> str:
    """The text escaped, piece by piece, so that no mark can fall into the middle of an escaped sign."""
    pieces, at = [], 0
    for start, end in marks:
        pieces += [escaped(text[at:start]), f"<mark>{escaped(text[start:end])}</mark>"]
        at = end
    return "".join([*pieces, escaped(text[at:])])


def shifted(marks: Sequence[Span], first: int, length: int) -> list[Span]:
    """The marks as they lie in a part of the text that begins at `first`."""
    cut = [(max(start - first, 0), min(end - first, length)) for start, end in marks]
    return [(start, end) for start, end in cut if start < end]


def folding(text: str, marks: Sequence[Span] = ()) -> str:
    """The text, folded when it is long; "show all 214 lines" opens the rest."""
    head, rest = folded(text)
    if not rest:
        return said(text, marks)
    shown = said(head, shifted(marks, 0, len(head)))
    hidden = said(rest, shifted(marks, len(head), len(rest)))
    return f"{shown}<details><summary>show all {integer(lines_of(text))} lines</summary>{hidden}</details>"


def conversation(messages: Sequence[tuple[str, str]], *, whole: bool = False) -> str:
    """The prompt as chat: one turn on soft ground; of more than three turns the earlier ones are folded.

    `whole`: nothing is folded, neither turns nor lines.
    """
    body = said if whole else folding
    if len(messages) == 1 and messages[0][0] == "user":
        return f'<div class="chat"><div class="turn user only">{body(messages[0][1])}</div></div>'
    turns = [_turn(role, body(text)) for role, text in messages]
    if whole or len(turns) <= 3:
        return f'<div class="chat">{"".join(turns)}</div>'
    earlier, last = turns[:-2], turns[-2:]
    fold = (
        f'<details><summary>{len(earlier)} earlier turns</summary><div class="chat">{"".join(earlier)}</div></details>'
    )
    return f'<div class="chat">{fold}{"".join(last)}</div>'


def _turn(role: str, body: str) -> str:
    kind = role if role in PEOPLE else "system"
    return f'<div class="turn {kind}"><small>{escaped(PEOPLE.get(role, role))}</small>{body}</div>'


def first_line(messages: Sequence[tuple[str, str]], length: int = 90) -> str:
    """The last thing the person said, on one line, for lists."""
    text = next((text for role, text in reversed(messages) if role == "user"), messages[-1][1] if messages else "")
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"
