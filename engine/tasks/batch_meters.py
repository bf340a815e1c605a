"""How much a batch repeats itself, beside random batches of its size: the words of its pairs, prompts and lengths."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from engine.analysis.meters import DRAWS, distinct, meter, random_batches
from engine.analysis.redundancy import Vectors, cosines, mean_nearest, nearest_others, word_vectors
from engine.errors import StoreError
from engine.records import Pair, Pooled, Prompt, Response
from engine.seeds import uniforms
from engine.store.as_queued import run_as_queued
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.picked import picked_before
from engine.store.pool_texts import texts_of
from engine.store.scored import pairs_of
from engine.tasks.base import TASKS, Say, Task

AT_MOST = 512
"""Pairs of a batch that are measured, the first ones."""
CANDIDATES = 20_000
"""Candidates that random batches are drawn from: all, or a keyed sample of so many, and the batch."""
NEAR = 2
"""Neighbours of each kind that are named."""


@TASKS.register
class BatchMeters(Task):
    """Measure a batch beside random ones, and find what each of its pairs is most like."""

    name: ClassVar[str] = "batch_meters"
    title: ClassVar[str] = "meters of a batch"

    run_id: str = Field(description="whose batch")
    round: int = Field(ge=1, description="of which round")
    picks: tuple[str, ...] = Field(min_length=1, max_length=AT_MOST, description="the pairs of the batch, best first")

    def do(self, store: Store, say: Say) -> dict[str, Any]:
        """`meters`: name → `engine.analysis.meters.Meter`; `near`: pair id → the labelled pairs and the other picks
        that are most like it by their words, with cosines; `drawn_from` of how many `candidates`."""
        say("reading the pool of the round")
        run = run_as_queued(store, self.run_id)
        pooled = load_event(store, self.run_id, self.round, "pooled")
        if not isinstance(pooled, Pooled):
            raise StoreError(f"Round {self.round} of run {self.run_id} has no pool yet.", "Wait for the round.")
        seed = run.config.seed
        past = {pair_id: n for pair_id, n in picked_before(store, self.run_id, self.round).items()
                if pair_id not in set(self.picks)}  # fmt: skip
        ids = _sample(pooled.pair_ids, self.picks, seed, self.round)
        known = pairs_of(store, [*ids, *past])
        pairs = [known[i] for i in ids if i in known]
        labelled = [known[i] for i in past if i in known]
        say(f"reading the texts of {len(pairs):,} pairs")
        prompts, responses = texts_of(store, {side for pair in [*pairs, *labelled] for side in (pair.a, pair.b)})
        say(f"counting words in {len(pairs):,} pairs")
        words = word_vectors([_text(pair, prompts, responses) for pair in [*pairs, *labelled]])
        place = {pair.id: n for n, pair in enumerate(pairs)}
        batch = np.array([place[pick] for pick in self.picks], dtype=int)
        say(f"drawing {DRAWS:,} random batches")
        codes = {prompt_id: n for n, prompt_id in enumerate(sorted({pair.prompt_id for pair in pairs}))}
        of_prompt = np.array([codes[pair.prompt_id] for pair in pairs])
        by_turns = of_prompt if run.config.study.one_per_prompt else None
        drawn = random_batches(len(pairs), len(batch), seed=seed, round_number=self.round, prompts=by_turns)
        lengths = np.array([_words(pair, responses) for pair in pairs])
        measures = {
            "redundancy": lambda rows: mean_nearest(words[rows]) or 0.0,
            "prompts": distinct(of_prompt),
            "length": lambda rows: float(lengths[rows].mean()),
        }
        return {
            "meters": {name: asdict(meter(measure, batch, drawn)) for name, measure in measures.items()},
            "near": _nearest(self.picks, words[batch], words[len(pairs) :], list(past.items())),
            "drawn_from": len(pairs),
            "candidates": len(pooled.pair_ids),
            "draws": DRAWS,
        }

    def still_holds(self, store: Store, answer: Mapping[str, Any]) -> bool:
        """The picks stand in the request, and a round's pool never changes."""
        return True


def _sample(pool: Sequence[str], picks: Sequence[str], seed: int, round_number: int) -> list[str]:
    """The pool, or the pairs of lowest draw of it; the picks always in; in id order."""
    if len(pool) > CANDIDATES:
        draw = uniforms(seed, round_number, "meters", pool)
        pool = [pool[row] for row in np.argsort(draw)[:CANDIDATES]]
    return sorted({*pool, *picks})


def _text(pair: Pair, prompts: Mapping[str, Prompt], responses: Mapping[str, Response]) -> str:
    said = " ".join(message.content for message in prompts[pair.prompt_id].messages)
    return f"{said} {responses[pair.a].text} {responses[pair.b].text}"


def _words(pair: Pair, responses: Mapping[str, Response]) -> float:
    """Mean of both responses."""
    return (len(responses[pair.a].text.split()) + len(responses[pair.b].text.split())) / 2


def _nearest(
    picks: Sequence[str], batch: Vectors, labelled: Vectors, past: Sequence[tuple[str, int]]
) -> dict[str, dict[str, Any]]:
    """Of each pick the `NEAR` past picks and the `NEAR` other picks with the highest cosines, the highest first."""
    within = nearest_others(cosines(batch))
    before = cosines(batch, labelled) if len(past) else np.zeros((len(picks), 0))
    return {
        pick: {
            "labelled": [
                {"pair": past[at][0], "round": past[at][1], "cosine": float(before[n, at])} for at in _first(before[n])
            ],
            "picks": [
                {"pair": picks[at], "cosine": float(within[n, at])} for at in _first(within[n]) if picks[at] != pick
            ],
        }
        for n, pick in enumerate(picks)
    }


def _first(values: np.ndarray) -> list[int]:
    return [int(at) for at in np.argsort(-values, kind="stable")[:NEAR]]
