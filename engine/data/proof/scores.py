"""Scores of the file against its recorded answers."""

from engine.data.formats.base import ParsedRow
from engine.data.proof.finding import Finding, Rows


class Scores:
    """An answer for one side while the other has the higher score, or the same one."""

    def __init__(self) -> None:
        self._compared = 0
        self._against, self._equal = Rows(), Rows()

    def take(self, number: int, row: ParsedRow) -> None:
        """Every answer for a side whose two responses have scores."""
        for comparison in row.comparisons:
            if comparison.answer not in ("first", "second"):
                continue
            first, second = (row.responses[n].score for n in (comparison.first, comparison.second))
            if first is None or second is None:
                continue
            better, worse = (first, second) if comparison.answer == "first" else (second, first)
            self._compared += 1
            if better < worse:
                self._against.add(number, f"{better:g} was preferred to {worse:g}")
            elif better == worse:
                self._equal.add(number, f"both {better:g}")

    def findings(self) -> list[Finding]:
        """Contradictions and equal scores, of the answers that have scores on both sides."""
        if not self._compared:
            return [
                Finding("scores_against", "scores that contradict answers", "ok", 0, 0, "answers with scores",
                        "No answer has scores on both sides.")
            ]  # fmt: skip
        against, equal = self._against, self._equal
        return [
            Finding(
                "scores_against", "scores that contradict answers", "warn" if against.n else "ok", against.n,
                self._compared, "answers with scores",
                "The response with the lower score was preferred; the answer stands, the score is kept beside it."
                if against.n else "None.", against.listed(),
            ),
            Finding(
                "scores_equal", "equal scores, yet one preferred", "note" if equal.n else "ok", equal.n,
                self._compared, "answers with scores",
                "By their scores these would be ties; the answer stands." if equal.n else "None.", equal.listed(),
            ),
        ]  # fmt: skip
