"""The pool in the plane, by PCA or UMAP: responses, pairs as differences of two responses, clusters with names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.cache import key_of
from engine.errors import DataError, StoreError
from engine.records import Trained
from engine.signals.embedding import Embedding
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.pool_texts import PoolRows, fixed_pool, round_pool, study_config
from engine.store.projected import keep_pairs, points_are_there, write_points
from engine.tasks._places import places
from engine.tasks.base import TASKS, Say, Task

if TYPE_CHECKING:
    from engine.models.policy import Policy

BLOCK = 256
"""Texts that are held and passed at a time, between two words."""
KEPT = 4096
"""Pairs that are written at a time."""
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
        if not len(pool.pairs):
            raise DataError("The pool has no pair, so there is nothing to draw.", "Look at the data of the study.")
        vectors, stamp = self._sentences(store, pool, say) if self.vectors == "sentences" else self._model(
            store, pool, say
        )  # fmt: skip

        def texts_of(rows: Sequence[int] | np.ndarray) -> list[str]:
            return [response.text for response in pool.texts(store, rows)]

        found = places(pool, vectors, texts_of, self.method, self.seed, say)
        for start in range(0, len(pool.pairs), KEPT):
            keep_pairs(store, pool.records(start, start + KEPT))
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

    def _sentences(self, store: Store, pool: PoolRows, say: Say) -> Spoken:
        """Vectors (n, d) of all responses by the sentence encoder that is shipped."""
        from engine.models.embed import embed_sentences

        def embed(rows: range) -> np.ndarray:
            return embed_sentences([response.text for response in pool.texts(store, rows)])

        of = {"task": self.name, "signal": Embedding(model="other").spec()}
        vectors = _kept(store, of, pool, embed, say, "reading responses with the sentence encoder")
        stamp = {"model": "sentence encoder all-MiniLM-L6-v2", "adapter": "", "layer": "its output"}
        return vectors, {**stamp, "pooling": "mean over tokens", "read": "response without prompt"}

    def _model(self, store: Store, pool: PoolRows, say: Say) -> Spoken:
        """Hidden states of the study's model; NaN for responses that do not fit its context."""
        from engine.models.embed import embed_responses
        from engine.models.load import load_policy
        from engine.models.tokens import TooLong, encode

        config = study_config(store, self.study_id)
        say("loading the model on the CPU")
        policy = load_policy(config.model.model_copy(update={"device": "cpu", "dtype": "auto"}), config.seeds[0])
        words = "reference (adapter off)" if self.vectors == "reference" else self._adapt(store, policy)

        def embed(rows: range) -> np.ndarray:
            fitting, places = [], []
            for place, (prompt, response) in enumerate(pool.asked(store, rows)):
                try:
                    fitting.append(encode(policy, prompt, response.text))
                    places.append(place)
                except TooLong:
                    continue
            width = policy.model.config.get_text_config().hidden_size
            found = np.full((len(rows), width), np.nan, dtype=np.float32)
            if places:
                found[places] = embed_responses(policy, fitting, reference=self.vectors == "reference")
            return found

        of: Literal["policy", "reference"] = "reference" if self.vectors == "reference" else "policy"
        made_of = {"task": self.name, "model": policy.fingerprint(of)}
        vectors = _kept(store, made_of, pool, embed, say, "passing responses through the model")
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
    store: Store, of: dict[str, Any], pool: PoolRows, embed: Callable[[range], np.ndarray], say: Say, words: str
) -> np.ndarray:
    """One vector a response, in a file of the cache; where it is not there it is made and written block by block."""
    n = len(pool.responses)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, n, BLOCK):
            say(f"{words}, {start:,} of {n:,}")
            yield embed(range(start, min(start + BLOCK, n)))

    key = key_of(of, (one.decode() for one in pool.responses))
    return FileCache(store.folder / "cache").mapped(key, n, blocks)
