"""The writer: prompts, answers of every quality, recorded labels, and whole sets of rows, under a few dials.

Everything is drawn from ``random.Random`` seeded with a string that names world, split and index, so that the same
dials give the same bytes and no row depends on another but through the prompts already taken.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from sample_data.world import phrases
from sample_data.world.facts import MANNERS, MEANS, Intent, intent_of, intents
from sample_data.world.gold import preference, score

Row = dict[str, Any]
"""A JSON row in the ``multi_response`` format."""


@dataclass(frozen=True)
class Dials:
    """What can be turned. All shares lie between 0 and 1."""

    zipf: float = 0.0
    """Skew of topics: the topic of rank r is drawn in proportion to r ** -zipf; 0 is uniform."""
    near_duplicates: float = 0.0
    """Share of prompts that repeat an earlier prompt of the split with a slip of the finger or another mark."""
    label_noise: float = 0.0
    """Share of labels that are tosses of a coin, on top of the noise Bradley-Terry brings."""
    shift: float = 0.0
    """Share of the held-out prompts whose topics come from another ranking than the pool's."""
    slips: float = 0.08
    """Share of fresh prompts with a slip of the finger."""


SKEWED = Dials(zipf=1.0, near_duplicates=0.2, shift=0.2)
FLAT = Dials()

# The mix of contents: for topics people get right, and for topics with a popular mistake.
_EASY = {"right": 0.54, "half right": 0.17, "wrong": 0.09, "vague": 0.12, "off-topic": 0.08}
_HARD = {"right": 0.08, "half right": 0.26, "wrong": 0.46, "vague": 0.12, "off-topic": 0.08}
_HARD_SHARE = 0.65
_POPULAR = 0.85
_COURTESY = {"courteous": 0.30, "plain": 0.42, "rude": 0.28}
_ENDING = {"well": 0.32, "plain": 0.38, "dismissive": 0.30}
_REPETITIVE = 0.22
_ASIDE = 0.25
_DROPPED_SLOT = 0.3
_OTHER_THING = 0.6


def _draw(rng: random.Random, weights: dict[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


@cache
def _mistake(intent: Intent) -> tuple[bool, str, str]:
    """Whether a topic has a popular mistake, and the wrong means and manner people name most often."""
    rng = random.Random(f"mistake:{intent.topic}")
    means = [value for value in MEANS[intent.task].values() if value != intent.means]
    manners = [value for value in MANNERS[intent.task].values() if value != intent.manner]
    return rng.random() < _HARD_SHARE, rng.choice(means), rng.choice(manners)


def _wrong(rng: random.Random, popular: str, values: Sequence[str], right: str) -> str:
    if rng.random() < _POPULAR:
        return popular
    return rng.choice([value for value in values if value != right])


def _slots(rng: random.Random, intent: Intent, content: str) -> tuple[str, str]:
    """Means and manner for a content; an empty manner is one left out."""
    _, means, manner = _mistake(intent)
    wrong_means = _wrong(rng, means, list(MEANS[intent.task].values()), intent.means)
    wrong_manner = _wrong(rng, manner, list(MANNERS[intent.task].values()), intent.manner)
    if content == "right":
        return intent.means, intent.manner
    if content == "wrong":
        return wrong_means, wrong_manner
    if rng.random() < _DROPPED_SLOT:
        return intent.means, ""
    return (intent.means, wrong_manner) if rng.random() < 0.5 else (wrong_means, intent.manner)


def answer(rng: random.Random, intent: Intent) -> str:
    """One answer to a prompt of ``intent``, its content, courtesy, tidiness and ending drawn independently."""
    content = _draw(rng, _HARD if _mistake(intent)[0] else _EASY)
    about = intent
    if content == "off-topic" and rng.random() < _OTHER_THING:
        others = [other for other in intents() if other.task == intent.task and other.thing != intent.thing]
        about, content = rng.choice(others), "right"
    echo = ""
    if content == "off-topic":
        body = echo = rng.choice(phrases.OFF_TOPIC)
    elif content == "vague":
        body = echo = rng.choice(phrases.VAGUE).format(thing=about.thing)
    else:
        means, manner = _slots(rng, about, content)
        body = rng.choice(phrases.BODIES[about.task]).format(thing=about.thing, means=means)
        body += rng.choice(phrases.MANNER_JOINS).format(manner=manner) if manner else "."
        echo = rng.choice(phrases.ECHOES).format(means=means)
    courtesy, ending = _draw(rng, _COURTESY), _draw(rng, _ENDING)
    parts = [
        rng.choice(phrases.COURTEOUS) if courtesy == "courteous" else "",
        rng.choice(phrases.RUDE) if courtesy == "rude" else "",
        body,
        echo if rng.random() < _REPETITIVE else "",
        rng.choice(phrases.ASIDES).format(n=rng.choice(phrases.MINUTES)) if rng.random() < _ASIDE else "",
        rng.choice(phrases.GOOD_ENDINGS) if ending == "well" else "",
        rng.choice(phrases.DISMISSIVE_ENDINGS) if ending == "dismissive" else "",
    ]
    return " ".join(part for part in parts if part)


def _slip(rng: random.Random, text: str) -> str:
    """The text with one slip: a misspelt word, a lower-case start, or another mark at the end."""
    words = [word for word in phrases.SLIPS if word in text]
    ways = ["lower", "mark"] + ["word"] * (3 if words else 0)
    way = rng.choice(ways)
    if way == "word":
        word = rng.choice(words)
        return text.replace(word, phrases.SLIPS[word], 1)
    if way == "lower":
        return text[0].lower() + text[1:]
    bare = text.rstrip("?.!")
    return bare + rng.choice([mark for mark in ("", "", "!", "??", "...") if bare + mark != text])


def prompt_for(rng: random.Random, intent: Intent, slips: float) -> str:
    """One question about ``intent``."""
    determiner = rng.choice(phrases.DETERMINERS)
    if determiner == "a" and intent.thing[0] in "aeiou":
        determiner = "an"
    question = rng.choice(phrases.QUESTIONS[intent.task]).format(it=f"{determiner} {intent.thing}")
    text = rng.choice(phrases.GREETINGS) + question + rng.choice(phrases.CLOSINGS)
    return _slip(rng, text) if rng.random() < slips else text


def prompt_key(text: str) -> str:
    """What makes two prompts the same across splits: the letters alone."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def ranking(world: str, name: str) -> list[Intent]:
    """The topics of a world in order of popularity."""
    order = list(intents())
    random.Random(f"{world}:ranking:{name}").shuffle(order)
    return order


def topics(world: str, split: str, count: int, dials: Dials, shifted: bool) -> list[Intent]:
    """``count`` topics drawn by the dials; ``shifted`` sets draw a share of them from another ranking."""
    rng = random.Random(f"{world}:{split}:topics")
    home, away = ranking(world, "home"), ranking(world, "away")
    weights = [(rank + 1) ** -dials.zipf for rank in range(len(home))]
    return [rng.choices(away if shifted and rng.random() < dials.shift else home, weights)[0] for _ in range(count)]


def balanced_topics(world: str, split: str, count: int) -> list[Intent]:
    """``count`` topics, every topic equally often but for a remainder that is spread evenly over things and tasks."""
    order = list(intents())
    whole, rest = divmod(count, len(order))
    remainder = [order[(index % 50) * 5 + (index % 50 + 2 * (index // 50)) % 5] for index in range(rest)]
    chosen = order * whole + remainder
    random.Random(f"{world}:{split}:order").shuffle(chosen)
    return chosen


class Prompts:
    """Gives prompts of which no two splits share one; the letters alone are compared."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def fresh(self, seed: str, intent: Intent, slips: float) -> str:
        """A question about ``intent`` that nobody has been given yet."""
        for attempt in range(10_000):
            text = prompt_for(random.Random(f"{seed}:prompt:{attempt}"), intent, slips)
            if prompt_key(text) not in self._taken and intent_of(text) == intent:
                self._taken.add(prompt_key(text))
                return text
        raise RuntimeError(f"No fresh prompt is left for {intent.topic}.")

    def near(self, seed: str, earlier: str, intent: Intent, here: set[str]) -> str | None:
        """A near-duplicate of ``earlier`` that is new to its own split ``here``, or None after a few attempts."""
        for attempt in range(20):
            text = _slip(random.Random(f"{seed}:near:{attempt}"), earlier)
            key = prompt_key(text)
            if (
                text not in here
                and intent_of(text) == intent
                and (key == prompt_key(earlier) or key not in self._taken)
            ):
                self._taken.add(key)
                return text
        return None


def answers(seed: str, intent: Intent, count: int) -> list[str]:
    """``count`` distinct answers to prompts of ``intent``."""
    rng = random.Random(f"{seed}:answers")
    found: dict[str, None] = {}
    while len(found) < count:
        found[answer(rng, intent)] = None
    return list(found)


def label(rng: random.Random, first: float, second: float, noise: float) -> str:
    """A recorded label: Bradley-Terry on two gold scores, or a coin with probability ``noise``."""
    coin, toss = rng.random(), rng.random()
    chance = 0.5 if coin < noise else preference(first, second)
    return "first" if toss < chance else "second"


def rows(world: str, split: str, chosen: Sequence[Intent], responses: int, dials: Dials, prompts: Prompts) -> list[Row]:
    """A split: one row per topic of ``chosen``, a label for every pair of its responses.

    Near-duplicates take the topic of the prompt they repeat, so the skew of topics stays what it was drawn as.
    """
    made: list[Row] = []
    asked: dict[Intent, list[str]] = {}
    here: set[str] = set()
    for index, intent in enumerate(chosen):
        seed = f"{world}:{split}:{index}"
        rng = random.Random(seed)
        earlier = asked.setdefault(intent, [])
        text: str | None = None
        if rng.random() < dials.near_duplicates and earlier:
            text = prompts.near(seed, rng.choice(earlier), intent, here)
        if text is None:
            text = prompts.fresh(seed, intent, dials.slips)
            earlier.append(text)
        here.add(text)
        texts = answers(seed, intent, responses)
        values = [score(text, one).value for one in texts]
        made.append(
            {
                "id": f"{world}-{split}-{index:04d}",
                "prompt": [{"role": "user", "content": text}],
                "topic": intent.topic,
                "responses": [
                    {"text": one, "source": "writer", "score": value} for one, value in zip(texts, values, strict=True)
                ],
                "comparisons": [
                    {"first": a, "second": b, "answer": label(rng, values[a], values[b], dials.label_noise)}
                    for a, b in combinations(range(responses), 2)
                ],
            }
        )
    return made


def note(rng: random.Random, intent: Intent) -> str:
    """A line of plain how-to prose about ``intent``, always right: what the perplexity file is made of."""
    body = rng.choice(phrases.BODIES[intent.task]).format(thing=intent.thing, means=intent.means)
    body += rng.choice(phrases.MANNER_JOINS).format(manner=intent.manner)
    opening = rng.choice(phrases.NOTE_OPENINGS).format(thing=intent.thing)
    aside = rng.choice(phrases.ASIDES).format(n=rng.choice(phrases.MINUTES))
    parts = [opening, body, *rng.sample([aside, rng.choice(phrases.NOTE_CLOSINGS)], rng.choice((1, 2)))]
    return " ".join(parts)
