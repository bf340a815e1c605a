"""What the three papers claim, checked on the sample worlds and on people's labels: held, not held, or not shown.

    python -m tests.proof.claims [SEEDS] [FOLDER]

A seed: a warm-up batch, one round of DPO, every signal over the candidates of round 2, and then, from that same state,
a second batch picked in each of several ways, DPO on both, and the held-out sets. FOLDER is where the published files
lie; without fine-grained-rlhf in it that column is left out. Intervals are Student's over seeds, at 95 %, each for
itself. No outcome is required: the table is the result. Numbers are kept seed by seed in `output/claims_numbers.json`;
of the same code none is made twice, so a run that was broken off goes on.
"""

import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import stats

import engine
from engine.data.split import split_by_prompt
from engine.loop import Inputs, rounds
from engine.models.load import load_policy
from tests.logbook import ROOT
from tests.proof._claims import SAMPLE, World, of_seed

SAMPLES = ("skewed", "flat")
KEPT = Path(__file__).with_name("output") / "claims_numbers.json"


def sample(name: str) -> World:
    """A sample world with both held-out sets."""
    held_out = {one: engine.read(str(SAMPLE / name / f"heldout_{one}.jsonl")).data for one in ("pool_like", "balanced")}
    return World(name, engine.read(str(SAMPLE / name / "pool.jsonl")).data, held_out, batch=90, prompts=256)


def people(published: Path, scratch: Path) -> World | None:
    """fine-grained-rlhf: 500 questions × 4 responses, all six pairs answered by people; the passages are left out."""
    file = published / "fine-grained-rlhf" / "dev_feedback.json"
    if not file.is_file():
        return None
    rows = []
    for row in json.loads(file.read_text(encoding="utf-8")):
        texts = [row[f"prediction {n}"] for n in range(1, 5)]
        places = [(i, j) for i in range(4) for j in range(i + 1, 4)]
        said = [("tie", "first", "second")[answer] for answer in row["preference"]]
        compared = [{"first": i, "second": j, "answer": a} for (i, j), a in zip(places, said, strict=True)]
        rows.append({"prompt": row["question"], "responses": [{"text": t} for t in texts], "comparisons": compared})
    path = scratch / "people.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    pool, held_out = split_by_prompt(engine.read(str(path)).data, 0.2)
    return World("people", pool, {"split": held_out}, batch=48, prompts=128, gold=False)


def another_model(folder: Path, name: str) -> str:
    """The sample model after two rounds of random picks of that world, merged: it writes and judges differently."""
    world = sample(name)
    study = world.study()
    policy = load_policy(study.model, 99)
    inputs = Inputs.in_memory(study.run({"name": "random"}, 99), world.pool, {})
    for _ in rounds(inputs, policy=policy):
        pass
    path = folder / f"model-of-{name}"
    policy.model.merge_and_unload().save_pretrained(path)
    policy.tokenizer.save_pretrained(path)
    return str(path)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and Student's 95 % interval over seeds."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(np.mean(values) - half), float(np.mean(values) + half)


CLAIMS: Mapping[str, Callable[[float], float]] = {
    "sigma predicts the error": lambda x: x,
    "sigma predicts the surprise at the label": lambda x: x,
    "length and gradient norm, unit norm off": lambda x: -x,
    "unit norm − none": lambda x: x,
    "512 numbers − 64": lambda x: x,
    "another model's picks − its own": lambda x: -x,
    "the same, models exchanged": lambda x: -x,
    "certain half right more often": lambda x: x,
    "confidently wrong − random": lambda x: x,
    "two steps − entropy alone": lambda x: x,
    "dissimilar half has fewer label errors": lambda x: -x,
    "dissimilar half has fewer ties": lambda x: -x,
    "ActiveDPO − random": lambda x: x,
    "entropy, then certainty − random": lambda x: x,
    "REAL − random": lambda x: x,
}
"""Claim → the number as the paper would have it: above 0."""


def cell(name: str, values: Sequence[float]) -> str:
    """Mean, interval, and for a claim the word."""
    mean, low, high = interval(values)
    said = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")
    if name not in CLAIMS:
        return said
    ends = sorted(CLAIMS[name](end) for end in (low, high))
    return f"{said} {'held' if ends[0] > 0 else 'not held' if ends[1] < 0 else 'not shown'}"


def markdown(columns: Mapping[str, Mapping[str, str]]) -> str:
    """A row a number, a column a world."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [[name, *(column.get(name, "–") for column in columns.values())] for name in names]
    head = ["after 2 rounds", *columns]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def one(name: str, seed: int, published: Path, second: str) -> dict[str, float]:
    """Every number of one seed of a world; empty where the world's files are not there."""
    torch.set_num_threads(1)  # a seed a core
    with tempfile.TemporaryDirectory() as scratch:
        world = sample(name) if name in SAMPLES else people(published, Path(scratch))
        return {} if world is None else of_seed(world, seed, second)


def code() -> str:
    """What the numbers are made by, as git names it; "" where that is not as committed."""
    parts = ("engine", "sample_data", "tests/proof/_claims.py", "tests/proof/claims.py")

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()

    return "" if git("status", "--porcelain", *parts) else git("rev-parse", *(f"HEAD:{part}" for part in parts))


@dataclass
class Kept:
    """The numbers of every finished seed, world → seed → name → number, in a file; those of other code are left."""

    code: str
    numbers: dict[str, dict[str, dict[str, float]]]

    @classmethod
    def of(cls, code: str) -> "Kept":
        """What was kept of this code; nothing where its files are not as committed."""
        known = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
        return cls(code, known["numbers"] if code and known.get("code") == code else {})

    def has(self, name: str, seed: int) -> bool:
        """Whether that seed of that world is finished."""
        return str(seed) in self.numbers.get(name, {})

    def keep(self, name: str, seed: int, found: dict[str, float]) -> None:
        """One more."""
        self.numbers.setdefault(name, {})[str(seed)] = found
        text = json.dumps({"code": self.code, "numbers": self.numbers}, indent=1, sort_keys=True)
        KEPT.write_text(text + "\n", encoding="utf-8")


def main() -> str:
    """What was seen, for the log."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    published = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT.parent / "shared" / "data"
    names = (*SAMPLES, "people (fine-grained-rlhf)")
    kept = Kept.of(code())
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool,
    ):
        # A world is never judged by a model that has trained on its labels.
        models = {name: another_model(Path(scratch), name) for name in SAMPLES}
        second = {name: models["skewed" if name == "flat" else "flat"] for name in names}
        missing = [(name, seed) for name in names for seed in range(1, seeds + 1) if not kept.has(name, seed)]
        asked = {pool.submit(one, name, seed, published, second[name]): (name, seed) for name, seed in missing}
        for task in as_completed(asked):
            kept.keep(*asked[task], task.result())
    columns: dict[str, dict[str, str]] = {}
    for name in names:
        found = [numbers for seed in range(1, seeds + 1) if (numbers := kept.numbers[name][str(seed)])]
        if found:
            columns[name] = {n: cell(n, [numbers[n] for numbers in found]) for n in found[0]}
    print(markdown(columns))
    words = [text.rpartition(") ")[2] for found in columns.values() for text in found.values()]
    said = ", ".join(f"{words.count(word)} {word}" for word in ("held", "not held", "not shown"))
    return f"{seeds} seeds on {', '.join(columns)}: of the papers' claims {said}"


if __name__ == "__main__":
    print(main())
