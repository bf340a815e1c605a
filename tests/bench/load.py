"""Is every query behind a page fast in a store of 1,000 runs with 10 M scores in array files?

50 studies of 5 strategies and 4 seeds, 6 rounds each, over a pool of 2,100 pairs; beside it a data set of 20,000
prompts. The rows and the arrays are real and all different; lists and files that no page reads share their bytes. A
batch is of 25 pairs, fewer than the sample study's 60, so that the store stays below 300 MB: what reads every pick of a
study would take some 2.4 times as long with 60.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from engine.config import StudyConfig
from engine.cost import Sizes
from engine.data.pool import Comparison, PreferenceData
from engine.records import STAGES, Message, Pair, Prompt, Response
from engine.seeds import rng_for
from engine.settings import ModelSettings
from engine.signals.base import SIGNALS
from engine.store import browse, claims, inbox, pace, projected, queries, texts, writer
from engine.store import schema as s
from engine.store.codec import _SCORES
from engine.store.database import Store, now, open_store
from engine.store.files import Written, pack, write_bytes
from engine.store.outcomes import outcomes
from engine.store.plugins import all_kept
from engine.store.scoring_price import price

LIMIT_MS = 300
MODEL = ModelSettings(path="model")
STUDIES, SEEDS, ROUNDS, BATCH = 50, 4, 6, 25
STRATEGIES = ("random", "activedpo", "apl", "real", "apl_entropy")
PROMPTS, RESPONSES, LARGE = 350, 4, 20_000
TURNS = 5
WORDS = "wash cold warm dry iron fold soap brush rinse soak never always gently twice slowly wool silk".split()
METRICS = [(name, split) for name in ("accuracy", "nll", "margin") for split in ("near", "far")] + [
    ("win_rate", ""), ("kl", "")
]  # fmt: skip


def measure() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store, scores = _build(Path(folder))
        built = time.perf_counter() - began
        size = sum(path.stat().st_size for path in {p.stat().st_ino: p for p in Path(folder).rglob("*")}.values())
        runs = STUDIES * SEEDS * len(STRATEGIES)
        lines = [
            f"{runs:,} runs, {scores / 1e6:.1f} M scores in files, {size / 1e6:.0f} MB, built in {built:.0f} s; "
            f"{BATCH} labels a round"
        ]
        found = {name: _timed(query) for name, query in _queries(store).items()}
    slow = [name for name, (_, most) in found.items() if most > LIMIT_MS]
    others = f"priority {os.nice(0)}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    lines.append(
        f"{len(found)} queries, each {TURNS} times with other ids, {others}; over {LIMIT_MS} ms: "
        f"{', '.join(slow) or 'none'}"
    )
    for name, (median, most) in sorted(found.items(), key=lambda item: -item[1][1]):
        lines.append(f"{name}: median {median:.1f} ms, at most {most:.1f} ms, {most / LIMIT_MS:.2f} of the limit")
    return lines


def _timed(query: Callable[[int], object]) -> tuple[float, float]:
    """(median, longest) in ms; the first turn, which finds nothing prepared, counts like any other."""
    spent = []
    for turn in range(TURNS):
        start = time.perf_counter()
        query(turn)
        spent.append(1000 * (time.perf_counter() - start))
    return float(np.median(spent)), max(spent)


def _queries(store: Store) -> dict[str, Callable[[int], object]]:
    """Everything that a page, its sidebar or a waiting worker asks for; the number varies what is asked about."""
    with store.read() as connection:
        studies = list(connection.execute(sa.select(s.studies.c.id)).scalars())
        runs = {
            study: list(
                connection.execute(
                    sa.select(s.runs.c.id).where(s.runs.c.study_id == study).order_by(s.runs.c.position)
                ).scalars()
            )
            for study in studies
        }
        pair_ids = list(connection.execute(sa.select(s.pairs.c.id).limit(2000)).scalars())
    large = next(found.id for found in queries.datasets(store) if found.prompts == LARGE)
    pool = browse.datasets_of(store, studies[0])["pool"]
    large_prompts = [found.id for found in browse.search(store, large).prompts]
    frame = pd.DataFrame({"pair_id": pair_ids, "x": np.zeros(len(pair_ids)), "y": np.zeros(len(pair_ids))})
    points = projected.write_points(store, "map", pa.Table.from_pandas(frame, preserve_index=False))
    selection = inbox.save_selection(store, studies[0], pair_ids[:500], {})

    def study(n: int) -> str:
        return studies[(7 * n + 3) % len(studies)]

    def run(n: int) -> str:
        return runs[study(n)][1 + n % 4]

    idle = writer.register_worker(store, "device", "cpu", 1, "here")
    asked = queries.tasks(store)[0]
    whole, margin = Sizes(LARGE, 2 * LARGE, LARGE), [SIGNALS.build("reward_margin")]
    return {
        "revision": lambda n: queries.revision(store, study(n)),
        "studies": lambda n: queries.studies(store),
        "study": lambda n: queries.study(store, study(n)),
        "run": lambda n: queries.run(store, run(n)),
        "metric names": lambda n: queries.metric_names(store, study(n)),
        "curve": lambda n: queries.curve(store, study(n), "accuracy", "near"),
        "stage log": lambda n: queries.stage_log(store, run(n)),
        "notes": lambda n: queries.notes(store, run(n)),
        "workers": lambda n: queries.workers(store),
        "data sets": lambda n: queries.datasets(store),
        "rounds": lambda n: queries.rounds(store, run(n)),
        "batch": lambda n: queries.batch(store, run(n), 1 + n),
        "scores of a round": lambda n: queries.scores(store, run(n), 1 + n),
        "outcomes of a study": lambda n: outcomes(store, study(n), "near"),
        "labelled pairs of a study": lambda n: queries.labelled_pairs(store, study(n)),
        "labelled pairs of a strategy and seed": lambda n: queries.labelled_pairs(store, study(n), "real", 1),
        "task": lambda n: queries.task(store, asked.id),
        "tasks": lambda n: queries.tasks(store),
        "find a task": lambda n: queries.find_task(store, asked.kind, asked.request),
        "pace": lambda n: pace.pace(store, "model"),
        "price of a dry run": lambda n: price(store, MODEL, large, whole, margin, study_id=study(n), rounds=1),
        "kept strategies": lambda n: all_kept(store),
        "data sets of a study": lambda n: browse.datasets_of(store, study(n)),
        "recorded answers": lambda n: browse.recorded(store, large),
        "search for nothing, last page": lambda n: browse.search(store, large, "", LARGE // browse.PAGE - 1 - n),
        "search for a word": lambda n: browse.search(store, large, WORDS[n]),
        "search for what is not there": lambda n: browse.search(store, large, f"nobody says {n}"),
        "prompt": lambda n: browse.prompt(store, pool, _pool_prompts(store, pool)[n], study(n)),
        "prompt of a large data set": lambda n: browse.prompt(store, large, large_prompts[n]),
        "answered before a round": lambda n: browse.answered(store, study(n), 1 + n % SEEDS, ROUNDS),
        "scores and picks of a round": lambda n: browse.round_scores(store, run(n), 1 + n),
        "overlap of five strategies": lambda n: [browse.round_scores(store, r, 1 + n) for r in runs[study(n)][:5]],
        "texts of 2,000 pairs": lambda n: browse.pair_texts(store, pair_ids),
        "points of a map": lambda n: projected.read_points(store, points),
        "marks of a map": lambda n: projected.marks(store, study(n), 1 + n % SEEDS),
        "a saved selection": lambda n: projected.selection(store, studies[0], selection),
        "a waiting worker's claim": lambda n: claims.claim_run(store, idle),
    }


def _pool_prompts(store: Store, dataset: str) -> list[str]:
    if dataset not in _seen:
        _seen[dataset] = [found.id for found in browse.search(store, dataset).prompts]
    return _seen[dataset]


_seen: dict[str, list[str]] = {}


# ---- the store ------------------------------------------------------------------------------------------------------
def _build(folder: Path) -> tuple[Store, int]:
    store = open_store(folder / "store")
    data = _data(PROMPTS, RESPONSES, "pool")
    near = _data(500, 2, "near")
    ids = {"pool": _add(store, data, "pool"), "held_out:near": _add(store, near, "near")}
    _add(store, _data(LARGE, 2, "large"), "large")
    pairs = list(data.pairs.values())
    shared = _shared(store, pairs, list(near.pairs.values()))
    made = {"scores": 0}
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(STUDIES):
        config = StudyConfig.from_dict({
            "name": f"study {n}", "race": "none",
            "data": {"pool": "pool.jsonl"}, "model": {"path": "model"}, "oracle": "gold",
            "strategies": list(STRATEGIES), "seeds": list(range(1, SEEDS + 1)), "rounds": ROUNDS,
            "labels_per_round": BATCH,
        })  # fmt: skip
        study_id = writer.queue_study(store, config, ids, {"data": {}})
        runs = [
            (f"r{study_id[1:]}-{run.strategy.name}-{run.seed}", run.strategy.name, run.seed) for run in config.runs()
        ]
        with store.write(study_id) as connection:
            bought: dict[int, set[str]] = {}
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("stages", "artefacts", "picks", "labels",
                                                                          "metrics")}  # fmt: skip
            for run_id, strategy, seed in runs:
                of = (store, study_id, run_id, strategy, seed, start + timedelta(hours=n))
                _run(*of, pairs, shared, rows, bought.setdefault(seed, set()), made)
            pooled = [row for row in rows["artefacts"] if row["name"] == "pairs.json"]
            for name, found in rows.items():
                connection.execute(getattr(s, name).insert(), found)
            numbers = dict(connection.execute(sa.select(s.artefacts.c.path, s.artefacts.c.id)).all())
            snapshots = [{"run_id": row["run_id"], "round": row["round"], "n_pairs": len(pairs),
                          "artefact_id": numbers[row["path"]]} for row in pooled]  # fmt: skip
            connection.execute(s.pool_snapshots.insert(), snapshots)
            done = {"state": "done", "stage": "evaluated", "round": ROUNDS, "updated": now()}
            connection.execute(s.runs.update().where(s.runs.c.study_id == study_id).values(**done))
    for n in range(500):
        inbox.request_task(store, "token_counts", {"study_id": f"s{n}"})
    return store, made["scores"]


def _data(n: int, m: int, salt: str) -> PreferenceData:
    data = PreferenceData()
    rng = rng_for(1, None, salt)
    for i in range(n):
        words = " ".join(rng.choice(WORDS, size=12))
        prompt = Prompt.of([Message("user", f"How do I {words}, {salt} {i}?")], topic=str(rng.choice(WORDS)))
        data.prompts[prompt.id] = prompt
        made = [Response.of(prompt.id, f"{' '.join(rng.choice(WORDS, size=40))} {j}", "made") for j in range(m)]
        data.responses.update((response.id, response) for response in made)
        for x in range(m):
            for y in range(x):
                pair = Pair.of(prompt.id, made[x].id, made[y].id)
                data.pairs[pair.id] = pair
                data.comparisons.append(Comparison(pair.id, "a"))
    return data


def _add(store: Store, data: PreferenceData, name: str) -> str:
    return texts.add_dataset(store, name=name, path=f"{name}.jsonl", format_name="made", sha256=name, data=data,
                             rows=len(data.prompts), refused={})  # fmt: skip


def _shared(store: Store, pairs: list[Pair], near: list[Pair]) -> dict[str, Written]:
    """What is the same in every run: lists of the pool and of the held-out set, and the files that no page reads."""
    listed = {"ids": [p.id for p in pairs], "pairs": [[p.id, p.prompt_id, p.a, p.b] for p in pairs], "made": []}
    unread = ("features.safetensors", "adapter.safetensors", "steps.json", "generations.json")
    contents = {
        "pairs.json": json.dumps(listed).encode(),
        "ids.json": json.dumps({"reward_margin": [p.id for p in pairs]}).encode(),
        "signals.safetensors": pack({}),
        "margins.safetensors": pack({"near": np.linspace(-1, 1, len(near))}),
        "measured.json": json.dumps({"near": [[p.id, p.prompt_id, "a"] for p in near]}).encode(),
        **dict.fromkeys(unread, b"[]"),
    }
    return {name: write_bytes(store.folder, f"files/shared/{name}", held) for name, held in contents.items()}


FILES = {"pooled": ["pairs.json"], "scored": ["signals.safetensors", "ids.json"], "picked": ["features.safetensors"],
         "labelled": [], "trained": ["adapter.safetensors", "steps.json"],
         "evaluated": ["margins.safetensors", "generations.json"]}  # fmt: skip


def _run(
    store: Store, study_id: str, run_id: str, strategy: str, seed: int, at: datetime, pairs: list[Pair],
    shared: dict[str, Written], rows: dict[str, list[dict[str, Any]]], bought: set[str], made: dict[str, int],
) -> None:  # fmt: skip
    rng = rng_for(seed, None, run_id)
    order = rng.permutation(len(pairs))
    folder = store.folder / "files" / run_id
    folder.mkdir()
    for number in range(ROUNDS + 1):
        key = {"run_id": run_id, "round": number}
        chosen = [pairs[row].id for row in order[BATCH * (number - 1) : BATCH * number]] if number else []
        picks = [[pair_id, rank, 0.5, 0.25, {"rank_in_pool": float(rank)}] for rank, pair_id in enumerate(chosen, 1)]
        labels = [[pair_id, "a", "gold", {"score_a": 0.5, "score_b": 0.25}] for pair_id in chosen]
        signal = {"name": "reward_margin", "axis": "pair", "unit": "reward units", "made_on": "", "kept": True}
        signals = [] if strategy == "random" else [signal]
        details: dict[str, dict[str, Any]] = {
            "pooled": {"dropped": {}}, "scored": {"notes": [], "signals": signals},
            "picked": {"warm_up": False, "picks": picks}, "labelled": {"labels": labels, "reused": 0},
            "trained": {"labels_used": BATCH * number, "adapter_hash": "0"}, "evaluated": {"metrics": []},
        }  # fmt: skip
        for n, stage in enumerate(STAGES if number else STAGES[-1:]):
            finished = at + timedelta(minutes=10 * number + n)
            rows["stages"].append({**key, "stage": stage, "detail": details[stage], "seconds": 3.5, "tokens": 10_000,
                                   "peak_bytes": 10**9, "finished": finished})  # fmt: skip
            for name in [*FILES[stage], *([] if number else ["measured.json"])]:
                path = f"files/{run_id}/{number:03d}-{stage}-{name}"
                if name == "signals.safetensors" and strategy != "random":
                    arrays = {"reward_margin": rng.normal(size=len(pairs)).astype(np.float32)}
                    arrays[_SCORES] = rng.normal(size=len(pairs))
                    made["scores"] += len(pairs)
                    file = _write_fast(store.folder, path, pack(arrays))
                else:
                    file = shared[name]
                    os.link(store.folder / file.path, store.folder / path)
                rows["artefacts"].append({**key, "stage": stage, "name": name, "path": path, "bytes": file.bytes,
                                          "sha256": file.sha256, "created": finished})  # fmt: skip
        rows["picks"] += [{**key, "rank": rank, "pair_id": pair_id, "score": score, "gain": gain, "why": why,
                           "warm_up": False} for pair_id, rank, score, gain, why in picks]  # fmt: skip
        rows["labels"] += [{"study_id": study_id, "seed": seed, "pair_id": pair_id, "answer": answer, "oracle": oracle,
                            "detail": detail, **key, "created": at}
                           for pair_id, answer, oracle, detail in labels if pair_id not in bought]  # fmt: skip
        bought.update(chosen)
        rows["metrics"] += [{**key, "name": name, "split": split, "value": float(rng.random()), "n": 100, "unit": ""}
                            for name, split in METRICS]  # fmt: skip


def _write_fast(folder: Path, path: str, content: bytes) -> Written:
    """As the store does, but nothing here has to outlive a power cut."""
    import hashlib

    (folder / path).write_bytes(content)
    return Written(path, len(content), hashlib.sha256(content).hexdigest())
