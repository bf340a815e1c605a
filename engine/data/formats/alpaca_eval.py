"""AlpacaEval annotations: two outputs and the preference of an annotator."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.data.formats._parts import larger, loose_number, response_in, text_in, two, user, word
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedComparison, ParsedResponse, ParsedRow

OUTSIDE = 0.05
"""How far outside [1, 2] a soft preference may be by rounding."""


@FORMATS.register
class AlpacaEval(Format):
    """{"instruction", "output_1", "output_2", "generator_1", "generator_2", "preference", "annotator"}.

    A preference is 1 or 2; 0 and 1.5 are ties; what lies between is a soft label, a little outside [1, 2] is taken as
    the end. Without a preference the pair is kept, unlabelled."""

    name: ClassVar[str] = "alpaca_eval"
    title: ClassVar[str] = "AlpacaEval annotations"
    source: ClassVar[str] = "Li et al. 2023, AlpacaEval; Dubois et al. 2024, arXiv:2404.04475"
    columns: ClassVar[str] = "instruction, output_1, output_2, preference, annotator"

    def sniff(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """All rows have an instruction, both outputs and a preference."""
        return all({"instruction", "output_1", "output_2", "preference"} <= row.keys() for row in rows)

    def parse(self, row: Mapping[str, Any]) -> ParsedRow:
        """One pair, with the answer if there is one."""
        one, other = (ParsedResponse(response_in(row, f"output_{n}"), word(row.get(f"generator_{n}"))) for n in (1, 2))
        preference = loose_number(row.get("preference"), "preference")
        asked, topic = user(text_in(row, "instruction")), word(row.get("dataset"))
        if preference is None:
            return two(asked, one, other, [], topic=topic, left_out=("preferences that are not given",))
        if preference != 0 and not 1 - OUTSIDE <= preference <= 2 + OUTSIDE:
            raise BadRow("preference is not between 1 and 2, nor 0", f"{preference:g}")
        share = 0.5 if preference == 0 else 2 - min(max(preference, 1.0), 2.0)
        soft = None if share in (0, 0.5, 1) else share
        answer = ParsedComparison(0, 1, larger(share, 0.5), None, word(row.get("annotator")), soft)
        return two(asked, one, other, [answer], topic=topic)
