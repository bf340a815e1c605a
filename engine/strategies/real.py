"""REAL: pairs whose responses say different things."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView, unit
from engine.selection.recipes import Recipe, Scores
from engine.selection.terms import Term, Terms
from engine.strategies.base import STRATEGIES, Strategy


@STRATEGIES.register
class Real(Strategy):
    """Label pairs whose two responses are least alike by embedding, easy for a labeller to tell apart.

    The embedding is of the response alone, mean-pooled over its tokens; the score is minus the cosine.
    """

    name: ClassVar[str] = "real"
    title: ClassVar[str] = "REAL"
    needs: ClassVar[frozenset[str]] = frozenset({"embedding"})
    source: ClassVar[str] = "Zhang et al. 2024, arXiv:2409.17169"
    formula: ClassVar[str] = r"a = -\cos\big(\bar e(y_1), \bar e(y_2)\big)"
    cost: ClassVar[str] = (
        "Two forwards of the embedding model, once in a study, D numbers kept a response. The batch: one sort."
    )
    aliases: ClassVar[tuple[str, ...]] = ("least similar pair",)
    open_points: ClassVar[str] = (
        "Read in the authors' code: last hidden layer of the base model, response text without the prompt, mean over "
        "its tokens, cut at 512 or 128 of them (here never cut); of given pairs, one a prompt, the half of lowest "
        "cosine; of several responses the least similar pair of each prompt, all prompts (`per_prompt`). A race as "
        "published takes either, one pair a prompt and one shot before training, with β = 0.1, 5e-7, one epoch and 16 "
        "pairs a step of all weights, which moves an adapter little. "
        "Their second script takes chosen and rejected from the order of ids; here the oracle says. Ours: the same "
        "ranking used round by round, and any other layer, model or sentence encoder by signal embedding."
    )
    published: ClassVar[Mapping[str, Any]] = {
        "sampler": {"name": "given"},
        "regime": {"pool": "fixed", "weights": "reset", "data": "new"},
        "dpo": {"beta": 0.1, "learning_rate": 5e-7, "epochs": 1, "batch_pairs": 16},
        "rounds": 1,
        "label_share": 0.5,
        "one_per_prompt": True,
        "warm_up": False,
        "prompts_per_round": None,
    }
    published_with: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "per_prompt": {"sampler": {"name": "all_pairs"}, "label_share": 1.0}
    }

    keep: Literal["dissimilar", "similar"] = Field(
        "dissimilar", description="similar is the opposite end, as a control"
    )
    per_prompt: bool = Field(False, description="every prompt's least similar pair before any prompt's second")

    def opposite(self) -> "Real":
        """The most similar pairs where it takes the least, and the other way round."""
        return self.model_copy(update={"keep": "similar" if self.keep == "dissimilar" else "dissimilar"})

    def recipe(self, view: PoolView) -> Recipe:
        """Minus the cosine of the two responses' embeddings, in [-1, 1]."""
        a, b = (side.astype(np.float64) for side in view.sides("embedding"))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosine = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
        return Scores(-cosine if self.keep == "dissimilar" else cosine, per_prompt=self.per_prompt)

    def terms(self, view: PoolView) -> Terms:
        """How alike the two responses are."""
        sign = -1.0 if self.keep == "dissimilar" else 1.0
        a, b = (unit(side.astype(np.float64)) for side in view.sides("embedding"))
        alike = Term("cosine of both responses", "cos(ē₁, ē₂)", (a * b).sum(axis=1))
        return Terms((alike,), f"a = {'−' if sign < 0 else ''}cos(ē₁, ē₂)", lambda cosine: sign * cosine)
