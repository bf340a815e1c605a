"""AEPO: of a prompt's many responses, two that stand for the rest and yet differ."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Aepo(Strategy):
    """Label, for each prompt, the two responses that are most like the others and least like each other.

    Dissimilar responses are easy to tell apart, but the most dissimilar one is often off the topic. So a response must
    also represent what the policy usually says: its mean likeness to the prompt's other responses counts for it.
    """

    name: ClassVar[str] = "aepo"
    title: ClassVar[str] = "AEPO"
    needs: ClassVar[frozenset[str]] = frozenset({"embedding"})
    source: ClassVar[str] = "Jinnai & Honda 2025, arXiv:2405.13541, at k = 2, and the authors' code"
    formula: ClassVar[str] = (
        r"a = \tfrac{1}{2}\bigl[\rho(y_1) + \rho(y_2)\bigr] - \lambda \cos\bigl(e(y_1), e(y_2)\bigr),\quad "
        r"\rho(y) = \tfrac{1}{N-1} \sum_{y' \neq y} \cos\bigl(e(y), e(y')\bigr)"
    )
    cost: ClassVar[str] = (
        "Two forwards of the embedding model, once in a study, D numbers kept a response; N² cosines a prompt of N "
        "responses. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("representative and diverse responses",)
    open_points: ClassVar[str] = (
        "Read: λ = 1, k = 2, up to 128 responses a prompt, cosines of Sentence-BERT; greedy search with 20 steps of "
        "local search, where two of N are found exactly here. Read (the code): its first look at the objective counts "
        "a response as like itself; not done here. Ours: likeness by the study's `embedding` (a sentence encoder's in "
        "a race as published); responses are the file's, where theirs are drawn; a prompt's best pair before any "
        "prompt's second, prompts by the same score, of which the paper says nothing; with two responses a prompt and "
        "λ = 1 every score is 0. Theirs is one shot, a pair of every prompt, β = 0.1 at 1e-6, and so it "
        "is in a race as published; else rounds and batch are the study's, as epochs are in any."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "all_pairs"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"},
        "signals": [{"name": "embedding", "model": "other", "text": "response"}],
        "dpo": {"beta": 0.1, "learning_rate": 1e-6},
        "rounds": 1,
        "label_share": 1.0,
        "one_per_prompt": True,
        "warm_up": False,
        "prompts_per_round": None,
    }

    diversity: float = Field(
        1.0, ge=0, le=10, description="λ: how much the two responses' likeness counts against them"
    )

    def recipe(self, view: PoolView) -> Recipe:
        """Representativeness minus λ times likeness, cosines."""
        first, second, alike = _likeness(view)
        return Scores((first + second) / 2 - self.diversity * alike, per_prompt=True)

    def terms(self, view: PoolView) -> Terms:
        """How well either response stands for its prompt's others, and how alike the two are."""
        first, second, alike = _likeness(view)
        return Terms(
            (
                Term("how A is like the prompt's others", "ρ₁", first),
                Term("how B is like the prompt's others", "ρ₂", second),
                Term("cosine of both responses", "cos(e₁, e₂)", alike),
            ),
            f"a = ½(ρ₁ + ρ₂) − λ cos(e₁, e₂), λ = {self.diversity:g}",
            lambda one, two, both: (one + two) / 2 - self.diversity * both,
        )


def _likeness(view: PoolView) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ρ of side a and of side b, each the mean cosine to the prompt's other responses, and the cosine of both, (n,)."""
    unit, row = _unit_vectors(view)
    total = {prompt: np.zeros(unit.shape[1]) for prompt in view.prompt_ids}
    count = dict.fromkeys(view.prompt_ids, 0)
    for (prompt, _), n in sorted(row.items()):
        total[prompt] += unit[n]
        count[prompt] += 1
    one = unit[[row[pair.prompt_id, pair.a] for pair in view.pairs]]
    two = unit[[row[pair.prompt_id, pair.b] for pair in view.pairs]]
    everyone = np.array([total[prompt] for prompt in view.prompt_ids])
    others = np.array([count[prompt] - 1 for prompt in view.prompt_ids])
    standing = [((side * everyone).sum(axis=1) - (side**2).sum(axis=1)) / others for side in (one, two)]
    return standing[0], standing[1], (one * two).sum(axis=1)


def _unit_vectors(view: PoolView) -> tuple[np.ndarray, dict[tuple[str, str], int]]:
    """Every response's embedding at unit length (m, d) float64, and its row by (prompt, response)."""
    row: dict[tuple[str, str], int] = {}
    vectors: list[np.ndarray] = []
    for pair, *sides in zip(view.pairs, *view.sides("embedding"), strict=True):
        for response, vector in zip((pair.a, pair.b), sides, strict=True):
            if (pair.prompt_id, response) not in row:
                row[pair.prompt_id, response] = len(vectors)
                vectors.append(vector)
    found = np.array(vectors, dtype=np.float64)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(length > 0, length, 1.0), row
