"""The pool in the plane, by PCA or UMAP: responses, pairs as differences of two responses, clusters with names."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.cache import cached, key_of
from engine.errors import DataError, StoreError
from engine.records import Response, Trained
from engine.signals.embedding import Embedding
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.projected import (
    PoolTexts,
    fixed_pool,
    keep_pairs,
    points_are_there,
    round_pool,
    study_config,
    write_points,
)
from engine.tasks._places import places
from engine.tasks.base import TASKS, Say, Task

if TYPE_CHECKING:
    from engine.models.policy import Policy

BLOCK = 256
"""Texts a pass, between two words."""
Spoken = tuple[np.ndarray, dict[str, Any]]


@TASKS.register
class Projection(Task):
    """Place a pool's responses and pairs in the plane, name their clusters, and say how unlike two responses are."""

    name: ClassVar[str] = "projection"
    title: ClassVar[str] = "map of a pool"
    source: ClassVar[str] = (
        "Pearson 1901 (PCA); McInnes et al. 2018, arXiv:1802.03426 (UMAP); Reimers & Gurevych 2019, arXiv:1908.10084 "
        "(sentence vectors); Grootendorst 2022, arXiv:2203.05794 (names of clusters)"
    )

    study_id: str = Field(description="whose pool")
    vectors: Literal["sentences", "reference", "policy"] = Field(
        "sentences", description="a sentence encoder's, or hidden states of the study's model before or after training"
    )
    run_id: str = Field("", description="the run, for a pool drawn by the policy or for its policy's vectors")
    round: int = Field(0, ge=0, description="the round of that run; its policy is the one that scored the round")
    method: Literal["pca", "umap"] = Field("pca", description="how vectors become places: PCA is quick, UMAP is not")
    seed: int = Field(0, ge=0, description="of UMAP and of the clusters")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """Vectors, plane, points; the points go into files, the answer names them and what they were made on."""
        say("reading the pool")
        own = self.run_id and study_config(store, self.study_id).sampler.generates
        pool = round_pool(store, self.run_id, self.round) if own else fixed_pool(store, self.study_id)
        if not pool.pairs:
            raise DataError("The pool has no pair, so there is nothing to draw.", "Look at the data of the study.")
        vectors, stamp = self._sentences(store, pool, say) if self.vectors == "sentences" else self._model(
            store, pool, say
        )  # fmt: skip
        found = places(pool, vectors, self.method, self.seed, say)
        keep_pairs(store, pool.pairs)
        files = {name: write_points(store, f"projection-{name}", found.tables[name]) for name in found.tables}
        counts = {name: len(table) for name, table in found.tables.items()}
        return {
            "stamp": {**stamp, **found.stamp, "seed": self.seed},
            "files": files,
            "explained": found.explained,
            "clusters": found.clusters,
            "left_out": len(pool.pairs) - counts["pairs"],
            **counts,
        }

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """While both files lie there; an answer of a day before clusters had names is made anew."""
        files = answer.get("files", {})
        return "clusters" in answer and all(
            points_are_there(store, files.get(what, {})) for what in ("responses", "pairs")
        )

    def _sentences(self, store: Store, pool: PoolTexts, say: Say) -> Spoken:
        """Vectors (n, d) of all responses by the sentence encoder that is shipped."""
        from engine.models.embed import embed_sentences

        signal = Embedding(model="other")
        texts = [response.text for response in pool.responses]
        key = key_of({"task": self.name, "signal": signal.spec()}, [r.id for r in pool.responses])
        vectors = _kept(
            store, key, texts, lambda block: embed_sentences(block), say, "reading responses with the sentence encoder"
        )
        stamp = {"model": "sentence encoder all-MiniLM-L6-v2", "adapter": "", "layer": "its output"}
        return vectors, {**stamp, "pooling": "mean over tokens", "read": "response without prompt"}

    def _model(self, store: Store, pool: PoolTexts, say: Say) -> Spoken:
        """Hidden states of the study's model; NaN for responses that do not fit its context."""
        from engine.models.embed import embed_responses
        from engine.models.load import load_policy
        from engine.models.tokens import TooLong, encode

        config = study_config(store, self.study_id)
        say("loading the model on the CPU")
        policy = load_policy(config.model.model_copy(update={"device": "cpu", "dtype": "auto"}), config.seeds[0])
        words = "reference (adapter off)" if self.vectors == "reference" else self._adapt(store, policy)

        def embed(block: Sequence[Response]) -> np.ndarray:
            fitting, rows = [], []
            for row, response in enumerate(block):
                try:
                    fitting.append(encode(policy, pool.prompts[response.prompt_id], response.text))
                    rows.append(row)
                except TooLong:
                    continue
            width = policy.model.config.get_text_config().hidden_size
            found = np.full((len(block), width), np.nan, dtype=np.float32)
            if rows:
                found[rows] = embed_responses(policy, fitting, reference=self.vectors == "reference")
            return found

        of: Literal["policy", "reference"] = "reference" if self.vectors == "reference" else "policy"
        key = key_of({"task": self.name, "model": policy.fingerprint(of)}, [r.id for r in pool.responses])
        vectors = _kept(store, key, pool.responses, embed, say, "passing responses through the model")
        stamp = {"model": policy.name, "adapter": words, "layer": "last layer"}
        return vectors, {**stamp, "pooling": "mean over response tokens", "read": "response without prompt"}

    def _adapt(self, store: Store, policy: "Policy") -> str:
        """Give the policy the adapter that scored the round; in words."""
        from engine.models.adapters import set_adapter

        if self.round < 1 or not self.run_id:
            raise StoreError("The policy's vectors belong to a round of a run.", "Name a run and a round from 1 on.")
        if self.round == 1:
            return "policy before round 1 (as the reference)"
        trained = load_event(store, self.run_id, self.round - 1, "trained")
        if not isinstance(trained, Trained):
            raise StoreError(
                f"Round {self.round - 1} of run {self.run_id} is not trained yet.", "Wait for the round, then retry."
            )
        set_adapter(policy, trained.adapter)
        return f"policy after round {self.round - 1}"


def _kept(
    store: Store,
    key: str,
    items: Sequence[Any],
    embed: Callable[[Sequence[Any]], np.ndarray],
    say: Say,
    words: str,
) -> np.ndarray:
    """One vector an item, from the cache or block by block."""

    def compute() -> np.ndarray:
        blocks = []
        for start in range(0, len(items), BLOCK):
            say(f"{words}, {start:,} of {len(items):,}")
            blocks.append(embed(items[start : start + BLOCK]))
        return np.concatenate(blocks)

    return cached(FileCache(store.folder / "cache"), key, compute)[0]
