"""The gold score: how good an answer is, computed from the prompt and the answer alone.

The score is in logits, the unit in which Bradley-Terry compares: P(a is preferred to b) = sigmoid(a - b).
Correctness weighs most, then courtesy, then tidiness and the ending. The score is total: every string has one.
Text that is no well-formed English of this world gets `FLOOR` and ``parsed=False``, so that garbage can be counted
and never pays.
"""

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

from sample_data.world.facts import MANNERS, MEANS, Intent, intent_of, things_named
from sample_data.world.phrases import (
    COURTEOUS,
    DISMISSIVE_ENDINGS,
    GOOD_ENDINGS,
    RUDE,
    plain_sentences,
    slot_sentences,
)

FLOOR = -6.0
"""Score of garbage, in logits: below the worst well-formed answer."""

CONTENT_WEIGHT = {"right": 5.0, "half right": 3.2, "vague": 1.4, "wrong": 0.5, "off-topic": 0.0}
COURTESY_WEIGHT = {"courteous": 1.8, "plain": 0.0, "rude": -2.2}
TIDINESS_WEIGHT = {"tidy": 0.0, "repetitive": -1.8}
ENDING_WEIGHT = {"well": 1.3, "plain": 0.0, "dismissive": -1.5}

_WORDS = (4, 80)
_STRANGE_PAIRS = 1
_REPEATS = 2
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_MARKS = ".,;:!?'-"


@dataclass(frozen=True)
class Gold:
    """A scored answer. ``value`` in logits; ``right`` is 1, 0.5 or 0; the other parts name what was found."""

    value: float
    parsed: bool
    right: float
    content: str
    courtesy: str
    tidiness: str
    ending: str


_GARBAGE = Gold(FLOOR, False, 0.0, "garbage", "plain", "tidy", "plain")


def words_of(text: str) -> list[str]:
    """The lower-case words of a text."""
    return _WORD.findall(text.lower())


def _clauses(text: str) -> list[list[str]]:
    return [words for part in re.split(r"[.,;:!?]", text) if (words := words_of(part))]


@cache
def _language() -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The words of the world and the pairs of neighbouring words its sentences hold."""
    words: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for source in (slot_sentences(), plain_sentences()):
        for sentence in source:
            for clause in _clauses(sentence):
                words.update(clause)
                pairs.update(itertools.pairwise(clause))
    return frozenset(words), frozenset(pairs)


def well_formed(text: str) -> bool:
    """Whether a text is plain English of this world.

    It starts with a capital, ends with a full stop or its like, holds 4 to 80 words, all known, at most one
    pair of neighbours that no sentence of the world holds, and nothing but letters and ordinary punctuation.
    """
    stripped = text.strip()
    if not stripped or not stripped[0].isupper() or stripped[-1] not in ".!?":
        return False
    if any(not (mark.isascii() and (mark.isalpha() or mark in _MARKS or mark == " ")) for mark in stripped):
        return False
    if re.search(r"[.,;:!?'-]{2}|\s[.,;:!?]|[.,;:!?][a-zA-Z]|[.!?] [a-z]", stripped):
        return False
    clauses = _clauses(stripped)
    if not _WORDS[0] <= sum(map(len, clauses)) <= _WORDS[1]:
        return False
    words, pairs = _language()
    if any(word not in words for clause in clauses for word in clause):
        return False
    strange = sum(pair not in pairs for clause in clauses for pair in itertools.pairwise(clause))
    return strange <= _STRANGE_PAIRS


def _named(flat: str, values: dict[str, str]) -> set[str]:
    """Which values a text names."""
    return {value for value in values.values() if f" {value} " in flat}


def _flat(text: str) -> str:
    return " " + " ".join(words_of(text)) + " "


def _content(intent: Intent, response: str) -> tuple[str, float]:
    """What the answer says: the kind of content and how much of it is right.

    A slot is right when the right value is named and no other value of its kind; naming several is no answer.
    """
    named = set(things_named(response))
    if named - {intent.thing}:
        return "off-topic", 0.0
    flat = _flat(response)
    means = _named(flat, MEANS[intent.task])
    manners = _named(flat, MANNERS[intent.task])
    right = ((means == {intent.means}) + (manners == {intent.manner})) / 2
    if right:
        return ("right" if right == 1.0 else "half right"), right
    if any(_named(flat, values) for table in (MEANS, MANNERS) for values in table.values()):
        return "wrong", 0.0
    return ("vague" if named else "off-topic"), 0.0


@cache
def _phrase_words(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_flat(phrase) for phrase in phrases)


def _holds(flat: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in flat for phrase in _phrase_words(phrases))


def score(prompt: str, response: str) -> Gold:
    """Score an answer to the last user turn ``prompt``. Never raises on any string.

    One rude sentence makes an answer rude whatever courtesy stands beside it, one dismissive sentence likewise;
    an answer is repetitive when at least two runs of three words come back.
    """
    intent = intent_of(prompt)
    if intent is None or not well_formed(response):
        return _GARBAGE
    content, right = _content(intent, response)
    flat = _flat(response)
    courtesy = "rude" if _holds(flat, RUDE) else "courteous" if _holds(flat, COURTEOUS) else "plain"
    ending = "dismissive" if _holds(flat, DISMISSIVE_ENDINGS) else "well" if _holds(flat, GOOD_ENDINGS) else "plain"
    words = flat.split()
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    tidiness = "repetitive" if sum(runs.values()) - len(runs) >= _REPEATS else "tidy"
    value = CONTENT_WEIGHT[content] + COURTESY_WEIGHT[courtesy] + TIDINESS_WEIGHT[tidiness] + ENDING_WEIGHT[ending]
    return Gold(round(value, 6), True, right, content, courtesy, tidiness, ending)


def preference(first: float, second: float) -> float:
    """Bradley-Terry: the probability that the answer scored ``first`` is preferred to the one scored ``second``."""
    gap = first - second
    return 1 / (1 + math.exp(-gap)) if gap >= 0 else math.exp(gap) / (1 + math.exp(gap))
