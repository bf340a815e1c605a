"""REAL: pairs whose responses say different things."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
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
    open_points: ClassVar[str] = (
        "Read: last hidden layer of the base model, response text without the prompt, mean over its tokens, lowest "
        "cosine first; one shot before training. Ours: the same ranking used round by round."
    )

    keep: Literal["dissimilar", "similar"] = Field(
        "dissimilar", description="similar is the opposite end, as a control"
    )
    per_prompt: bool = Field(False, description="take only the least similar pair of each prompt")

    def recipe(self, view: PoolView) -> Recipe:
        """Minus the cosine of the two responses' embeddings, in [-1, 1]."""
        a, b = (side.astype(np.float64) for side in view.sides("embedding"))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosine = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
        return Scores(-cosine if self.keep == "dissimilar" else cosine, per_prompt=self.per_prompt)
