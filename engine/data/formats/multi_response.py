"""Prompts with two or more responses, recorded answers and scores."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeGuard

from engine.data.formats._parts import behind_system
from engine.data.formats.base import (
    FORMATS,
    BadRow,
    Format,
    ParsedComparison,
    ParsedResponse,
    ParsedRow,
    messages_of,
    number_of,
)


@FORMATS.register
class MultiResponse(Format):
    """{"prompt", "responses": [{"text", "source", "score"}], "comparisons": [{"first", "second", "answer"}]}.

    The sample worlds' own form, and the one for pools of several responses, labelled or not. Only the prompt and the
    list must be there, which may be short or empty. Scores may also stand in a list `scores` beside it, further ones of
    a response under `aspects`. `answer` is first, second, tie or both_bad; `strength`, `labeller` and `share` (the
    probability that the first is better) are kept.
    """

    name: ClassVar[str] = "multi_response"
    title: ClassVar[str] = "prompts with several responses"
    source: ClassVar[str] = "this project"
    columns: ClassVar[str] = "prompt, responses [{text, source, score}], comparisons [{first, second, answer}]"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have a prompt and a list of responses."""
        return all("prompt" in row and isinstance(row.get("responses"), list) for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One prompt with its responses."""
        messages = behind_system(row, messages_of(row.get("prompt"), "prompt"))
        given = row.get("responses")
        if not isinstance(given, list):
            raise BadRow("responses is not a list", type(given).__name__)
        scores = row.get("scores")
        if scores is not None and (not isinstance(scores, list) or len(scores) != len(given)):
            raise BadRow("scores is not a list as long as responses", repr(scores)[:80])
        responses = tuple(_response(item, n, scores[n] if scores else None) for n, item in enumerate(given))
        compared = row.get("comparisons") or []
        if not isinstance(compared, list):
            raise BadRow("comparisons is not a list", type(compared).__name__)
        comparisons = tuple(_comparison(item, len(responses)) for item in compared)
        return ParsedRow(messages, responses, comparisons, topic=str(row.get("topic") or ""))


def _response(item: Any, number: int, beside: Any) -> ParsedResponse:
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
        raise BadRow("a response has no text", f"response {number}")
    if not item["text"].strip():
        raise BadRow("empty response", f"response {number}")
    aspects = item.get("aspects") or {}
    if not isinstance(aspects, Mapping):
        raise BadRow("aspects is not a mapping", f"response {number}")
    named = [(str(name), _score(value, f"{name} of response {number}")) for name, value in aspects.items()]
    score = _score(beside if item.get("score") is None else item["score"], f"response {number}")
    found = tuple((name, value) for name, value in named if value is not None)
    return ParsedResponse(item["text"], str(item.get("source") or ""), score, found)


def _score(value: Any, where: str) -> float | None:
    return number_of(value, "a score is not a finite number", where)


def _comparison(item: Any, n: int) -> ParsedComparison:
    if not isinstance(item, Mapping):
        raise BadRow("a comparison is not a mapping", str(item)[:80])
    first, second, answer = item.get("first"), item.get("second"), item.get("answer")
    if not (_place(first, n) and _place(second, n)):
        raise BadRow("a comparison names a response that is not there", f"{first!r} and {second!r} of {n}")
    if first == second:
        raise BadRow("a comparison names one response twice", repr(first))
    if answer not in ("first", "second", "tie", "both_bad"):
        raise BadRow("a comparison's answer is not first, second, tie or both_bad", repr(answer))
    strength = number_of(item.get("strength"), "a comparison's strength is not a finite number", "strength")
    share = number_of(item.get("share"), "a comparison's share is not a number from 0 to 1", "share")
    if share is not None and not 0 <= share <= 1:
        raise BadRow("a comparison's share is not a number from 0 to 1", f"{share:g}")
    return ParsedComparison(first, second, answer, strength, str(item.get("labeller") or ""), share)


def _place(value: Any, n: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < n
