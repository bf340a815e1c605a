"""What a figure is called on screen, and which way is better. The names are those that the engine measures."""

from dataclasses import dataclass
from typing import Literal

from workbench.wording import plain


@dataclass(frozen=True)
class Words:
    """`title` names the figure, `of` what it is a mean of, `better` which way is better, `trap` what misleads."""

    title: str
    of: str = "items"
    better: Literal["higher", "lower", ""] = ""
    trap: str = ""


KNOWN: dict[str, Words] = {
    "accuracy": Words(
        "held-out accuracy", "held-out pairs", "higher", "Where bands overlap, the picture settles nothing."
    ),
    "nll": Words("held-out NLL", "held-out pairs", "lower", "A few surely wrong pairs raise it most."),
    "margin": Words("held-out margin", "held-out pairs", "higher", "Longer training alone makes it grow."),
    "win_rate": Words("win rate against the SFT model", "prompts", "higher", "A tie counts as a half."),
    "win_rate_ties": Words("ties with the SFT model", "prompts"),
    "gold_reward": Words("gold score of generations", "prompts", "higher"),
    "gold_reward_sft": Words("gold score of the SFT model", "prompts"),
    "kl": Words("KL to the reference", "prompts", "", "Distance from the reference is no gain by itself."),
    "length": Words("length of generations", "prompts", "", "Longer ones can win without being better."),
    "unended": Words("generations cut at the length limit", "prompts", "lower"),
    "perplexity": Words("perplexity on held-out text", "tokens", "lower", "A rise says that general language is lost."),
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
