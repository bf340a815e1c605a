"""What several strategies read off an ensemble of rewards: differences of a pair, their spread, one pair a prompt."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.data.pool import PoolView
from engine.records import Pair
from engine.selection.recipes import Recipe, Scores, TwoStage
from engine.selection.terms import Term

ENSEMBLE = "reward_ensemble"
Prompts = Literal["drawn", "ranked"]
PROMPTS = "which prompts are asked about: any, by a seeded draw, or those whose best pair has the highest score"


def gaps(view: PoolView) -> np.ndarray:
    """z_k(a) − z_k(b) of each pair under each of K members, (n, K) float64 in reward units."""
    a, b = (side.astype(np.float64) for side in view.sides(ENSEMBLE))
    return a - b


def chance(gap: np.ndarray) -> np.ndarray:
    """σ(gap), the chance that side a is preferred; exact in both tails, and no number where the gap is not finite."""
    return np.where(np.isfinite(gap), np.exp(-np.logaddexp(0.0, -gap)), np.nan)


def disagreement(gap: np.ndarray) -> np.ndarray:
    """BALD of each row of (n, K): entropy of the mean chance minus the mean entropy of the chances, (n,) nats ≥ 0.

    Houlsby et al. 2011, arXiv:1112.5745, eq. 2, of the answer a or b.
    """
    of_mean, mean = entropies(gap)
    array: np.ndarray = np.maximum(of_mean - mean, 0.0)
    return array


def entropies(gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row of (n, K): the entropy of the mean chance, and the mean entropy of the chances, each (n,) in nats."""
    p, q = chance(gap), chance(-gap)
    of_mean = _surprise(p.mean(axis=1)) + _surprise(q.mean(axis=1))
    return of_mean, (_surprise(p) + _surprise(q)).mean(axis=1)


def doubts(gap: np.ndarray) -> tuple[Term, Term]:
    """The two terms of `disagreement`: all doubt about the answer, and what of it no label settles."""
    whole, noise = entropies(gap)
    return (
        Term("entropy of the members' mean answer", "H[p̄]", whole, "nats"),
        Term("mean entropy of a member's answer", "mean H[pₖ]", noise, "nats"),
    )


def _surprise(p: np.ndarray) -> np.ndarray:
    """−p log p, 0 at 0."""
    return -p * np.log(np.where(p == 0, 1.0, p))


def variance(values: np.ndarray) -> np.ndarray:
    """Sample variance (K − 1) over the members, (n,); of (n, K)."""
    array: np.ndarray = values.var(axis=1, ddof=1)
    return array


def means_and_spreads(view: PoolView, mean: str) -> tuple[Term, Term, Term, Term]:
    """Mean and sample standard deviation of either response's reward; `mean` is the symbol of a mean."""
    a, b = (side.astype(np.float64) for side in view.sides(ENSEMBLE))
    return (
        Term("mean reward of A", f"{mean}₁", a.mean(axis=1), "reward units"),
        Term("mean reward of B", f"{mean}₂", b.mean(axis=1), "reward units"),
        Term("spread of A's reward", "s₁", np.sqrt(variance(a)), "reward units"),
        Term("spread of B's reward", "s₂", np.sqrt(variance(b)), "reward units"),
    )


def one_a_prompt(view: PoolView, scores: np.ndarray, prompts: Prompts) -> Recipe:
    """The pair of highest score of each prompt; of prompts drawn, or of those where that score is highest."""
    if prompts == "ranked":
        return Scores(scores, per_prompt=True)
    return TwoStage(np.zeros(len(view)), scores, keep_prompts=view.k, per_prompt=True)


@dataclass(frozen=True)
class Duel:
    """A prompt's candidates: its pairs as rows of the view, and the rewards (m, K) of their responses, in id order."""

    prompt_id: str
    rows: tuple[int, ...]
    pairs: tuple[Pair, ...]
    responses: tuple[str, ...]
    rewards: np.ndarray

    def between(self, one: str, other: str) -> int | None:
        """The row of the pair of these two, None if it is not a candidate."""
        wanted = {one, other}
        return next((row for row, p in zip(self.rows, self.pairs, strict=True) if {p.a, p.b} == wanted), None)

    def partners(self, one: str) -> list[str]:
        """The responses that a candidate pair sets against this one, in id order."""
        return sorted(p.b if p.a == one else p.a for p in self.pairs if one in (p.a, p.b))


def duels(view: PoolView) -> Iterator[Duel]:
    """Prompt by prompt, in id order; a prompt's pairs in the order of their ids."""
    a, b = (side.astype(np.float64) for side in view.sides(ENSEMBLE))
    rows_of: dict[str, list[int]] = {}
    for row in sorted(range(len(view)), key=lambda row: view.ids[row]):
        rows_of.setdefault(view.prompt_ids[row], []).append(row)
    for prompt_id in sorted(rows_of):
        rows = rows_of[prompt_id]
        rewards = {view.pairs[row].a: a[row] for row in rows} | {view.pairs[row].b: b[row] for row in rows}
        names = tuple(sorted(rewards))
        pairs = tuple(view.pairs[row] for row in rows)
        yield Duel(prompt_id, tuple(rows), pairs, names, np.array([rewards[name] for name in names]))
