"""Prompts with two or more responses, recorded answers and scores."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeGuard

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

    The sample worlds' own form, and the one for pools of several responses. Comparisons, scores, sources and topic may
    be missing. `answer` is first, second, tie or both_bad; `strength` and `labeller` are kept.
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
        messages = messages_of(row.get("prompt"), "prompt")
        given = row.get("responses")
        if not isinstance(given, list) or len(given) < 2:
            raise BadRow("fewer than two responses", f"{len(given) if isinstance(given, list) else 'no list'}")
        responses = tuple(_response(item, number) for number, item in enumerate(given))
        compared = row.get("comparisons") or []
        if not isinstance(compared, list):
            raise BadRow("comparisons is not a list", type(compared).__name__)
        comparisons = tuple(_comparison(item, len(responses)) for item in compared)
        return ParsedRow(messages, responses, comparisons, topic=str(row.get("topic") or ""))


def _response(item: Any, number: int) -> ParsedResponse:
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
        raise BadRow("a response has no text", f"response {number}")
    if not item["text"].strip():
        raise BadRow("empty response", f"response {number}")
    score = number_of(item.get("score"), "a score is not a finite number", f"response {number}")
    return ParsedResponse(item["text"], str(item.get("source") or ""), score)


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
    return ParsedComparison(first, second, answer, strength, str(item.get("labeller") or ""))


def _place(value: Any, n: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < n
