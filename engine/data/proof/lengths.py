"""How long prompts and responses are, in characters, and whether the longer response is the preferred one."""

from array import array
from collections import Counter
from typing import Any

import numpy as np

from engine.data.formats.base import ParsedRow
from engine.data.proof.finding import Finding

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 24
LEANING = 0.6
"""Share of longer (or shorter) winners from which on it is said."""
FEWEST = 50
"""Answers below which a share is said of nobody."""


class Lengths:
    """Two numbers a response and one a row."""

    def __init__(self) -> None:
        self._prompts, self._responses = array("L"), array("L")
        self._turns: Counter[int] = Counter()
        self._longer = self._shorter = 0

    def take(self, number: int, row: ParsedRow) -> None:
        """Characters of the whole prompt and of each response; turns of the prompt."""
        self._prompts.append(sum(len(message.content) for message in row.messages))
        self._responses.extend(len(response.text) for response in row.responses)
        self._turns[len(row.messages)] += 1
        for comparison in row.comparisons:
            if comparison.answer in ("first", "second"):
                first, second = (len(row.responses[n].text) for n in (comparison.first, comparison.second))
                better, worse = (first, second) if comparison.answer == "first" else (second, first)
                self._longer += better > worse
                self._shorter += better < worse

    def findings(self) -> list[Finding]:
        """Whether length alone would win."""
        n = self._longer + self._shorter
        share = self._longer / n if n else 0.5
        leans = n >= FEWEST and max(share, 1 - share) >= LEANING
        which = "longer" if share >= 0.5 else "shorter"
        words = f"The {which} response was preferred in {max(share, 1 - share):.0%} of the answers."
        if leans:
            words += " A policy can learn length from it."
        if not n:
            words = "No answer to look at."
        return [Finding("longer", "the longer response preferred", "note" if leans else "ok", self._longer, n,
                        "answers of unequal length", words)]  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """prompt, response: n, mean, quantiles, max and a histogram (edges, counts), characters; turns of prompts."""
        return {
            "prompt": _summary(self._prompts),
            "response": _summary(self._responses),
            "turns": {str(k): n for k, n in sorted(self._turns.items())},
        }


def _summary(lengths: "array[int]") -> dict[str, Any]:
    values = np.array(lengths, dtype=np.float64)
    if not len(values):
        return {"n": 0, "mean": 0.0, "max": 0, "quantiles": {}, "edges": [], "counts": []}
    top = max(float(np.quantile(values, 0.99)), 1.0)  # one monster must not squeeze all others into one bar
    counts, edges = np.histogram(np.minimum(values, top), bins=BINS, range=(0.0, top))
    return {
        "n": len(values),
        "mean": float(values.mean()),
        "max": int(values.max()),
        "quantiles": {f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES},
        "edges": [float(edge) for edge in edges],
        "counts": [int(n) for n in counts],
    }
