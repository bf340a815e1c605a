"""Recorded answers: how many of each, on which side of the file, by how many labellers, and where they contradict."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from engine.data.formats.base import ParsedComparison, ParsedRow, Recorded
from engine.data.proof.digests import Digests, digest, prompt_digest
from engine.data.proof.finding import LISTED, Finding, Rows

LOPSIDED = 0.65
"""Share of one side from which on the order of the file is said to tell the answer, where it is not the format's."""
FEWEST = 20
"""Answers for a side below which no such thing is said."""
TURNED: dict[Recorded, Recorded] = {"first": "second", "second": "first"}
"""What an answer is when the two change places; a tie and both bad stay."""


class Labels:
    """Counts answers as the file has them; sides a and b are given by hash later and know nothing of them."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self._labellers: set[int] = set()
        self._all_ties, self._cycles = Rows(), Rows()
        self._several = self._compared = 0
        self._pairs, self._said, self._rows = Digests(), Digests(), array("Q")

    def take(self, number: int, row: ParsedRow) -> None:
        """Its comparisons; a pair's answer is kept as the digest of what was preferred."""
        prompt = str(prompt_digest(row)) if row.comparisons else ""
        for comparison in row.comparisons:
            self.answers[comparison.answer] += 1
            if comparison.labeller and len(self._labellers) < 1_000_000:
                self._labellers.add(digest(comparison.labeller))
            one, other = (row.responses[n].text for n in (comparison.first, comparison.second))
            self._pairs.add(digest(prompt, *sorted((one, other))))
            word = {"first": one, "second": other}.get(comparison.answer)
            self._said.add(digest("tie", comparison.answer) if word is None else digest("text", word))
            self._rows.append(number)
        if len(row.comparisons) > 1 and len(settled := majorities(row.comparisons)) > 1:
            self._several += 1
            if all(answer == "tie" for answer in settled.values()):
                self._all_ties.add(number)
            if cyclic(settled):
                self._cycles.add(number)

    def findings(self) -> list[Finding]:
        """Answers, ties, sides, disagreement, prompts that are ties throughout, circles."""
        n = sum(self.answers.values())
        said = ", ".join(f"{k:,} × {answer.replace('_', ' ')}" for answer, k in self.answers.most_common())
        ties = self.answers["tie"]
        found = [
            Finding("answers", "recorded answers", "ok" if n else "note", n, n, "answers",
                    f"{said}{f', by {len(self._labellers):,} labellers' if self._labellers else ''}."
                    if n else "None: they are to be asked for."),
            Finding("ties", "ties", "note" if ties else "ok", ties, n, "answers",
                    "Kept as ties; they count as labels and do not train." if ties else "None."),
            self._sides(),
            self._disagreement(),
        ]  # fmt: skip
        if self._several:
            found += [
                _of_rows("all_ties", "prompts with nothing but ties", self._all_ties, self._several,
                         "Nothing can be learnt from them by a choice between two."),
                _of_rows("cycles", "answers in a circle", self._cycles, self._several,
                         "One response beats a second, that a third, and the third the first."),
            ]  # fmt: skip
        return found

    def _sides(self) -> Finding:
        """Whether the order in the file gives the answer away."""
        first, second = self.answers["first"], self.answers["second"]
        strict = first + second
        words = f"{first:,} × the first, {second:,} × the second of the file."
        if not strict:
            return Finding("sides", "answers by side", "ok", 0, 0, "answers", "No answer names a side.")
        share = max(first, second) / strict
        side = "first" if first >= second else "second"
        if share == 1:
            words = (
                f"The {side} of the file always wins: its order is the answer, as where chosen stands before rejected. "
                "Sides are given anew by hash, so that nothing can learn from it."
            )
            return Finding("sides", "answers by side", "note", first, strict, "answers", words)
        if share >= LOPSIDED and strict >= FEWEST:
            words += " The order tells much of the answer; sides are given anew by hash."
            return Finding("sides", "answers by side", "note", first, strict, "answers", words)
        return Finding("sides", "answers by side", "ok", first, strict, "answers", words)

    def _disagreement(self) -> Finding:
        """Pairs that were answered more than once, and of them those with different answers."""
        pairs, said, rows = self._pairs.all(), self._said.all(), np.frombuffer(self._rows, dtype=np.uint64)
        order = np.lexsort((said, pairs))
        same = pairs[order][1:] == pairs[order][:-1]
        other = same & (said[order][1:] != said[order][:-1])
        several = int((np.unique(pairs, return_counts=True)[1] > 1).sum()) if len(pairs) else 0
        differ = np.unique(pairs[order][1:][other])
        words = f"{several:,} pairs have several answers" if several else "No pair has several answers."
        if several:
            words += "; they agree on all." if not len(differ) else "; the majority decides, an even vote is a tie."
        where = rows[order][1:][other]
        listed = tuple((int(row), "") for row in np.sort(where)[:LISTED])
        return Finding(
            "disagreement", "pairs answered differently", "note" if len(differ) else "ok",
            len(differ), several, "pairs with several answers", words, listed,
        )  # fmt: skip


def majorities(comparisons: Sequence[ParsedComparison]) -> dict[tuple[int, int], Recorded]:
    """Places of two responses, the smaller first → the answer that most gave about them; an even vote is a tie."""
    votes: dict[tuple[int, int], Counter[Recorded]] = {}
    for c in comparisons:
        pair, answer = (c.first, c.second), c.answer
        if c.first > c.second:
            pair, answer = (c.second, c.first), TURNED.get(answer, answer)
        votes.setdefault(pair, Counter())[answer] += 1
    found: dict[tuple[int, int], Recorded] = {}
    for pair, counts in votes.items():
        (most, n), *others = counts.most_common(2)
        found[pair] = "tie" if others and others[0][1] == n else most
    return found


def cyclic(settled: Mapping[tuple[int, int], Recorded]) -> bool:
    """Whether the strict answers, one a pair, go round: then no order of the responses agrees with all of them."""
    beats: dict[int, set[int]] = {}
    for (first, second), answer in settled.items():
        if answer in ("first", "second"):
            better, worse = (first, second) if answer == "first" else (second, first)
            beats.setdefault(better, set()).add(worse)
    while beats:  # take away who beats nobody that is left, until nothing is left or everybody beats somebody
        out = [who for who, losers in beats.items() if not losers & beats.keys()]
        if not out:
            return True
        for who in out:
            del beats[who]
    return False


def _of_rows(name: str, title: str, rows: Rows, of: int, words: str) -> Finding:
    return Finding(
        name, title, "note" if rows.n else "ok", rows.n, of, "rows with several pairs",
        words if rows.n else "None.", rows.listed(),
    )  # fmt: skip
