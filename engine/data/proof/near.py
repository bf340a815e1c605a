"""Near-duplicate prompts by MinHash, and the groups that they form. Linear in the number of prompts.

A prompt is the set of its runs of three words; two are near when the Jaccard similarity of their sets, as their
signatures estimate it, is at least the threshold (Broder 1997; banding: Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, section 3.4).
"""

import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from engine.data.formats.base import ParsedRow
from engine.data.proof.digests import conversation, plain, prompt_digest
from engine.data.proof.finding import LISTED, Finding
from engine.records import Prompt

THRESHOLD = 0.8
"""Jaccard similarity from which on two prompts are near."""
PERMUTATIONS = 128
"""Numbers of a signature; the estimate of a similarity of 0.8 has a standard error of 0.035."""
BAND = 5
"""Numbers of a band; of two prompts at 0.8 one of the 25 bands agrees with a chance of 0.99995."""
SHINGLE = 3
SMALL = 16
"""Prompts of a bucket up to which all are compared with all."""
HEADS = 8
"""Of a larger one, the prompts with which the others are compared; what is near one of them is not compared again."""
BLOCK = 500
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def shingles(text: str) -> set[str]:
    """Runs of three words in plain form; writing without blanks (Chinese, Japanese, Korean) counts each character."""
    words = _WORD.findall(plain(text)) or [plain(text)]
    return {" ".join(words[n : n + SHINGLE]) for n in range(max(len(words) - SHINGLE + 1, 1))}


def signature(text: str) -> np.ndarray:
    """uint32 (PERMUTATIONS,)."""
    hashed = _fresh().copy()
    hashed.update_batch([part.encode("utf-8", "surrogatepass") for part in shingles(text)])
    return np.asarray(hashed.hashvalues, dtype=np.uint32)


@cache
def _fresh() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, seed=1)


def groups(signatures: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """The group of each row, int64 (n,): the number of its first row. Groups are chains of near prompts.

    signatures: uint32 (n, PERMUTATIONS). Only rows with an equal band are compared, and in each bucket of them with a
    bounded number, so that the time is linear in n.
    """
    n = len(signatures)
    parent = np.arange(n)

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = int(parent[item])
        return item

    for start in range(0, signatures.shape[1] - BAND + 1, BAND):
        for bucket in _buckets(signatures[:, start : start + BAND]):
            left, small = bucket, len(bucket) <= SMALL
            for _ in range(SMALL if small else HEADS):
                head, left = int(left[0]), left[1:]
                near = (signatures[left] == signatures[head]).mean(axis=1) >= threshold
                for other in left[near]:
                    one, two = sorted((root(head), root(int(other))))
                    parent[two] = one
                left = left if small else left[~near]
                if len(left) < 2:
                    break
    return np.array([root(item) for item in range(n)], dtype=np.int64)


def _buckets(band: np.ndarray) -> Iterable[np.ndarray]:
    """Rows with the same numbers, two at least, each bucket in rising order."""
    packed = np.ascontiguousarray(band).view(np.dtype((np.void, band.dtype.itemsize * band.shape[1]))).ravel()
    order = np.argsort(packed, kind="stable")
    same = np.concatenate([[False], packed[order][1:] == packed[order][:-1], [False]])
    starts = np.flatnonzero(~same[:-1] & same[1:])
    ends = np.flatnonzero(same[:-1] & ~same[1:])
    return (order[start : end + 1] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))


def near_prompts(
    prompts: Mapping[str, Prompt], threshold: float = THRESHOLD, say: Callable[[str], None] | None = None
) -> dict[str, str]:
    """Prompt id → the smallest id of its group. Which prompts there are decides, not their order."""
    ids = sorted(prompts)
    found = np.zeros((len(ids), PERMUTATIONS), dtype=np.uint32)
    for n, prompt_id in enumerate(ids):
        if say is not None and n % BLOCK == 0:
            say(f"comparing prompts, {n:,} of {len(ids):,}")
        found[n] = signature("\n".join(message.content for message in prompts[prompt_id].messages))
    return {ids[n]: ids[group] for n, group in enumerate(groups(found, threshold).tolist())} if ids else {}


class NearDuplicates:
    """A check in a stage of its own: a signature a distinct prompt (512 bytes), no text."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._seen: set[int] = set()
        self._signatures, self._numbers = array("I"), array("Q")

    def take(self, number: int, row: ParsedRow) -> None:
        """The row's prompt, if it is new."""
        key = prompt_digest(row)
        if key not in self._seen:
            self._seen.add(key)
            self._numbers.append(number)
            self._signatures.frombytes(signature(conversation(row)).tobytes())

    def findings(self) -> list[Finding]:
        """How many prompts are near another one, in how many groups."""
        n = len(self._numbers)
        if not n:
            return [Finding("near_duplicates", "near-duplicate prompts", "ok", 0, 0, "prompts", "None.")]
        found = groups(np.frombuffer(self._signatures, dtype=np.uint32).reshape(n, PERMUTATIONS), self._threshold)
        sizes = np.bincount(found, minlength=n)  # of a group at the place of its first prompt
        near = np.flatnonzero(sizes[found] > 1)
        rows = []
        for place in near[:LISTED].tolist():
            head = int(found[place])
            words = "first of its group" if place == head else f"near row {self._numbers[head]:,}"
            rows.append((self._numbers[place], words))
        several = int((sizes > 1).sum())
        which = "group" if several == 1 else "groups"
        words = (
            f"In {several:,} {which} of up to {int(sizes.max()):,}; alike in their three-word runs (Jaccard similarity "
            f"from {self._threshold:g} on, estimated). Keep each group on one side of a split."
        )
        k = len(near)
        return [
            Finding("near_duplicates", "near-duplicate prompts", "warn" if k else "ok", k, n, "prompts",
                    words if k else "None.", tuple(rows))
        ]  # fmt: skip


def jaccard(one: str, other: str) -> float:
    """The similarity itself, from the texts."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)
