"""Label banks: every pair of each prompt is answered, so that a strategy can be raced at no label cost."""

import numpy as np

from engine.data.formats.base import ParsedRow
from engine.data.proof.digests import Digests, digest, prompt_digest
from engine.data.proof.finding import Finding


class Banks:
    """Two numbers a response and two an answer. A prompt's responses may come in several rows."""

    def __init__(self) -> None:
        self._every, self._prompts, self._responses = Digests(), Digests(), Digests()
        self._asked, self._pairs = Digests(), Digests()

    def take(self, number: int, row: ParsedRow) -> None:
        """Its responses, and the pairs that it answers."""
        prompt = prompt_digest(row)
        own = [digest(response.text) for response in row.responses]
        self._every.add(prompt)
        self._prompts.extend([prompt] * len(own))
        self._responses.extend(own)
        for one, other in {(c.first, c.second) for c in row.comparisons}:
            if own[one] != own[other]:
                self._asked.add(prompt)
                self._pairs.add(digest(*(str(side) for side in sorted((own[one], own[other])))))

    def findings(self) -> list[Finding]:
        """How many prompts have an answer for every pair of theirs; all: it is a label bank."""
        prompts = np.unique(self._every.all())
        responses, got = (np.zeros(len(prompts), dtype=np.int64) for _ in range(2))
        for counts, keys, values in ((responses, self._prompts, self._responses), (got, self._asked, self._pairs)):
            found, different = _counted(keys.all(), values.all())
            counts[np.searchsorted(prompts, found)] = different
        n, full = len(prompts), int(((responses > 1) & (got == responses * (responses - 1) // 2)).sum())
        several = int((responses > 2).sum())
        if n and full == n:
            more = f", {several:,} of them with more than two responses" if several else ""
            words = (
                f"A label bank: every pair of each prompt is answered{more}. Strategies can be raced on it for free."
            )
        else:
            words = "No label bank: a strategy could pick a pair that nobody answered, or has none to pick."
        return [Finding("label_bank", "label bank", "ok" if n and full == n else "note", full, n,
                        "prompts", words)]  # fmt: skip


def _counted(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, in order, and how many different values stand beside it."""
    if not len(keys):
        return keys, np.zeros(0, dtype=np.int64)
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    new = np.concatenate([[True], (keys[1:] != keys[:-1]) | (values[1:] != values[:-1])])
    found, counts = np.unique(keys[new], return_counts=True)
    return found, counts.astype(np.int64)
