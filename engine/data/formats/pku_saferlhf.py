"""PKU-SafeRLHF: two responses, which is better and which is safer."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import flag_in, response_in, text_in, two, user, word
from engine.data.formats.base import FORMATS, Format, ParsedComparison, ParsedResponse, ParsedRow, Recorded


@FORMATS.register
class PkuSafeRlhf(Format):
    """{"prompt", "response_0", "response_1", "better_response_id", "safer_response_id", "is_response_0_safe", …}.

    Better is the answer. Safe (1 or 0) and safer (1 or 0) are kept as aspects of each response."""

    name: ClassVar[str] = "pku_saferlhf"
    title: ClassVar[str] = "PKU-SafeRLHF"
    source: ClassVar[str] = "Ji et al. 2024, arXiv:2406.15513"
    columns: ClassVar[str] = "prompt, response_0, response_1, better_response_id, safer_response_id"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have both responses and the better one."""
        return all({"prompt", "response_0", "response_1", "better_response_id"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One labelled pair."""
        said: Recorded = "second" if flag_in(row, "better_response_id") else "first"
        safer = flag_in(row, "safer_response_id") if row.get("safer_response_id") is not None else None
        one, other = (_response(row, n, safer) for n in (0, 1))
        return two(user(text_in(row, "prompt")), one, other, [ParsedComparison(0, 1, said)])


def _response(row: Mapping[str, Any], n: int, safer: int | None) -> ParsedResponse:
    safe = row.get(f"is_response_{n}_safe")
    aspects = [("safe", float(safe))] if isinstance(safe, bool) else []
    aspects += [("safer", float(safer == n))] if safer is not None else []
    source = word(row.get(f"response_{n}_source"))
    return ParsedResponse(response_in(row, f"response_{n}"), source, None, tuple(aspects))
