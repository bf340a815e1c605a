"""What formats share: conversations under other names, numbers from loose cells, answers from numbers and ranks."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from engine.data.formats.base import BadRow, ParsedComparison, ParsedResponse, ParsedRow, Recorded, number_of
from engine.records import Message

ROLES = {"human": "user", "prompter": "user", "gpt": "assistant", "model": "assistant", "chatbot": "assistant"}
"""Names of roles in published files → ours; others stay as they are."""


def text_in(row: Mapping[str, Any], name: str, may_be_empty: bool = False) -> str:
    """The text of a column; BadRow if it is not there, no text, or blank."""
    value = row.get(name)
    if value is None and may_be_empty:
        return ""
    if not isinstance(value, str):
        raise BadRow(f"{name} is not a text", type(value).__name__)
    if not value.strip() and not may_be_empty:
        raise BadRow(f"empty {name}")
    return value


def response_in(row: Mapping[str, Any], name: str) -> str:
    """The text of a response; BadRow "empty response" if it is blank."""
    value = row.get(name)
    if isinstance(value, str) and not value.strip():
        raise BadRow("empty response", name)
    return text_in(row, name)


def word(value: Any) -> str:
    """A name or number as a text, "" for nothing."""
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


def mapping_in(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The mapping under that name; BadRow if there is none."""
    value = row.get(name)
    if not isinstance(value, Mapping):
        raise BadRow(f"{name} is not a mapping", type(value).__name__)
    return value


def list_in(row: Mapping[str, Any], name: str) -> list[Any]:
    """The list under that name; BadRow if there is none."""
    value = row.get(name)
    if not isinstance(value, list):
        raise BadRow(f"{name} is not a list", type(value).__name__)
    return value


def flag_in(row: Mapping[str, Any], name: str) -> int:
    """The 0 or 1 under that name; BadRow otherwise."""
    value = row.get(name)
    if word(value) not in ("0", "1"):
        raise BadRow(f"{name} is not 0 or 1", repr(value)[:40])
    return int(word(value))


def turn_of(value: Any, where: str) -> Message:
    """One turn: {"role", "content"} or {"from", "value"}; the content a text or a list of typed text parts."""
    if not isinstance(value, Mapping):
        raise BadRow(f"a turn of {where} is not a mapping", type(value).__name__)
    role = value.get("role", value.get("from"))
    content = value.get("content", value.get("value"))
    if not isinstance(role, str):
        raise BadRow(f"a message of {where} has no role", str(value)[:80])
    if isinstance(content, list):
        content = "".join(_part(part, where) for part in content)
    if not isinstance(content, str):
        raise BadRow(f"a message of {where} has no text", str(value)[:80])
    return Message(ROLES.get(role, role), content)


def turns_in(row: Mapping[str, Any], name: str) -> tuple[Message, ...]:
    """The turns under that name, one at least; BadRow otherwise."""
    value = list_in(row, name)
    if not value:
        raise BadRow(f"{name} has no turn")
    return tuple(turn_of(turn, name) for turn in value)


def reply_of(turn: Message, where: str) -> str:
    """The text of an assistant's turn; BadRow if it is another's or blank."""
    if turn.role != "assistant":
        raise BadRow(f"{where} is not the assistant's", turn.role)
    if not turn.content.strip():
        raise BadRow("empty response", where)
    return turn.content


def to_the_reply(turns: Sequence[Message], where: str) -> tuple[tuple[Message, ...], str]:
    """A whole conversation as the prompt and the last reply; BadRow if it has not both."""
    if len(turns) < 2:
        raise BadRow("no prompt before the response", where)
    return tuple(turns[:-1]), reply_of(turns[-1], where)


def with_system(system: str, turns: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation behind a system message, if there is one."""
    return (Message("system", system), *turns) if system.strip() else tuple(turns)


def behind_system(row: Mapping[str, Any], turns: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation behind what the column `system` says, if anything; BadRow where it says another one itself."""
    system = text_in(row, "system", may_be_empty=True)
    if system.strip() and turns and turns[0].role == "system":
        if turns[0].content != system:
            raise BadRow("the system column is not the system turn of the conversation")
        return tuple(turns)
    return with_system(system, turns)


ASIDE = {"id", "idx", "index", "uid", "uuid", "prompt_id", "topic", "source", "language", "lang", "meta", "metadata"}
"""Columns that neither ask nor answer anything: ids, and where a row comes from."""


def holds_text(value: Any) -> bool:
    """Whether a cell says something: words, or a list or mapping that is not empty; a number is none, as a text too."""
    if not isinstance(value, str):
        return isinstance(value, Mapping | list) and bool(value)
    try:
        float(value)
    except ValueError:
        return bool(value.strip())
    return False


def user(text: str) -> tuple[Message, ...]:
    """A prompt of one turn."""
    return (Message("user", text),)


def loose_number(value: Any, where: str) -> float | None:
    """A number, also written as a text ("4", "4.5"); None for nothing and for "N/A"; BadRow otherwise."""
    if isinstance(value, str):
        if value.strip().lower() in ("", "n/a", "na", "none", "nan"):
            return None
        try:
            value = float(value)
        except ValueError as error:
            raise BadRow("a score is not a number", f"{where}: {value[:40]!r}") from error
    if isinstance(value, float) and math.isnan(value):
        return None  # how tables write that there is none
    return number_of(value, "a score is not a finite number", where)


def two(
    messages: tuple[Message, ...],
    first: ParsedResponse,
    second: ParsedResponse,
    answers: Iterable[ParsedComparison],
    *,
    topic: str = "",
    left_out: tuple[str, ...] = (),
) -> ParsedRow:
    """A row of two responses; BadRow if they are the same."""
    if first.text == second.text:
        raise BadRow("the two responses are identical")
    return ParsedRow(messages, (first, second), tuple(answers), topic, left_out)


def larger(first: float, second: float) -> Recorded:
    """Which of two numbers is larger."""
    return "tie" if first == second else "first" if first > second else "second"


def by_rank(ranks: Sequence[float | None]) -> tuple[ParsedComparison, ...]:
    """Every two responses that have a rank; the smaller one is better, equal ones tie."""
    found = []
    for first, second in combinations(range(len(ranks)), 2):
        one, other = ranks[first], ranks[second]
        if one is not None and other is not None:
            found.append(ParsedComparison(first, second, larger(other, one), abs(one - other)))
    return tuple(found)


def _part(part: Any, where: str) -> str:
    text = part.get("text", part.get("value")) if isinstance(part, Mapping) else None
    if not isinstance(text, str) or part.get("type", "text") != "text":
        raise BadRow(f"a message of {where} has a part that is no text", str(part)[:80])
    return text


SCORES = (("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"), ("chosen-rating", "rejected-rating"))
SIDES = ("response", "answer", "output", "completion", "text", "generation", "summary")
ENDS = (("a", "b"), ("A", "B"), ("1", "2"), ("0", "1"))


def names_of_scores(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two columns that score chosen and rejected, if there are such."""
    return next((names for names in SCORES if names[0] in row and names[1] in row), None)


def sides_in(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The names of two columns that are the responses (response_a and response_b, text1 and text2, …), or None."""
    for word_ in SIDES:
        for mark in ("_", "-", ""):
            for one, other in ENDS:
                names = (f"{word_}{mark}{one}", f"{word_}{mark}{other}")
                if names[0] in row and names[1] in row:
                    return names
    return None


def side_of(value: Any, names: tuple[str, str]) -> Recorded:
    """What a value means: a column's name or its last letter, left, right, first, second, tie, both_bad; or BadRow."""
    said = word(value)
    for place, side in ((0, "first"), (1, "second")):
        if said in (names[place], names[place][-1], side, ("left", "right")[place]):
            return "first" if place == 0 else "second"
    if said in ("tie", "equal", "both"):
        return "tie"
    if said in ("both_bad", "both bad", "neither"):
        return "both_bad"
    raise BadRow("an answer names neither of the two responses", repr(value)[:60])


def prompt_in(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """The conversation under messages, or the prompt, instruction or question, a text or turns; BadRow otherwise."""
    name = next((n for n in ("messages", "prompt", "instruction", "question", "input") if row.get(n)), "prompt")
    return turns_in(row, name) if isinstance(row.get(name), list) else user(text_in(row, name))
