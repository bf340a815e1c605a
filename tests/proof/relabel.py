"""Suspected flips: of the most suspicious labels of a study, how many were flipped, against the share of all labels.

    python -m tests.proof.relabel [SEEDS]

A study a seed on the skewed sample world, by the worker and over a store: random picks, six rounds of 60 labels, all
answered by the file, in which 15 % of the answers were exchanged by a keyed draw. The label is right where it names the
higher gold score. What the page Label quality ranks is taken as it stands. The precision among the first 20 must be at
least twice the share of flips among all labels, on average over the seeds and with all of its 95 % interval.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.analysis.intervals import t_interval
from engine.analysis.suspects import precision_at
from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.data.read import read
from engine.seeds import uniforms
from engine.store import queries, texts, writer
from engine.store.database import open_store
from engine.worker import Worker
from tests.logbook import ROOT
from workbench.worth import worth

SAMPLE = ROOT / "sample_data"
RATE, FIRST, TIMES = 0.15, (10, 20, 40), 2.0
DECIDES = 20


def planted(pool: PreferenceData, seed: int, rate: float = RATE) -> tuple[PreferenceData, set[str]]:
    """The pool with one answer a pair, that of the gold score but for flips; and the pairs whose answer is flipped."""
    score = pool.scores
    gap = {pair.id: score[pair.a] - score[pair.b] for pair in pool.pairs.values()}
    ids = [pair_id for pair_id, apart in gap.items() if apart]
    flipped = {i for i, draw in zip(ids, uniforms(seed, None, "planted flips", ids), strict=True) if draw < rate}
    said = [Comparison(i, "a" if (gap[i] > 0) != (i in flipped) else "b") for i in ids]
    return replace(pool, pairs={i: pool.pairs[i] for i in ids}, comparisons=said), flipped


def study(seed: int, rounds: int, batch: int, prompts: int) -> StudyConfig:
    """One run of random."""
    return StudyConfig.from_dict({
        "name": f"planted flips, seed {seed}", "race": "none", "referee": {"second_random": False},
        "data": {"pool": "-", "held_out": {"pool_like": "-"}},
        "model": {"path": str(SAMPLE / "model"), "device": "cpu", "lora": {"rank": 8, "alpha": 16}},
        "sampler": "given", "oracle": "recorded", "strategies": ["random"], "seeds": [seed],
        "rounds": rounds, "labels_per_round": batch, "prompts_per_round": prompts,
        "dpo": {"learning_rate": 0.002, "beta": 1.0, "epochs": 3, "batch_pairs": 8},
        "evaluation": {"generate": "never", "pairs_per_set": 32, "probe": 64},
    })  # fmt: skip


def one(folder: Path, seed: int, rounds: int = 6, batch: int = 60, prompts: int = 256) -> tuple[float, list[float]]:
    """The share of flips among a study's labels, and the precision among its first suspects, by `FIRST`."""
    pool, flipped = planted(read(SAMPLE / "skewed" / "pool.jsonl").data, seed)
    held_out = read(SAMPLE / "skewed" / "heldout_pool_like.jsonl").data
    store = open_store(folder)
    ids = {
        role: texts.add_dataset(
            store, name=role, path=role, format_name="made", sha256=f"{role}{seed}", data=data, rows=len(data.pairs),
            refused={},
        )
        for role, data in {"pool": pool, "held_out:pool_like": held_out}.items()
    }  # fmt: skip
    study_id = writer.queue_study(store, study(seed, rounds, batch, prompts), ids, {})
    Worker(store, "cpu").work(until_idle=True)
    detail = queries.study(store, study_id)
    assert detail.summary.state == "done", [run.error for run in detail.runs]
    ranked = worth(store, study_id).suspects["pair_id"].tolist()
    base = sum(pair_id in flipped for pair_id in ranked) / len(ranked)
    return base, [precision_at(ranked, flipped, k) for k in FIRST]


def main(seeds: int) -> str:
    """What was seen, for the log; SystemExit if it is less than twice the base rate."""
    times = []
    print(f"seed  flips of all labels  precision at {', '.join(map(str, FIRST))}")
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            base, found = one(Path(folder), seed)
        print(f"{seed:4d}  {base:19.3f}  {'  '.join(f'{p:.3f}' for p in found)}", flush=True)
        times.append([p / base for p in found])
    spans = [t_interval(column) for column in np.array(times).T]
    words = [
        f"{span.mean:.2f} times at {k}" + (f" ({span.low:.2f} to {span.high:.2f})" if span.low and span.high else "")
        for k, span in zip(FIRST, spans, strict=True)
    ]
    said = f"precision over base rate, {seeds} seeds of 360 labels with 15 % flipped: {', '.join(words)}"
    decides = spans[FIRST.index(DECIDES)]
    if decides.mean < TIMES or (decides.low is not None and decides.low < TIMES):
        sys.exit(said)
    return said


if __name__ == "__main__":
    print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
