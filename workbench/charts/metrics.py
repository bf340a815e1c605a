"""What a figure is called on screen, and which way is better. The names are those that the engine measures."""

from dataclasses import dataclass
from typing import Literal

from workbench.wording import plain


@dataclass(frozen=True)
class Words:
    """`title` names the figure, `better` says which way, `trap` the one thing that misleads its reader."""

    title: str
    better: Literal["higher", "lower", ""] = ""
    trap: str = ""


KNOWN: dict[str, Words] = {
    "accuracy": Words(
        "held-out accuracy", "higher", "Where bands overlap, the picture alone does not show a difference."
    ),
    "nll": Words("held-out NLL", "lower", "It also rises when the policy is sure and wrong in a few pairs."),
    "margin": Words("held-out margin", "higher", "It grows with longer training, without more pairs being right."),
    "win_rate": Words("win rate against the SFT model", "higher", "A tie counts as a half."),
    "win_rate_ties": Words("ties with the SFT model"),
    "gold_reward": Words("gold score of generations", "higher", "It is the score that the answers were drawn from."),
    "gold_reward_sft": Words("gold score of the SFT model's generations"),
    "kl": Words("KL to the reference", "", "Further from the reference is no gain by itself."),
    "length": Words("length of generations", "", "Longer generations can win without being better."),
    "unended": Words("generations that hit the length limit", "lower"),
    "perplexity": Words("perplexity on held-out text", "lower", "A rise says that general language is being lost."),
}
"""Metric name → words, in the order in which they are offered."""


def words_of(name: str) -> Words:
    """The words of a metric; one that is not known here is called by its own name."""
    return KNOWN.get(name) or Words(plain(name))


def in_order(names: list[str]) -> list[str]:
    """The metrics in the order of `KNOWN`, then the others by name."""
    place = {name: n for n, name in enumerate(KNOWN)}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))


def set_title(split: str) -> str:
    """A held-out set's name as words: "pool_like" → "pool like"; "" for figures that belong to no set."""
    return plain(split)
