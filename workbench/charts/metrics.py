"""What a figure is called on screen, and which way is better. The names are those that the engine measures."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from workbench.wording import integer, plain


@dataclass(frozen=True)
class Words:
    """`title` names the figure, `of` what it is a mean of, `better` which way is better, `trap` what misleads.

    `what` says in a sentence how it is measured, `unit` is the unit that the engine writes beside it.
    """

    title: str
    of: str = "items"
    better: Literal["higher", "lower", ""] = ""
    trap: str = ""
    what: str = ""
    unit: str = ""

    @property
    def heading(self) -> str:
        """The title where it stands first."""
        return f"{self.title[:1].upper()}{self.title[1:]}"


KNOWN: dict[str, Words] = {
    "accuracy": Words(
        "held-out accuracy", "held-out pairs", "higher", "Where bands overlap, the picture settles nothing.",
        "Pairs whose margin has the label's sign; an exact tie counts as a half.", "share of pairs",
    ),
    "nll": Words(
        "held-out NLL", "held-out pairs", "lower", "A few surely wrong pairs raise it most.",
        "Mean of −log σ(margin towards the chosen response).", "nats per pair",
    ),
    "margin": Words(
        "held-out margin", "held-out pairs", "higher", "Longer training alone makes it grow.",
        "Mean implicit reward of the chosen response minus that of the rejected one.", "reward units",
    ),
    "win_rate": Words(
        "win rate against the SFT model", "prompts", "higher", "A tie counts as a half.",
        "Prompts on which the evaluator scores the policy's greedy response above the SFT model's.", "share of prompts",
    ),
    "win_rate_ties": Words(
        "ties with the SFT model", "prompts",
        what="Prompts on which both greedy responses get the same score.", unit="share of prompts",
    ),
    "win_rate_unsaid": Words(
        "prompts without a verdict", "prompts",
        what="Prompts of which the evaluator said nothing that can be used, or which it could not read whole; the win "
        "rate is of the others.", unit="share of prompts",
    ),
    "judge_consistency": Words(
        "consistency of the evaluator", "prompts", "higher",
        what="Prompts on which its two orders gave the same verdict.", unit="share of prompts",
    ),
    "judge_first_slot": Words(
        "evaluator's first slot", "prompts", "", "Half is no bias.",
        "Verdicts for a side that took the response shown first.", "share of verdicts",
    ),
    "judge_refused": Words(
        "refused by the evaluator", "prompts", "lower",
        what="Prompts on which one of its answers could not be used.", unit="share of prompts",
    ),
    "judge_tokens": Words("tokens of the evaluator", "prompts", unit="tokens",
                          what="Tokens that it read and wrote for this round; answers kept from before are free."),
    "judge_cost": Words("cost of the evaluator", "prompts", what="The same at the prices of the config.", unit="cost"),
    "win_rate_length_controlled": Words(
        "length-controlled win rate", "prompts", "higher", "A model holds lengths equal, not nature.",
        "The win rate at equal length, by a logistic model of win on the difference in tokens.", "share of prompts",
    ),
    "gold_reward": Words(
        "mean reward of generations", "prompts", "higher",
        what="Mean score that the evaluator, a reward model or the gold score, gives the policy's greedy responses.",
        unit="score of the evaluator",
    ),
    "gold_reward_sft": Words(
        "mean reward of the SFT model", "prompts",
        what="The same of the SFT model's greedy responses: what the policy is measured against.",
        unit="score of the evaluator",
    ),
    "kl": Words(
        "KL to the reference", "prompts", "", "Distance from the reference is no gain by itself.",
        "Full-vocabulary KL of policy to reference, summed along responses that the policy draws at T = 1.",
        "nats per response",
    ),
    "length": Words(
        "length of generations", "prompts", "", "Longer ones can win without being better.",
        "Mean length of the policy's greedy responses.", "tokens per response",
    ),
    "length_sft": Words(
        "length of the SFT model's generations", "prompts",
        what="The same of the SFT model's greedy responses: what the policy is measured against.",
        unit="tokens per response",
    ),
    "unended": Words(
        "generations cut at the length limit", "prompts", "lower",
        what="Greedy responses that reach the longest length before they end.", unit="share of responses",
    ),
    "repetition": Words(
        "repetition in generations", "prompts", "lower", "A rise says that the policy writes in loops.",
        "Share of a response's word triples that it has used before, mean over prompts.", "share of 3-grams",
    ),
    "repetition_sft": Words(
        "repetition of the SFT model", "prompts",
        what="The same of the SFT model's greedy responses: what the policy is measured against.",
        unit="share of 3-grams",
    ),
    "perplexity": Words(
        "perplexity on held-out text", "tokens", "lower", "A rise says that general language is lost.",
        "exp of the mean negative log-likelihood per token of a plain text, a passage a line.", "per token",
    ),
    "perplexity_reference": Words(
        "perplexity of the SFT model", "tokens",
        what="The same of the SFT model: what the policy is measured against.", unit="per token",
    ),
}  # fmt: skip
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


def covers(words: Words, split: str, frame: pd.DataFrame) -> str:
    """What a figure is of: the held-out set, and how many items a seed and round; `frame` as in `levels`."""
    return " · ".join(filter(None, [set_title(split), f"{integer(frame['n'].max())} {words.of} a seed and round"]))
