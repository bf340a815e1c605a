"""A store with one large finished study, made through the store's own writers: texts, scores, picks, labels, a map."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.records import Label, Labelled, Message, Pair, Pick, Picked, Pooled, Prompt, Response, Scored, SignalArray
from engine.seeds import rng_for
from engine.store import queries, texts, writer
from engine.store.database import Store, open_store
from engine.store.round_table import make_table
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker

STRATEGIES = ("activedpo", "apl")
ROUNDS, BATCH, RESPONSES = 3, 60, 5
TOPICS = "wool silk cotton linen leather velvet denim fleece".split()
WORDS = "wash cold warm dry iron fold soap brush rinse soak never always gently twice slowly before after press".split()


def made_store(folder: Path, pairs: int) -> Store:
    """One study of two strategies, one seed and three rounds over `pairs` candidates, all pairs of five responses.

    The pool of every round is the whole pool, less what the run has picked. The map is the task's own, of vectors that
    are drawn around one centre a topic.
    """
    store = open_store(folder)
    data = _data(-(-pairs // (RESPONSES * (RESPONSES - 1) // 2)))
    pool = texts.add_dataset(store, name="pool", path="pool.jsonl", format_name="multi_response", sha256="00",
                             data=data, rows=len(data.prompts), refused={})  # fmt: skip
    config = StudyConfig.from_dict({
        "name": "A large pool", "race": "none", "data": {"pool": "pool.jsonl"}, "sampler": "all_pairs",
        "model": {"path": "model", "device": "cpu"}, "oracle": "recorded", "strategies": list(STRATEGIES),
        "seeds": [1], "rounds": ROUNDS, "labels_per_round": BATCH,
    })  # fmt: skip
    study_id = writer.queue_study(store, config, {"pool": pool}, {})
    candidates = sorted(data.pairs.values(), key=lambda pair: pair.id)[:pairs]
    me = writer.register_worker(store, "device", "cpu", os.getpid(), "here")
    while claim := writer.claim_run(store, me):
        _run(store, claim, candidates)
    writer.end_worker(store, me)
    _map(store, study_id)
    return store


def _data(prompts: int) -> PreferenceData:
    data, rng = PreferenceData(), rng_for(1, None, "made store")
    said = rng.choice(WORDS, size=(prompts, 8))
    for n in range(prompts):
        topic = TOPICS[n % len(TOPICS)]
        prompt = Prompt.of(
            [Message("user", f"How do I {' '.join(said[n])} a {topic} jumper, number {n}?")], topic=topic
        )
        data.prompts[prompt.id] = prompt
        words = rng.choice(WORDS, size=(RESPONSES, 20))
        made = [Response.of(prompt.id, f"{' '.join(words[m])}, {topic} {m}.", "made") for m in range(RESPONSES)]
        data.responses.update((response.id, response) for response in made)
        for x in range(RESPONSES):
            for y in range(x):
                pair = Pair.of(prompt.id, made[x].id, made[y].id)
                data.pairs[pair.id] = pair
                data.comparisons.append(Comparison(pair.id, "a"))
    return data


def _run(store: Store, claim: writer.Claim, pairs: Sequence[Pair]) -> None:
    """Every event up to the labels of the last round: what Explore and the map read."""
    strategy, seed = claim.config.strategy.name, claim.config.seed
    here = np.ones(len(pairs), dtype=bool)
    for number in range(1, ROUNDS + 1):
        rng = rng_for(seed, number, f"made scores:{strategy}")
        rows = np.flatnonzero(here)
        scores = rng.gamma(2.0 + 0.3 * number, 0.1, len(rows))
        ids = tuple(pairs[row].id for row in rows)
        margins = rng.normal(0, 0.2 * number, len(rows)).astype(np.float32)
        best = rows[np.argsort(-scores)[:BATCH]]
        by_row = dict(zip(rows.tolist(), scores.tolist(), strict=True))
        picks = tuple(Pick(pairs[row].id, n, score=by_row[row], gain=by_row[row]) for n, row in enumerate(best, 1))
        labels = tuple(Label(pick.pair_id, "a", "recorded") for pick in picks)
        margin = SignalArray("reward_margin", "pair", ids, margins, "reward units", "policy against reference")
        for event in (
            Pooled(number, ids, made_pairs=tuple(pairs[row] for row in rows)),
            Scored(number, (margin,), scores),
            Picked(number, picks),
            Labelled(number, labels),
        ):
            writer.save_event(store, claim, event)
            make_table(store, claim.run_id, event)
        here[best] = False
    writer.set_state(store, claim.run_id, "done")


def _map(store: Store, study_id: str) -> None:
    """The map as its task makes it, of made vectors in place of an encoder's."""
    centres = rng_for(1, None, "made centres").normal(size=(len(TOPICS), 16)).astype(np.float32)

    def embed(block: Sequence[Any]) -> np.ndarray:
        found = [str(text) for text in block]
        rng = rng_for(1, None, f"made vectors:{found[0]}")
        at = [next(n for n, topic in enumerate(TOPICS) if topic in text) for text in found]
        return centres[at] + rng.normal(0, 0.6, (len(found), 16)).astype(np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", embed)
        ask(store, Projection(study_id=study_id))
        ToolsWorker(store).work(until_idle=True)
    if failed := [task for task in queries.tasks(store) if task.state != "done"]:
        raise RuntimeError(f"The map of the made store could not be made: {failed[0].error}")
