"""Duplicates: pairs that come again, and prompts that differ only in case and spacing."""

import numpy as np

from engine.data.formats.base import ParsedRow
from engine.data.proof.digests import Digests, conversation, digest, plain, prompt_digest
from engine.data.proof.finding import LISTED, Finding


class Copies:
    """Keeps four numbers a row and no text.

    A pair that comes again may be a copy or a further vote; the file does not tell, so it is kept and said.
    """

    def __init__(self) -> None:
        self._rows, self._prompts, self._plain = Digests(), Digests(), Digests()
        self._pairs, self._pair_rows = Digests(), Digests()

    def take(self, number: int, row: ParsedRow) -> None:
        """Its prompt as it stands and in plain form, and the pairs that it asks about, their sides in no order."""
        prompt = prompt_digest(row)
        self._rows.add(number)
        self._prompts.add(prompt)
        self._plain.add(digest(plain(conversation(row))))
        asked = {(c.first, c.second) for c in row.comparisons}
        if not asked and len(row.responses) == 2:
            asked = {(0, 1)}
        for one, other in sorted(asked):
            sides = sorted((row.responses[one].text, row.responses[other].text))
            self._pairs.add(digest(str(prompt), *sides))
            self._pair_rows.add(number)

    def findings(self) -> list[Finding]:
        """Repeated pairs; prompts written twice; rows that share a prompt."""
        pairs, prompts = self._pairs.all(), self._prompts.all()
        again = _later(pairs)
        rows = tuple((int(self._pair_rows.all()[n]), "") for n in np.flatnonzero(again)[:LISTED])
        repeated = int(again.sum())
        distinct, first = np.unique(prompts, return_index=True)
        twice = _later(self._plain.all()[np.sort(first)])
        same = np.sort(first)[twice]
        written = tuple((int(self._rows.all()[n]), "") for n in same[:LISTED])
        shared = len(prompts) - len(distinct)
        return [
            Finding(
                "repeated_pairs", "duplicate pairs", "note" if repeated else "ok", repeated, len(pairs), "pairs",
                "They ask again what an earlier row asks: copies, or votes of several labellers. All are kept."
                if repeated else "No pair comes twice.", rows,
            ),
            Finding(
                "same_but_for_case", "prompts alike but for case and spacing", "warn" if len(same) else "ok",
                len(same), len(distinct), "prompts",
                "Each counts as a prompt of its own; split them together (near-duplicates together)."
                if len(same) else "None.", written,
            ),
            Finding(
                "shared_prompts", "rows that share a prompt", "ok", shared, len(prompts), "rows",
                "A split by prompt keeps them on one side." if shared else "Each row has a prompt of its own.",
            ),
        ]  # fmt: skip


def _later(values: np.ndarray) -> np.ndarray:
    """Which values stood there before: bool (n,)."""
    later = np.ones(len(values), dtype=bool)
    later[np.unique(values, return_index=True)[1]] = False
    return later
